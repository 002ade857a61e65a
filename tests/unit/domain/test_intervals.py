"""Time is aware, UTC and half-open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.intervals import Interval, from_epoch, total_length, utc

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
lengths = st.timedeltas(timedelta(microseconds=1), timedelta(days=30))


def interval(start: datetime, length: timedelta) -> Interval:
    return Interval(start, start + length)


def test_a_moment_without_a_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        utc(datetime(2026, 11, 23))  # noqa: DTZ001


def test_moments_are_kept_in_utc_whatever_zone_they_came_in() -> None:
    berlin = timezone(timedelta(hours=1))
    assert Interval(NOON.astimezone(berlin), NOON + timedelta(hours=1)) == interval(NOON, timedelta(hours=1))


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=-1)])
def test_an_interval_is_never_empty_or_backwards(length: timedelta) -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        interval(NOON, length)


@given(start=moments, length=lengths)
def test_the_start_is_inside_and_the_end_is_not(start: datetime, length: timedelta) -> None:
    """So neighbours share no moment."""
    first = interval(start, length)
    assert first.start in first
    assert first.end not in first
    assert not first.overlaps(first.shifted(length))


@given(a=moments, b=moments, long=lengths, short=lengths)
def test_intervals_overlap_exactly_when_they_intersect(
    a: datetime, b: datetime, long: timedelta, short: timedelta
) -> None:
    first, second = interval(a, long), interval(b, short)
    common = first.intersection(second)
    assert (common is not None) == first.overlaps(second) == second.overlaps(first)
    if common is not None:
        assert first.intersection(common) == second.intersection(common) == common


@given(start=moments, lengths=st.lists(lengths, min_size=1, max_size=5))
def test_the_total_of_neighbours_is_the_whole(start: datetime, lengths: list[timedelta]) -> None:
    intervals = []
    for length in lengths:
        intervals.append(interval(start, length))
        start += length
    assert total_length(tuple(intervals)) == intervals[-1].end - intervals[0].start


@given(moment=moments)
def test_a_moment_survives_the_way_to_epoch_seconds_and_back(moment: datetime) -> None:
    assert abs(from_epoch(moment.timestamp()) - moment) <= timedelta(microseconds=1)
