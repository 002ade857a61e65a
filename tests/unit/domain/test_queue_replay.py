"""First come, first served, as the counterfactual replays it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.gpus import Pool
from scheduler.domain.queue_replay import Arrival, first_come_first_served

HOUR = timedelta(hours=1)


def arrival(number: int, at: float = 0, hours: float = 1, width: int = 1, pool: Pool = Pool.GPU) -> Arrival:
    submitted = NOON + at * HOUR
    return Arrival(number, submitted, pool, width, hours * HOUR, submitted)


def starts(*arrivals: Arrival, gpus: int = 1, cpus: int = 1) -> dict[int, float]:
    """Start of each job in hours after noon."""
    replayed = first_come_first_served(arrivals, {Pool.GPU: gpus, Pool.CPU: cpus})
    return {number: (start - NOON) / HOUR for number, start in replayed.items()}


def test_jobs_start_in_order_of_arrival() -> None:
    assert starts(arrival(1, at=0.5), arrival(2, at=0)) == {2: 0, 1: 1}


def test_equal_arrivals_keep_their_position() -> None:
    assert starts(arrival(9), arrival(4)) == {9: 0, 4: 1}


def test_a_small_job_slips_in_where_it_delays_nobody() -> None:
    """The wide job waits for two GPUs; the short one uses the free GPU meanwhile, for its whole length."""
    queue = arrival(1, hours=2), arrival(2, width=2), arrival(3, hours=2), arrival(4, hours=3)
    assert starts(*queue, gpus=2) == {1: 0, 2: 2, 3: 0, 4: 3}


def test_pools_do_not_wait_for_each_other() -> None:
    assert starts(arrival(1), arrival(2, pool=Pool.CPU)) == {1: 0, 2: 0}


def test_a_job_may_ask_to_start_later_than_it_came() -> None:
    assert starts(replace(arrival(1), earliest=NOON + 3 * HOUR), arrival(2, hours=3)) == {1: 3, 2: 0}


def test_no_jobs_no_starts() -> None:
    assert first_come_first_served((), {Pool.GPU: 1}) == {}


def test_a_job_wider_than_the_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="2 places are never free"):
        starts(arrival(1, width=2))


@st.composite
def queues(draw: st.DrawFn) -> list[Arrival]:
    return [
        arrival(n, draw(st.integers(0, 12)) / 2, draw(st.integers(1, 8)) / 2, draw(st.integers(1, 3)))
        for n in range(draw(st.integers(1, 8)))
    ]


def busy(queue: list[Arrival], begun: dict[int, datetime], moment: datetime) -> int:
    return sum(a.width for a in queue if a.id in begun and begun[a.id] <= moment < begun[a.id] + a.length)


@given(queue=queues())
def test_no_moment_holds_more_than_the_machine_has(queue: list[Arrival]) -> None:
    begun = first_come_first_served(queue, {Pool.GPU: 3})
    assert all(busy(queue, begun, start) <= 3 for start in begun.values())
    assert all(begun[a.id] >= a.submitted_at for a in queue)


@given(queue=queues())
def test_each_job_takes_the_earliest_time_left_by_those_before_it(queue: list[Arrival]) -> None:
    """Compared with every half-hour before its start."""
    begun = first_come_first_served(queue, {Pool.GPU: 3})
    placed: dict[int, datetime] = {}
    for job in sorted(queue, key=lambda a: a.submitted_at):
        moment = job.submitted_at
        while moment < begun[job.id]:
            slots = [moment + k * HOUR / 2 for k in range(int(job.length / (HOUR / 2)))]
            assert any(busy(queue, placed, slot) + job.width > 3 for slot in slots)
            moment += HOUR / 2
        placed[job.id] = begun[job.id]


@given(queue=queues())
def test_a_later_job_delays_nobody_before_it(queue: list[Arrival]) -> None:
    in_order = sorted(queue, key=lambda a: a.submitted_at)
    all_of_them = first_come_first_served(in_order, {Pool.GPU: 3})
    without_last = first_come_first_served(in_order[:-1], {Pool.GPU: 3})
    assert {number: all_of_them[number] for number in without_last} == without_last
