"""Piecewise-constant series: cutting changes nothing, and what is unknown stays unknown."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries

MINUTE = timedelta(minutes=1)


def span(start: int, end: int) -> Interval:
    return Interval(NOON + start * MINUTE, NOON + end * MINUTE)


@st.composite
def series(draw: st.DrawFn) -> StepSeries:
    """Rows of a minute and more, some with gaps between them."""
    rows, at = [], draw(st.integers(-60, 60))
    for _ in range(draw(st.integers(0, 12))):
        at += draw(st.sampled_from([0, 0, 0, 7]))
        length = draw(st.integers(1, 60))
        rows.append((span(at, at + length), draw(st.floats(0, 1000))))
        at += length
    return StepSeries.of(rows)


intervals = st.tuples(st.integers(-120, 700), st.integers(2, 400)).map(lambda p: span(p[0], p[0] + p[1]))


@given(known=series(), whole=intervals, cut=st.floats(0.01, 0.99))
def test_cutting_an_interval_in_two_changes_no_integral(known: StepSeries, whole: Interval, cut: float) -> None:
    middle = whole.start + whole.length * cut
    parts = known.integral(Interval(whole.start, middle)) + known.integral(Interval(middle, whole.end))
    assert parts == approx(known.integral(whole), abs=1e-2)


@given(known=series(), whole=intervals)
def test_clipping_keeps_the_integral_inside_and_drops_the_rest(known: StepSeries, whole: Interval) -> None:
    clipped = known.clipped(whole)
    assert clipped.integral(whole) == approx(known.integral(whole), abs=1e-2)
    assert clipped.coverage(whole) == approx(known.coverage(whole))
    if clipped.span is not None:
        assert whole.start <= clipped.span.start
        assert clipped.span.end <= whole.end


@given(known=series(), whole=intervals)
def test_the_mean_lies_between_the_extremes_and_is_unknown_where_nothing_is(known: StepSeries, whole: Interval) -> None:
    mean = known.mean(whole)
    if known.coverage(whole) == 0:
        assert mean is None
    else:
        assert mean is not None
        inside = known.clipped(whole).values
        assert inside.min() - 1e-4 <= mean <= inside.max() + 1e-4


@given(known=series())
def test_rows_give_the_series_back(known: StepSeries) -> None:
    assert StepSeries.of(known.rows()) == known
    assert hash(StepSeries.of(known.rows())) == hash(known)


@given(mine=series(), theirs=series(), minute=st.integers(-120, 700))
def test_filling_never_changes_what_was_known(mine: StepSeries, theirs: StepSeries, minute: int) -> None:
    moment = NOON + (minute + 0.5) * MINUTE
    own, other = mine.value_at(moment), theirs.value_at(moment)
    assert mine.filled_from(theirs).value_at(moment) == (own if own is not None else other)


@given(known=series(), by=st.integers(-1000, 1000), minute=st.integers(-120, 700))
def test_shifting_moves_values_in_time_and_keeps_them(known: StepSeries, by: int, minute: int) -> None:
    moment = NOON + (minute + 0.5) * MINUTE
    assert known.shifted(by * MINUTE).value_at(moment + by * MINUTE) == known.value_at(moment)


@given(known=series(), minute=st.integers(-120, 700))
def test_compressing_time_keeps_the_values_in_their_order(known: StepSeries, minute: int) -> None:
    """A day in a minute: what held at half past holds a twentieth of a second's worth later."""
    moment, speed = NOON + (minute + 0.5) * MINUTE, 60.0
    compressed = known.retimed(NOON, NOON, speed)
    assert compressed.value_at(NOON + (moment - NOON) / speed) == known.value_at(moment)


def test_a_gap_is_unknown_and_not_zero() -> None:
    gappy = StepSeries.of([(span(0, 10), 100), (span(20, 30), 300)])
    assert gappy.value_at(NOON + 15 * MINUTE) is None
    assert gappy.coverage(span(0, 30)) == approx(2 / 3)
    assert gappy.mean(span(0, 30)) == approx(200)


def test_a_value_holds_from_its_start_and_not_at_its_end() -> None:
    two = StepSeries.of([(span(0, 10), 100), (span(10, 20), 300)])
    assert [two.value_at(NOON + m * MINUTE) for m in (0, 10, 20)] == [100, 300, None]


@pytest.mark.parametrize(
    ("starts", "ends", "values", "mistake"),
    [
        ([0, 5], [10, 15], [1, 1], "overlap"),
        ([10, 0], [20, 10], [1, 1], "sorted"),
        ([0], [0], [1], "end after it starts"),
        ([0], [10], [np.nan], "finite"),
        ([0], [np.inf], [1], "finite"),
        ([0, 1], [1], [1], "equal length"),
    ],
)
def test_rows_that_make_no_series_are_refused(
    starts: list[float], ends: list[float], values: list[float], mistake: str
) -> None:
    with pytest.raises(ValueError, match=mistake):
        StepSeries(np.array(starts), np.array(ends), np.array(values))


def test_values_cannot_be_changed_behind_the_back_of_a_series() -> None:
    known = StepSeries.of([(span(0, 10), 100)])
    with pytest.raises(ValueError, match="read-only"):
        known.values[0] = 1
