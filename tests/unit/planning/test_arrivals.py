"""What is expected to come, by what came: how much, when, and nothing that nobody asked for lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.gpus import Pool
from scheduler.domain.units import Power
from scheduler.planning.arrivals import Arrival, Arrivals

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BUSY = 2
"""GPUs that the four jobs of each workday keep busy most of the time."""


def a_job(at: datetime, width: int = 2, length: timedelta = 6 * HOUR, pool: Pool = Pool.GPU) -> Arrival:
    return Arrival(at, pool, width, length, at + length + DAY, Power(500.0 * width))


def every_workday(weeks: int) -> list[Arrival]:
    """Four jobs at nine on each of five days a week."""
    return [
        a_job(MONDAY + timedelta(days=7 * w + d, hours=9)) for w in range(weeks) for d in range(5) for _ in range(4)
    ]


def test_nothing_is_expected_where_nothing_came() -> None:
    """An empty installation keeps no place for anybody."""
    assert Arrivals(Pool.GPU).expected(MONDAY, MONDAY + 4 * DAY, 16) == ()


def test_what_came_each_workday_is_expected_on_the_next() -> None:
    """Most of the work of four jobs of 12 GPU-hours, in the half of the day in which they came."""
    now = MONDAY + 21 * DAY
    coming = Arrivals(Pool.GPU, every_workday(3)).expected(now, now + DAY, BUSY)
    work_h = sum(job.width * job.remaining / HOUR for job in coming)
    assert 0.5 * 48 <= work_h <= 48
    assert {job.submitted_at for job in coming if job.submitted_at < now + 12 * HOUR} <= {now + 6 * HOUR}


def test_less_is_expected_at_the_weekend_than_on_a_workday() -> None:
    """Nobody came on a Saturday for three weeks."""
    arrivals = Arrivals(Pool.GPU, every_workday(3))
    friday, saturday = MONDAY + 18 * DAY, MONDAY + 19 * DAY
    assert len(arrivals.expected(saturday, saturday + DAY, BUSY)) < len(arrivals.expected(friday, friday + DAY, BUSY))


def test_where_there_is_room_for_all_little_is_kept_for_those_to_come() -> None:
    """Four jobs of two GPUs are in nobody's way on thirty-two."""
    arrivals, now = Arrivals(Pool.GPU, every_workday(3)), MONDAY + 21 * DAY
    counts = [len(arrivals.expected(now, now + 4 * DAY, gpus)) for gpus in (2, 4, 32)]
    assert counts[0] > counts[1] > counts[2] == 0


def test_the_expected_job_is_like_those_that_came() -> None:
    """Its width, length, patience and power."""
    now = MONDAY + 21 * DAY
    job = Arrivals(Pool.GPU, every_workday(3)).expected(now, now + DAY, BUSY)[0]
    assert (job.width, job.remaining, job.power) == (2, 6 * HOUR, Power(1000.0))
    assert job.finish_by - job.submitted_at == 30 * HOUR


def test_what_is_a_month_old_is_forgotten() -> None:
    """People leave."""
    arrivals = Arrivals(Pool.GPU, every_workday(1))
    assert arrivals.expected(MONDAY + 7 * DAY, MONDAY + 9 * DAY, BUSY)
    assert arrivals.expected(MONDAY + 40 * DAY, MONDAY + 44 * DAY, BUSY) == ()


def test_jobs_of_another_pool_do_not_count() -> None:
    """CPU slots and GPUs are not each other's."""
    jobs = [a_job(MONDAY + k * HOUR, pool=Pool.CPU) for k in range(40)]
    assert Arrivals(Pool.GPU, jobs).expected(MONDAY + 2 * DAY, MONDAY + 4 * DAY, BUSY) == ()


def test_the_same_half_day_has_the_same_numbers_whenever_it_is_asked_about() -> None:
    """So that the next plan knows where the last one had left them room."""
    arrivals, now = Arrivals(Pool.GPU, every_workday(3)), MONDAY + 21 * DAY
    first, later = (arrivals.expected(at, now + 2 * DAY, BUSY) for at in (now, now + HOUR))
    assert {job.id for job in later} <= {job.id for job in first}
    assert all(job.id < 0 for job in first)


@given(
    st.lists(
        st.tuples(st.integers(0, 27 * 24), st.integers(1, 8), st.integers(1, 72)), min_size=1, max_size=40
    )
)  # fmt: skip
def test_no_more_is_expected_than_came_a_day_at_most(drawn: list[tuple[int, int, int]]) -> None:
    """Over four days: no more than four times all the work of the month, and numbers that differ."""
    arrivals = [a_job(MONDAY + h * HOUR, width, length * HOUR) for h, width, length in sorted(drawn)]
    now = MONDAY + 28 * DAY
    coming = Arrivals(Pool.GPU, arrivals).expected(now, now + 4 * DAY, BUSY)
    assert sum(job.width * job.remaining / HOUR for job in coming) <= 4 * sum(a.work_s for a in arrivals) / 3600
    assert len({job.id for job in coming}) == len(coming)


@pytest.mark.parametrize("hours", [1, 30])
def test_sums_kept_over_time_are_those_counted_anew(hours: int) -> None:
    """Forgetting takes away exactly what remembering added."""
    jobs, now = every_workday(6), MONDAY + timedelta(days=42, hours=hours)
    kept = Arrivals(Pool.GPU)
    for job in jobs:
        assert job.submitted_at <= now
        kept.add(job)
        kept.expected(job.submitted_at, job.submitted_at + HOUR, BUSY)
    kept_ids, told_at_once = (
        [job.id for job in arrivals.expected(now, now + 4 * DAY, BUSY)] for arrivals in (kept, Arrivals(Pool.GPU, jobs))
    )
    assert kept_ids == told_at_once
