"""What is planned with beyond the forecast, and that it is said."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, forecast, job, problem
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval, from_epoch
from scheduler.domain.places import to_micros
from scheduler.domain.series import StepSeries
from scheduler.planning import plan
from scheduler.planning.outlook import Outlook, outlook_from

HOUR_US = 3_600_000_000


def over(outlook: Outlook | None, start: float, end: float) -> float:
    """Mean intensity between two hours after noon."""
    assert outlook is not None
    noon = to_micros(NOON)
    return outlook.between(noon + int(start * HOUR_US), noon + int(end * HOUR_US)) / ((end - start) * 3600)


def test_beyond_its_horizon_a_forecast_of_a_day_repeats_the_same_hour() -> None:
    day = [float(100 + h) for h in range(30)]
    outlook = outlook_from(forecast(day), NOON, NOON + 100 * HOUR)
    assert over(outlook, 30, 31) == pytest.approx(106)
    assert over(outlook, 30 + 24 * 3, 31 + 24 * 3) == pytest.approx(106)
    assert over(outlook, 29.5, 30.5) == pytest.approx((129 + 106) / 2)


def test_beyond_its_horizon_a_shorter_forecast_holds_its_mean() -> None:
    outlook = outlook_from(forecast([100, 300]), NOON, NOON + 90 * HOUR)
    assert over(outlook, 2, 90) == pytest.approx(200)


@given(
    values=st.lists(st.floats(0, 900), min_size=1, max_size=40),
    bounds=st.tuples(st.integers(0, 120 * HOUR_US), st.integers(0, 120 * HOUR_US)),
)
def test_of_one_stretch_as_of_many_the_intensity_adds_up_to_the_same(
    values: list[float], bounds: tuple[int, int]
) -> None:
    """The two ways to reckon it, for speed one without arrays, agree, also beyond the horizon."""
    outlook = outlook_from(forecast(values), NOON, NOON + 200 * HOUR)
    assert outlook is not None
    start, end = (to_micros(NOON) + bound for bound in bounds)
    sums = outlook.integral_to(np.array([start, end]))
    assert outlook.between(start, end) == pytest.approx(float(sums[1] - sums[0]), abs=1e-6)


@given(st.floats(0, 1e6), st.floats(1, 1e6))
def test_the_edges_of_a_forecast_are_whole_microseconds_as_everywhere(begin: float, length: float) -> None:
    starts = np.array([NOON.timestamp() + begin])
    outlook = outlook_from(
        CarbonForecast(forecast([1]).key, NOON, NOON, StepSeries(starts, starts + length, np.array([200.0]))),
        from_epoch(float(starts[0])),
        NOON,
    )
    assert outlook is not None
    assert int(outlook.edges[0]) == to_micros(from_epoch(float(starts[0])))


def test_a_plan_says_where_it_goes_beyond_the_forecast_and_only_then() -> None:
    near, far = job(hours=1, within=2), job(hours=1, within=40)
    assert plan(problem(near, values=[100, 300]), "lowest-window").notes == ()
    (note,) = plan(problem(far, values=[100, 300]), "lowest-window").notes
    assert note == "the forecast ends at 2026-11-23 14:00 UTC; beyond it its mean is used"


def test_gaps_are_filled_from_the_day_before_and_said() -> None:
    hours = NOON.timestamp() + np.arange(48) * 3600
    keep = np.arange(48) != 30
    series = StepSeries(hours[keep], hours[keep] + 3600, (100.0 + np.arange(48) % 24)[keep])
    gappy = CarbonForecast(forecast([1]).key, NOON, NOON, series)
    outlook = outlook_from(gappy, NOON, NOON + HOUR)
    assert over(outlook, 30, 31) == pytest.approx(106)
    assert outlook is not None
    assert "gaps" in outlook.notes[0]


def test_a_forecast_that_begins_later_or_has_run_out_is_used_as_far_as_it_goes() -> None:
    late = outlook_from(forecast([100, 300], start=NOON + 5 * HOUR), NOON, NOON + 7 * HOUR)
    assert over(late, 0, 5) == pytest.approx(200)
    stale = outlook_from(forecast([100, 300], start=NOON - timedelta(days=3)), NOON, NOON + 7 * HOUR)
    assert over(stale, 0, 5) == pytest.approx(200)


def test_an_empty_forecast_is_none() -> None:
    empty = CarbonForecast(forecast([1]).key, NOON, NOON, StepSeries.empty())
    assert outlook_from(empty, NOON, NOON + HOUR) is None


@given(values=st.lists(st.integers(0, 900), min_size=1, max_size=40), start=st.floats(0, 30), length=st.floats(0.1, 90))
def test_within_the_forecast_it_says_what_the_forecast_says(values: list[int], start: float, length: float) -> None:
    """The prefix sums agree with the series itself."""
    known, end = forecast(values), min(start + length, len(values))
    if end - start > 1e-3:
        interval = Interval(NOON + start * HOUR, NOON + end * HOUR)
        outlook = outlook_from(known, NOON, NOON)
        assert over(outlook, start, end) == pytest.approx(known.expected.mean(interval), abs=1e-3)
