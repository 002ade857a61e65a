"""What a user's completed jobs say of the next one."""

from __future__ import annotations

from datetime import timedelta

from fakes.queue import HOUR, a_job, a_spec

from scheduler.dispatch.running_times import PastRuns
from scheduler.domain.jobs import Basis
from scheduler.domain.running_time import Learnt
from scheduler.domain.runs import CompletedRun

TRAIN, OTHER = ("python", "train.py"), ("python", "other.py")


def ran(hours: float, estimate: float | None = None, argv: tuple[str, ...] = TRAIN) -> CompletedRun:
    return CompletedRun(argv, 1, None if estimate is None else estimate * HOUR, hours * HOUR)


def test_an_estimate_is_weighed_by_how_the_users_other_estimates_held() -> None:
    """Whoever has always needed half as much again will likely do so again."""
    careless = PastRuns([ran(1.5, 1, OTHER)] * 9).running_time(a_job(), HOUR)
    trusted = PastRuns([]).running_time(a_job(), HOUR)
    assert careless.expected == trusted.expected == 2 * HOUR
    assert careless.quantile(0.5) == 3 * HOUR
    assert trusted.quantile(0.5) == 2 * HOUR
    assert (careless.spread.learnt, careless.spread.jobs) == (Learnt.OWN_JOBS, 9)
    assert trusted.spread.learnt is Learnt.NOTHING


def test_enough_like_jobs_are_believed_alone() -> None:
    """Five with an estimate; before that they count among the user's others."""
    others = [ran(2, 1, OTHER)] * 20
    few = PastRuns([*[ran(1, 1)] * 4, *others]).running_time(a_job(), HOUR)
    many = PastRuns([*[ran(1, 1)] * 5, *others]).running_time(a_job(), HOUR)
    assert (few.spread.learnt, few.quantile(0.5)) == (Learnt.OWN_JOBS, 4 * HOUR)
    assert (many.spread.learnt, many.quantile(0.5)) == (Learnt.LIKE_JOBS, 2 * HOUR)


def test_jobs_without_an_estimate_say_nothing_of_estimates() -> None:
    assert PastRuns([ran(9)] * 9).running_time(a_job(), HOUR).spread.jobs == 0


def test_a_length_learnt_from_like_jobs_has_their_spread() -> None:
    learnt = a_job(duration_basis=Basis.HISTORY)
    likely = PastRuns([ran(1), ran(2), ran(4), ran(9, argv=OTHER)]).running_time(learnt, HOUR)
    assert (likely.expected, likely.spread.jobs) == (2 * HOUR, 3)
    assert likely.quantile(0.9) > 4 * HOUR


def test_a_length_learnt_from_jobs_that_are_gone_is_taken_as_an_estimate() -> None:
    likely = PastRuns([]).running_time(a_job(duration_basis=Basis.HISTORY), HOUR)
    assert (likely.expected, likely.spread.learnt) == (2 * HOUR, Learnt.NOTHING)


def test_what_is_merely_assumed_is_wide_and_does_not_shrink_with_the_deadline() -> None:
    """Its expected length was cut to fit; what such jobs take was not."""
    hasty = a_job(duration_basis=Basis.ASSUMED, expected_duration=timedelta(minutes=30))
    likely = PastRuns([]).running_time(hasty, 4 * HOUR)
    assert likely.expected == 4 * HOUR
    assert likely.quantile(0.9) > 24 * HOUR


def test_a_time_limit_bounds_it() -> None:
    limited = a_job(duration_basis=Basis.ASSUMED, spec=a_spec(time_limit=3 * HOUR))
    assert PastRuns([]).running_time(limited, 4 * HOUR).quantile(0.99) == 3 * HOUR
