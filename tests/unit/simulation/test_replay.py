"""Past jobs made ready to run anew: what is unknown of one leaves it out, under its own heading."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from scheduler.cli.simulate_history import WORDS
from scheduler.domain.series import StepSeries
from scheduler.simulation.replay import LeftOut, PastJob, replay

HOUR = timedelta(hours=1)


def series(known: list[bool]) -> StepSeries:
    """An hour each from NOON on, of 100 g/kWh where it is known."""
    starts = NOON.timestamp() + 3600.0 * np.flatnonzero(known)
    return StepSeries(starts, starts + 3600, np.full(starts.size, 100.0))


def ended(number: int, submitted: float = 0, end: float = 2, **changes: object) -> PastJob:
    job = PastJob(
        id=number,
        submitted_at=NOON + submitted * HOUR,
        ended_at=NOON + end * HOUR,
        ran=HOUR,
        width=1,
        energy_kwh=0.5,
        emissions_g=50.0,
        deadline=NOON + (end + 1) * HOUR,
        interruptible=False,
        expected=HOUR,
    )
    return replace(job, **changes)  # type: ignore[arg-type]


def test_a_job_runs_anew_for_as_long_as_it_ran_at_the_mean_power_that_it_drew() -> None:
    made = replay([ended(7, ran=2 * HOUR, expected=3 * HOUR)], series([True] * 12), places=4, pue=1.2)
    assert made is not None
    (job,) = made.world.jobs
    assert (job.name, job.duration, job.expected, job.power_w) == ("7", 2 * HOUR, 3 * HOUR, approx(250))
    assert (made.world.gpus, made.world.pue, made.recorded_emissions_g) == (4, 1.2, 50)
    assert not made.left_out and not made.held_to_end


def test_what_is_not_known_of_a_job_leaves_it_out_and_is_counted() -> None:
    jobs = [
        ended(1),
        ended(2, ran=timedelta(0)),
        ended(3, energy_kwh=None, emissions_g=None),
        ended(4, width=None),
        ended(5, width=8),
        ended(6, submitted=-2),
    ]
    made = replay(jobs, series([True] * 12), places=4, pue=1)
    assert made is not None
    assert [job.name for job in made.world.jobs] == ["1"]
    assert made.left_out == dict.fromkeys(LeftOut, 1)


def test_across_a_gap_in_the_record_nothing_is_run() -> None:
    """Of its stretches the one counts that holds most jobs, for in a gap no policy can be reckoned with."""
    jobs = [ended(1, 0, 2), ended(2, 2, 4), ended(3, 6, 8), ended(4, 6, 9)]
    made = replay(jobs, series([True] * 3 + [False] + [True] * 8), places=4, pue=1)
    assert made is not None
    assert [job.name for job in made.world.jobs] == ["3", "4"]
    assert made.left_out == {LeftOut.INTENSITY_UNKNOWN: 2}
    assert made.world.span.start == NOON + 4 * HOUR


def test_the_recorded_emissions_are_unknown_where_those_of_one_job_are() -> None:
    made = replay([ended(1), ended(2, emissions_g=None)], series([True] * 12), places=4, pue=1)
    assert made is not None and made.recorded_emissions_g is None


def test_who_might_wait_beyond_the_record_is_to_end_by_its_end_and_is_counted() -> None:
    made = replay([ended(1, deadline=None), ended(2)], series([True] * 12), places=4, pue=1)
    assert made is not None
    assert [job.deadline for job in made.world.jobs] == [NOON + 12 * HOUR, NOON + 3 * HOUR]
    assert made.held_to_end == 1


def test_without_a_job_that_can_be_run_there_is_nothing_to_replay() -> None:
    assert replay([], series([True] * 3), places=4, pue=1) is None
    assert replay([ended(1)], StepSeries.empty(), places=4, pue=1) is None
    assert replay([ended(1, energy_kwh=None)], series([True] * 3), places=4, pue=1) is None


@given(st.lists(st.booleans(), max_size=12), st.lists(st.tuples(st.integers(-1, 8), st.integers(1, 4)), max_size=8))
def test_every_job_is_either_replayed_or_counted_as_left_out(known: list[bool], spans: list[tuple[int, int]]) -> None:
    jobs = [ended(n, begin, begin + length) for n, (begin, length) in enumerate(spans)]
    made = replay(jobs, series(known), places=4, pue=1)
    if made is not None:
        assert len(made.world.jobs) + sum(made.left_out.values()) == len(jobs)
        assert all(made.world.actual.coverage(made.world.span) == 1 for _ in made.world.jobs)


def test_every_reason_has_its_words() -> None:
    assert list(WORDS) == list(LeftOut)


def test_each_job_keeps_its_waiting_price() -> None:
    made = replay([ended(1, patience_g_per_h=40.0), ended(2)], series([True] * 24), 1, 1.0)
    assert made is not None
    assert [job.patience_g_per_h for job in made.world.jobs] == [40, 0]
