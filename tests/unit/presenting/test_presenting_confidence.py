"""How sure a deadline is, in figures and in words."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_placement, a_spec

from scheduler.domain.jobs import Basis, Job
from scheduler.domain.running_time import Learnt, RunningTime, as_like_jobs, estimate_spread, unknown_spread
from scheduler.presenting.confidence import (
    confidence_view,
    deadline_words,
    print_odds,
    print_share,
    running_time_words,
)
from scheduler.service_views.jobs import ConfidenceView

ALWAYS_HALF_AS_LONG_AGAIN = RunningTime(2 * HOUR, estimate_spread([1.5] * 9))


def with_deadline(hours: float, **fields: object) -> Job:
    return a_job(spec=a_spec(deadline=NOON + hours * HOUR), **fields)


def view(job: Job, likely: RunningTime = ALWAYS_HALF_AS_LONG_AGAIN, planned: bool = True) -> ConfidenceView:
    """Planned from 14 to 16 h."""
    return confidence_view(job, likely, 2 * HOUR, a_placement(1, (2, 4)) if planned else None, 0.9)


def test_a_job_ends_its_margin_after_its_planned_end() -> None:
    """Two hours that, as nine before, will be three: an hour after 16:00."""
    seen = view(with_deadline(6))
    assert (seen.confidence, seen.running_time_s) == (0.9, 3 * 3600)
    assert (seen.ends_by, seen.learnt_from, seen.learnt_jobs) == (NOON + 5 * HOUR, Learnt.OWN_JOBS, 9)
    assert seen.in_time is not None and seen.in_time > 0.9


def test_what_is_in_no_plan_or_has_no_deadline_has_no_chance_of_meeting_it() -> None:
    assert (view(with_deadline(6), planned=False).ends_by, view(with_deadline(6), planned=False).in_time) == (
        None,
        None,
    )
    assert view(a_job()).in_time is None
    assert view(a_job()).ends_by == NOON + 5 * HOUR


def test_a_deadline_that_the_plan_misses_has_no_chance() -> None:
    """Its job ran half of its time, and two hours more are planned than the deadline leaves."""
    late = confidence_view(
        with_deadline(1), ALWAYS_HALF_AS_LONG_AGAIN.given(HOUR), HOUR, a_placement(1, (0, 4)), 0.9
    )  # fmt: skip
    assert late.in_time == 0


def test_the_deadline_is_spoken_of_with_its_confidence() -> None:
    """Met as asked for, or else with which confidence, and until when it would take."""
    sure, unsure = with_deadline(6), with_deadline(4.5)
    assert deadline_words(sure, view(sure), UTC, NOON) == ("It ends by Mon 23 Nov 17:00 UTC with 90% confidence.",)
    (words,) = deadline_words(unsure, view(unsure), UTC, NOON)
    assert words.startswith("Its deadline is met with ")
    assert words.endswith("% confidence; with 90% it ends by Mon 23 Nov 17:00 UTC.")
    assert deadline_words(a_job(), view(a_job()), UTC, NOON) == deadline_words(sure, None, UTC, NOON) == ()


USUALLY_OVER_AT_ONCE = RunningTime(2 * HOUR, estimate_spread([0.0005] * 20, Learnt.LIKE_JOBS))


def test_a_job_that_is_planned_for_longer_than_such_jobs_run_ends_when_all_of_that_is_over() -> None:
    """What is sure by the record and what the plan counts on are two figures; that one is the other is not said."""
    job = with_deadline(6)
    seen = view(job, USUALLY_OVER_AT_ONCE)
    assert deadline_words(job, seen, UTC, NOON) == (
        "Even if it runs for the whole 2 h it ends by Mon 23 Nov 16:00 UTC; 9 of 10 such jobs end within 3.6 s.",
    )
    assert running_time_words(job, seen)[0].endswith("9 of 10 end within 3.6 s; a shorter --duration plans it better.")


def test_such_a_job_may_be_planned_late_and_yet_be_likely_in_time() -> None:
    job = with_deadline(3)
    (said,) = deadline_words(job, view(job, USUALLY_OVER_AT_ONCE), UTC, NOON)
    assert said.startswith(
        "If it runs for the whole 2 h it misses its deadline, and ends by Mon 23 Nov 16:00 UTC; but "
    )
    assert said.endswith("9 of 10 such jobs end within 3.6 s, and by them it is met with 95% confidence.")


def test_of_a_job_of_seconds_the_seconds_are_told() -> None:
    short = with_deadline(6, expected_duration=timedelta(seconds=30))
    assert "17:00:00 UTC" in deadline_words(short, view(short), UTC, NOON)[0]


NO_HISTORY = RunningTime(2 * HOUR, estimate_spread(()))
LIKE = RunningTime(2 * HOUR, estimate_spread([1.5] * 5, Learnt.LIKE_JOBS))


@pytest.mark.parametrize(
    ("basis", "likely", "words"),
    [
        (Basis.USER, ALWAYS_HALF_AS_LONG_AGAIN, "by your last 9 jobs with an estimate 9 of 10 end within 3 h."),
        (Basis.USER, RunningTime(2 * HOUR, estimate_spread([1.5])), "by your last job with an estimate 9 of 10 end"),
        (Basis.USER, LIKE, "as you say; by 5 jobs like it 9 of 10 end within"),
        (Basis.USER, NO_HISTORY, "as you say; with no job of yours to learn from it is taken that 9 of 10 end within"),
        (Basis.HISTORY, as_like_jobs([HOUR, 2 * HOUR, 3 * HOUR]), "the median of 3 like jobs before it; 9 of 10 end"),
        (Basis.HISTORY, as_like_jobs([2 * HOUR]), "that of the like job before it; 9 of 10 end within 2 h 30 min."),
        (Basis.ASSUMED, RunningTime(2 * HOUR, unknown_spread()), "assumed; --duration says it better. 9 of 10 end"),
    ],
)  # fmt: skip
def test_a_running_time_says_what_it_rests_on(basis: Basis, likely: RunningTime, words: str) -> None:
    job = with_deadline(6, duration_basis=basis)
    (said,) = running_time_words(job, view(job, likely))
    assert said.startswith("Running time 2 h")
    assert words in said


def test_an_estimate_is_not_repeated_to_whoever_gave_it_where_no_deadline_hangs_on_it() -> None:
    assert running_time_words(a_job(), view(a_job())) == ()
    assert running_time_words(with_deadline(6), None) == ()


def test_only_what_is_certain_is_a_hundred_percent() -> None:
    assert [print_share(share) for share in (0.9, 0.975, 0.999, 0.86667, 0.9999, 1.0)] == [
        "90%", "97.5%", "99.9%", "86%", "99%", "100%",
    ]  # fmt: skip
    assert [print_odds(share) for share in (0.5, 0.8, 0.9, 0.95, 0.999)] == [
        "1 of 2", "4 of 5", "9 of 10", "19 of 20", "999 of 1000",
    ]  # fmt: skip


def test_a_run_that_goes_on_longer_than_planned_loses_its_confidence_bit_by_bit() -> None:
    """Given that it has run two hours and a half of an estimated two, fewer such jobs are still in time."""
    job = with_deadline(5)
    early = confidence_view(job, NO_HISTORY, 2 * HOUR, a_placement(1, (0, 2)), 0.9)
    likely = NO_HISTORY.given(timedelta(hours=2.5))
    late = confidence_view(job, likely, likely.left(timedelta(0)), a_placement(1, (0, 2.8)), 0.9)
    assert early.in_time is not None and late.in_time is not None
    assert early.in_time > late.in_time
