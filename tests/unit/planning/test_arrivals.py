"""What is expected to come, by what came: how much, when, and nothing that nobody asked for lately."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.gpus import Pool
from scheduler.domain.plans import ExpectedWork
from scheduler.domain.units import Power
from scheduler.planning.arrivals import Arrival, Arrivals

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def a_job(at: datetime, width: int = 2, length: timedelta = 6 * HOUR, pool: Pool = Pool.GPU) -> Arrival:
    return Arrival(at, pool, width, length, at + length + DAY, Power(500.0 * width))


def every_workday(weeks: int) -> list[Arrival]:
    """Four jobs at nine on each of five days a week."""
    return [
        a_job(MONDAY + timedelta(days=7 * w + d, hours=9)) for w in range(weeks) for d in range(5) for _ in range(4)
    ]


def test_nothing_is_expected_where_nothing_came() -> None:
    """An empty installation keeps no place for anybody."""
    assert Arrivals(Pool.GPU).expected(MONDAY, MONDAY + 4 * DAY) == ()


def gpu_hours(coming: Iterable[ExpectedWork]) -> float:
    return sum(work.places * (work.length / HOUR) for work in coming)


def test_what_came_each_workday_is_expected_on_the_next() -> None:
    """Most of the work of four jobs of 12 GPU-hours, at the time at which they came."""
    now = MONDAY + 21 * DAY
    coming = Arrivals(Pool.GPU, every_workday(3)).expected(now, now + DAY)
    assert 0.5 * 48 <= gpu_hours(coming) <= 48
    assert {work.earliest_start for work in coming} == {now + 9 * HOUR}


def test_less_is_expected_at_the_weekend_than_on_a_workday() -> None:
    """Nobody came on a Saturday for three weeks."""
    arrivals = Arrivals(Pool.GPU, every_workday(3))
    friday, saturday = MONDAY + 18 * DAY, MONDAY + 19 * DAY
    weekend, workday = (arrivals.expected(day, day + DAY) for day in (saturday, friday))
    assert gpu_hours(weekend) < 0.5 * gpu_hours(workday)


def test_what_should_have_come_by_now_is_not_expected_any_more() -> None:
    """That nobody came is news."""
    arrivals, now = Arrivals(Pool.GPU, every_workday(3)), MONDAY + 21 * DAY
    assert gpu_hours(arrivals.expected(now + 10 * HOUR, now + DAY)) == 0


def test_the_expected_work_is_like_what_came() -> None:
    """In its length, patience and power."""
    now = MONDAY + 21 * DAY
    work = Arrivals(Pool.GPU, every_workday(3)).expected(now, now + DAY)[0]
    assert (work.length, work.power_of_a_place) == (6 * HOUR, Power(500.0))
    assert work.finish_by - work.earliest_start == 30 * HOUR


def test_short_and_long_jobs_are_expected_each_with_the_share_of_the_work_that_was_theirs() -> None:
    """One of 30 hours is less free to move than ten of three hours, which are as much work."""
    a_day = [a_job(MONDAY + 9 * HOUR, 1, 3 * HOUR)] * 10 + [a_job(MONDAY + 9 * HOUR, 1, 30 * HOUR)]
    arrivals = [replace(a, submitted_at=a.submitted_at + d * DAY) for d in range(5) for a in a_day]
    now = MONDAY + 7 * DAY
    coming = Arrivals(Pool.GPU, arrivals).expected(now, now + DAY)
    by_length = {h: gpu_hours(work for work in coming if work.length == h * HOUR) for h in (3, 30)}
    assert by_length[3] == pytest.approx(by_length[30]) and by_length[3] > 0


def test_what_is_a_month_old_is_forgotten() -> None:
    """People leave."""
    arrivals = Arrivals(Pool.GPU, every_workday(1))
    assert arrivals.expected(MONDAY + 7 * DAY, MONDAY + 9 * DAY)
    assert arrivals.expected(MONDAY + 40 * DAY, MONDAY + 44 * DAY) == ()


def test_jobs_of_another_pool_do_not_count() -> None:
    """CPU slots and GPUs are not each other's."""
    jobs = [a_job(MONDAY + k * HOUR, pool=Pool.CPU) for k in range(40)]
    assert Arrivals(Pool.GPU, jobs).expected(MONDAY + 2 * DAY, MONDAY + 4 * DAY) == ()


@given(
    st.lists(
        st.tuples(st.integers(0, 27 * 24), st.integers(1, 8), st.integers(1, 72)), min_size=1, max_size=40
    )
)  # fmt: skip
def test_no_more_is_expected_than_came_a_day_at_most(drawn: list[tuple[int, int, int]]) -> None:
    """Over four days: no more than four times all the work of the month, and no window too short for its work."""
    arrivals = [a_job(MONDAY + h * HOUR, width, length * HOUR) for h, width, length in sorted(drawn)]
    now = MONDAY + 28 * DAY
    coming = Arrivals(Pool.GPU, arrivals).expected(now, now + 4 * DAY)
    assert gpu_hours(coming) <= 4 * sum(a.work_s for a in arrivals) / 3600
    assert all(work.places > 0 and now < work.earliest_start <= work.finish_by - work.length for work in coming)


@pytest.mark.parametrize("hours", [1, 30])
def test_sums_kept_over_time_are_those_counted_anew(hours: int) -> None:
    """Forgetting takes away exactly what remembering added."""
    jobs = [replace(a, length=(1 + n % 7) * HOUR) for n, a in enumerate(every_workday(6))]
    now = MONDAY + timedelta(days=42, hours=hours)
    kept = Arrivals(Pool.GPU)
    for job in jobs:
        assert job.submitted_at <= now
        kept.add(job)
        kept.expected(job.submitted_at, job.submitted_at + HOUR)
    assert kept.expected(now, now + 4 * DAY) == Arrivals(Pool.GPU, jobs).expected(now, now + 4 * DAY)
