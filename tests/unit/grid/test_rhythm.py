"""How long a row holds where an answer says only when it begins."""

from __future__ import annotations

from datetime import timedelta

from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.intervals import Interval
from scheduler.grid.rhythm import lengths, widened

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def held(*minutes: int) -> list[int]:
    """How many minutes each row holds, of rows that begin so many minutes after noon."""
    return [length // MINUTE for length in lengths(NOON + minute * MINUTE for minute in minutes).values()]


def test_a_row_lasts_until_the_next():
    assert held(0, 60, 120, 180) == [60, 60, 60, 60]
    assert held(0, 60) == [60, 60]


def test_of_a_row_alone_nothing_is_said():
    assert held(0) == held() == []


def test_a_row_before_a_lost_one_does_not_hold_for_it():
    """Wherever the row was lost, at the edges of the answer too."""
    assert held(0, 15, 30, 60, 75, 90) == [15] * 6
    assert held(0, 30, 45, 60) == [15] * 4
    assert held(0, 15, 30, 60) == [15] * 4
    assert held(0, 60, 120, 240, 300, 360) == [60] * 6


def test_each_row_has_its_own_length_where_hours_change_to_quarters():
    assert held(0, 60, 120, 135, 150) == [60, 60, 15, 15, 15]


def test_each_row_has_its_own_length_where_quarters_change_to_hours():
    assert held(0, 15, 30, 45, 105, 165, 225) == [15, 15, 15, 60, 60, 60, 60]


def test_a_row_that_was_sent_twice_changes_nothing():
    assert held(0, 60, 60, 120) == [60, 60, 60]


@given(
    st.lists(st.sampled_from([15, 15, 15, 60, 60]), min_size=7, max_size=30),
    st.integers(min_value=0, max_value=29),
    st.integers(min_value=0, max_value=29),
)
def test_no_row_depends_on_how_much_was_asked_for_beyond_two_rows_on_both_sides(steps, first, last):
    starts = [NOON + sum(steps[:count]) * MINUTE for count in range(len(steps) + 1)]
    whole, part = lengths(starts), starts[first : last + 1]
    inner = part[2:-2]
    assert {start: lengths(part)[start] for start in inner} == {start: whole[start] for start in inner}


def test_what_is_asked_for_more_is_past():
    """A provider need not know what to say of hours to come."""
    wanted = Interval(NOON - 4 * HOUR, NOON - HOUR)
    assert widened(wanted, 3 * HOUR, NOON) == Interval(NOON - 7 * HOUR, NOON)
    assert widened(wanted, HOUR / 2, NOON) == Interval(NOON - 4.5 * HOUR, NOON - HOUR / 2)
    ahead = Interval(NOON, NOON + HOUR)
    assert widened(ahead, HOUR, NOON) == Interval(NOON - HOUR, NOON + HOUR)
