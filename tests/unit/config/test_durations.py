"""Lengths of time: read as people write them, printed so that they can be read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("45m", 2700), ("8h", 28800), ("1d12h", 129600), ("1.5h", 5400), ("1 d 2 h", 93600)],
)
def test_the_usual_forms_are_understood(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "8", "h", "8 hours", "-3h", "1h30", "9" * 400 + "h", "nan h"])
def test_anything_else_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"length of time|longer than"):
        parse_duration(text)


@given(st.integers(1, 10**6))
def test_whole_minutes_survive_printing_to_two_units(minutes: int) -> None:
    """Printing rounds to two units, so at most an hour of a long stretch is lost, never more."""
    printed = format_duration(timedelta(minutes=minutes)).replace("min", "m")
    assert abs(parse_duration(printed) - timedelta(minutes=minutes)) < timedelta(hours=1)
