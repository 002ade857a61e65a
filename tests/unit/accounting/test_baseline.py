"""What would have been: the job's own load in one go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.metering import slices_at
from fakes.queue import HOUR, a_job, a_segment

from scheduler.accounting.baseline import uninterrupted_length, uninterrupted_load
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState, SegmentState, StopReason
from scheduler.domain.runs import Segment, SegmentId

FIRST, SECOND = SegmentId(1, 1, 1), SegmentId(1, 1, 2)
SWITCH = timedelta(minutes=2)


def suspended(number: int, start: float, end: float, kept: bool | None) -> Segment:
    """Its hours after noon."""
    return a_segment(
        number=number,
        state=SegmentState.ENDED,
        started_at=NOON + start * HOUR,
        ended_at=NOON + end * HOUR,
        stop_reason=StopReason.SUSPEND,
        work_kept=kept,
    )


def two_pieces(kept: bool) -> tuple[Job, tuple[Segment, Segment]]:
    """An hour from noon, suspended, then an hour from 15:00."""
    first = suspended(1, 0, 1, kept)
    second = replace(suspended(2, 3, 4, None), stop_reason=None)
    return a_job(1, JobState.COMPLETED), (first, second)


def test_pauses_are_taken_out_and_a_resumption_is_ours_to_pay() -> None:
    """Two hours of running in two pieces are two hours less two minutes in one."""
    job, segments = two_pieces(kept=True)
    slices = (*slices_at(FIRST, 0, 1, 500), *slices_at(SECOND, 3, 4, 300))
    load = uninterrupted_load(job, segments, slices, SWITCH)
    assert load.busy == 2 * HOUR - SWITCH
    assert load.energy.joules == pytest.approx(500 * 3600 + 300 * (3600 - 120))


def test_work_that_a_suspension_threw_away_is_not_in_the_baseline() -> None:
    """Without a checkpoint the first hour was for nothing; run at once, it would not have been spent."""
    job, segments = two_pieces(kept=False)
    slices = (*slices_at(FIRST, 0, 1, 500), *slices_at(SECOND, 3, 4, 300))
    load = uninterrupted_load(job, segments, slices, SWITCH)
    assert load.energy.joules == pytest.approx(300 * (3600 - 120))
    assert uninterrupted_length(job, segments, SWITCH, NOON + 9 * HOUR) == HOUR - SWITCH


def test_a_short_piece_that_was_lost_does_not_stand_for_a_longer_one_that_was_kept() -> None:
    """Six hours of work: three kept, one lost, the last three."""
    segments = (
        suspended(1, 0, 3, True),
        suspended(2, 5, 6, False),
        replace(suspended(3, 8, 11, None), stop_reason=None),
    )
    slices = [slice_ for n, (start, end) in enumerate(((0, 3), (5, 6), (8, 11)), start=1)
              for slice_ in slices_at(SegmentId(1, 1, n), start, end, 1000)]  # fmt: skip
    job = a_job(1, JobState.COMPLETED, work_done=3 * HOUR)
    load = uninterrupted_load(job, segments, slices, timedelta(0))
    assert (load.energy.kwh, load.busy) == (pytest.approx(6), 6 * HOUR)
    assert uninterrupted_length(job, segments, timedelta(0), NOON + 11 * HOUR) == 6 * HOUR


def test_of_a_pause_recorded_long_ago_the_exit_code_tells_whether_its_work_was_kept() -> None:
    """99 says that a checkpoint was written; without it, or a signal that writes one, nobody knows of any."""
    job, (first, second) = two_pieces(kept=True)
    for code, hours in ((99, 2), (-9, 1)):
        old = replace(first, work_kept=None, exit_code=code)
        assert uninterrupted_length(job, (old, second), timedelta(0), NOON + 4 * HOUR) == hours * HOUR


def test_a_piece_that_still_runs_counts_until_now() -> None:
    running = a_segment(state=SegmentState.RUNNING, started_at=NOON)
    assert uninterrupted_length(a_job(), (running,), SWITCH, NOON + HOUR / 2) == HOUR / 2


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
