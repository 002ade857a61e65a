"""What would have been: the job's own load in one go, and the start that the queue would have given it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.metering import slices_at
from fakes.queue import HOUR, a_job, a_segment, a_spec
from hypothesis import given
from hypothesis import strategies as st

from scheduler.accounting.baseline import run_now_starts, uninterrupted_load
from scheduler.domain.gpus import Pool
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState, SegmentState, StopReason
from scheduler.domain.runs import Segment, SegmentId

FIRST, SECOND = SegmentId(1, 1, 1), SegmentId(1, 1, 2)
ONE_GPU = {Pool.GPU: 1, Pool.CPU: 1}
SWITCH = timedelta(minutes=2)


def two_pieces(work_done: timedelta) -> tuple[Job, tuple[Segment, Segment]]:
    """An hour from noon, suspended, then an hour from 15:00."""
    job = a_job(1, JobState.COMPLETED, work_done=work_done)
    first = a_segment(state=SegmentState.ENDED, started_at=NOON, ended_at=NOON + HOUR, stop_reason=StopReason.SUSPEND)
    second = replace(first, id=SECOND, started_at=NOON + 3 * HOUR, ended_at=NOON + 4 * HOUR, stop_reason=None)
    return job, (first, second)


def test_pauses_are_taken_out_and_a_resumption_is_ours_to_pay() -> None:
    """Two hours of running in two pieces are two hours less two minutes in one."""
    job, segments = two_pieces(work_done=HOUR)
    slices = (*slices_at(FIRST, 0, 1, 500), *slices_at(SECOND, 3, 4, 300))
    load = uninterrupted_load(job, segments, slices, SWITCH)
    assert load.busy == 2 * HOUR - SWITCH
    assert load.energy.joules == pytest.approx(500 * 3600 + 300 * (3600 - 120))


def test_work_that_a_suspension_threw_away_is_not_in_the_baseline() -> None:
    """Without a checkpoint the first hour was for nothing; run at once, it would not have been spent."""
    job, segments = two_pieces(work_done=timedelta(0))
    slices = (*slices_at(FIRST, 0, 1, 500), *slices_at(SECOND, 3, 4, 300))
    load = uninterrupted_load(job, segments, slices, SWITCH)
    assert load.energy.joules == pytest.approx(300 * (3600 - 120))


def test_a_failed_attempt_would_have_failed_at_once_as_well() -> None:
    """Its energy is the job's own, on both sides."""
    job = a_job(1, JobState.COMPLETED)
    failed = a_segment(state=SegmentState.ENDED, started_at=NOON, ended_at=NOON + HOUR, exit_code=1)
    second = replace(failed, id=SegmentId(1, 2, 1), exit_code=0)
    slices = (*slices_at(failed.id, 0, 1, 500), *slices_at(second.id, 3, 4, 300))
    assert uninterrupted_load(job, (failed, second), slices, SWITCH).energy.joules == pytest.approx(800 * 3600)


def test_cutting_from_the_front_splits_the_slice_at_the_cut() -> None:
    """Seven minutes of five-minute slices leave three minutes of the second."""
    load = uninterrupted_load(a_job(), (a_segment(),), slices_at(FIRST, 0, 1, 60), SWITCH)
    rest = load.without_first(timedelta(minutes=7))
    assert (rest.joules[0], rest.busy) == (pytest.approx(60 * 180), timedelta(minutes=53))


def test_a_job_starts_when_those_before_it_leave_room() -> None:
    """Two jobs of two hours on one GPU."""
    jobs = [a_job(1), a_job(2, submitted_at=NOON + HOUR)]
    starts = run_now_starts(jobs, {1: 2 * HOUR, 2: 2 * HOUR}, ONE_GPU)
    assert starts == {1: NOON, 2: NOON + 2 * HOUR}


def test_jobs_that_never_ran_take_no_place() -> None:
    """Nobody knows how long they would have been."""
    jobs = [a_job(1, JobState.CANCELLED), a_job(2)]
    assert run_now_starts(jobs, {2: HOUR}, ONE_GPU) == {2: NOON}


def test_a_job_starts_after_those_it_comes_after_would_have_ended() -> None:
    """A chain of three on a machine with room for all."""
    jobs = [a_job(1), a_job(2, spec=a_spec(after=(1,))), a_job(3, spec=a_spec(after=(2,)))]
    starts = run_now_starts(jobs, {1: HOUR, 2: HOUR, 3: HOUR}, {Pool.GPU: 8, Pool.CPU: 1})
    assert starts == {1: NOON, 2: NOON + HOUR, 3: NOON + 2 * HOUR}


def test_a_job_that_its_user_held_is_not_counted_from_submission() -> None:
    """The wait was the user's wish, not ours to claim."""
    assert run_now_starts([a_job(1)], {1: HOUR}, ONE_GPU, {1: NOON + 5 * HOUR}) == {1: NOON + 5 * HOUR}


def test_a_job_wider_than_today_s_machine_had_its_places() -> None:
    """A GPU has been taken out since it ran."""
    assert run_now_starts([a_job(1, spec=a_spec(gpus=4))], {1: HOUR}, ONE_GPU) == {1: NOON}


@given(st.lists(st.tuples(st.integers(0, 48), st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=15))
def test_no_start_overcommits_the_machine(rows: list[tuple[int, int, int]]) -> None:
    """At every start the places of those running are at most what there is."""
    jobs = [
        a_job(n, spec=a_spec(gpus=gpus), submitted_at=NOON + arrival * HOUR)
        for n, (arrival, _, gpus) in enumerate(rows, start=1)
    ]
    lengths = {n: length * HOUR for n, (_, length, _) in enumerate(rows, start=1)}
    capacity = {Pool.GPU: 3, Pool.CPU: 1}
    starts = run_now_starts(jobs, lengths, capacity)
    for moment in starts.values():
        for pool, places in capacity.items():
            running = [
                job.spec.width
                for job in jobs
                if job.spec.pool is pool and starts[job.id] <= moment < starts[job.id] + lengths[job.id]
            ]
            assert sum(running) <= places
    assert all(starts[job.id] >= job.submitted_at for job in jobs)
