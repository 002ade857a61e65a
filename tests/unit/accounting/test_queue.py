"""The start that the queue would have given a job, and whether it can still change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_spec
from hypothesis import given
from hypothesis import strategies as st

from scheduler.accounting.queue import Competitor, run_now_starts, settled_starts
from scheduler.domain.gpus import Pool
from scheduler.domain.lifecycle import JobState

ONE_GPU = {Pool.GPU: 1, Pool.CPU: 1}
DAY = 24 * HOUR


def ended(number: int, hours: float, at: float = 0, released_at: datetime | None = None, **spec: Any) -> Competitor:
    """A job that came `at` hours after noon and took so many."""
    job = a_job(number, JobState.COMPLETED, spec=a_spec(**spec), submitted_at=NOON + at * HOUR)
    return Competitor(job, hours * HOUR, released_at)


def open_still(number: int, hours: float | None = None, at: float = 0, expected: float = 2, **spec: Any) -> Competitor:
    """A job that has run so many hours, or has not begun."""
    state = JobState.QUEUED if hours is None else JobState.RUNNING
    fields = {"submitted_at": NOON + at * HOUR, "expected_duration": expected * HOUR}
    return Competitor(a_job(number, state, spec=a_spec(**spec), **fields), None if hours is None else hours * HOUR)


def test_a_job_starts_when_those_before_it_leave_room() -> None:
    """Two jobs of two hours on one GPU."""
    assert run_now_starts([ended(1, 2), ended(2, 2, at=1)], ONE_GPU) == {1: NOON, 2: NOON + 2 * HOUR}


def test_a_job_starts_after_those_it_comes_after_would_have_ended() -> None:
    """A chain of three on a machine with room for all."""
    chain = [ended(1, 1), ended(2, 1, after=(1,)), ended(3, 1, after=(2,))]
    assert run_now_starts(chain, {Pool.GPU: 8, Pool.CPU: 1}) == {1: NOON, 2: NOON + HOUR, 3: NOON + 2 * HOUR}


def test_a_job_that_its_user_held_is_not_counted_from_submission_and_takes_no_place_before() -> None:
    """The wait was the user's wish, not ours to claim; who came after it began at once."""
    queue = [ended(1, 1, released_at=NOON + 5 * HOUR), ended(2, 1, at=0.5)]
    assert run_now_starts(queue, ONE_GPU) == {1: NOON + 5 * HOUR, 2: NOON + HOUR / 2}


def test_a_job_wider_than_today_s_machine_had_its_places() -> None:
    """A GPU has been taken out since it ran."""
    assert run_now_starts([ended(1, 1, gpus=4)], ONE_GPU) == {1: NOON}


def test_a_job_that_waits_still_is_taken_to_run_as_long_as_is_expected_and_may_change_who_came_after_it() -> None:
    """It waits for clean power; first come, first served would have begun it at once, and the small one after it."""
    queue = [open_still(1, expected=10), ended(2, 1, at=0.1)]
    assert run_now_starts(queue, ONE_GPU)[2] == NOON + 10 * HOUR
    assert 2 not in settled_starts(queue, ONE_GPU, NOON + DAY)


def test_once_all_before_it_have_ended_a_start_is_settled() -> None:
    queue = [ended(1, 10), ended(2, 1, at=0.1)]
    assert settled_starts(queue, ONE_GPU, NOON + DAY) == {1, 2}


def test_a_start_that_those_before_it_cannot_move_is_settled_though_they_have_not_ended() -> None:
    """There is another GPU; or it began while the one that still runs had its place for certain; or it came first."""
    two = {Pool.GPU: 2, Pool.CPU: 1}
    assert settled_starts([open_still(1), ended(2, 1, at=1)], two, NOON + DAY) == {2}
    assert settled_starts([open_still(1, hours=9), ended(2, 1, at=1), ended(3, 1, at=1)], two, NOON + DAY) == {2, 3, 1}
    assert settled_starts([ended(1, 1), open_still(2)], ONE_GPU, NOON + DAY) == {1}


def test_what_runs_still_may_run_on_into_the_time_of_who_came_after_it() -> None:
    """It has run an hour, and first come, first served would have had its place free after that."""
    assert 2 not in settled_starts([open_still(1, hours=1), ended(2, 1, at=0.5)], ONE_GPU, NOON + DAY)


def test_what_outlives_its_estimate_is_taken_for_twice_as_long_and_not_for_a_little_longer_each_time() -> None:
    def start(hours: float) -> datetime:
        return run_now_starts([open_still(1, hours=hours), ended(2, 1)], ONE_GPU)[2]

    assert start(1) == start(2) == NOON + 2 * HOUR
    assert start(2.1) == start(3.9) == NOON + 4 * HOUR


@given(st.lists(st.tuples(st.integers(0, 48), st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=15))
def test_no_start_overcommits_the_machine(rows: list[tuple[int, int, int]]) -> None:
    """At every start the places of those running are at most what there is."""
    queue = [ended(n, length, at=arrival, gpus=gpus) for n, (arrival, length, gpus) in enumerate(rows, start=1)]
    capacity = {Pool.GPU: 3, Pool.CPU: 1}
    starts = run_now_starts(queue, capacity)
    for moment in starts.values():
        for pool, places in capacity.items():
            running = [
                each.job.spec.width
                for each in queue
                if each.job.spec.pool is pool
                and starts[each.job.id] <= moment < starts[each.job.id] + (each.length or timedelta(0))
            ]
            assert sum(running) <= places
    assert all(starts[each.job.id] >= each.job.submitted_at for each in queue)


@given(
    st.lists(st.tuples(st.integers(0, 24), st.integers(1, 12), st.booleans()), min_size=1, max_size=8),
    st.lists(st.integers(1, 40), min_size=8, max_size=8),
)
def test_a_settled_start_is_the_same_however_the_open_jobs_end(
    rows: list[tuple[int, int, bool]], later: list[int]
) -> None:
    """On one GPU, where nobody can slip in before somebody who is longer than expected."""
    arrivals = sorted(rows)
    queue = [
        ended(n, hours, at=at) if over else open_still(n, hours=hours, at=at)
        for n, (at, hours, over) in enumerate(arrivals, start=1)
    ]
    settled = settled_starts(queue, ONE_GPU, NOON + 40 * DAY) & {each.job.id for each in queue if each.job.ended}
    said = run_now_starts(queue, ONE_GPU)
    became = [
        each if each.job.ended else ended(each.job.id, (each.length or HOUR) / HOUR + more, arrivals[n][0])
        for n, (each, more) in enumerate(zip(queue, later, strict=False))
    ]
    after = run_now_starts(became, ONE_GPU)
    assert {job: said[job] for job in settled} == {job: after[job] for job in settled}
