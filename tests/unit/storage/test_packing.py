"""A forecast's arrays in one blob: exact, and small enough to keep every issue for years."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes.clock import NOON
from fakes.records import a_forecast

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.series import StepSeries
from scheduler.storage.packing import digest, pack, unpack


def half_hours(values: np.ndarray, offset_s: float = 0.0) -> CarbonForecast:
    starts = NOON.timestamp() + offset_s + 1800.0 * np.arange(len(values))
    return replace(a_forecast(NOON), expected=StepSeries(starts, starts + 1800.0, values))


def a_walk(decimals: int) -> np.ndarray:
    return np.round(200 + np.cumsum(np.random.default_rng(0).normal(0, 5, 96)), decimals)


@pytest.mark.parametrize(("decimals", "most_bytes"), [(0, 250), (1, 350), (3, 400), (15, 1000)])
def test_a_two_day_issue_takes_few_bytes_and_loses_nothing(decimals: int, most_bytes: int) -> None:
    """One row a value would take about 10 kB."""
    forecast = half_hours(a_walk(decimals))
    packed = pack(forecast)
    assert unpack(packed) == (forecast.expected, None, None)
    assert len(packed) < most_bytes


def test_moments_off_every_grid_are_kept_to_the_last_bit() -> None:
    """A replayed series is squeezed onto the wall clock."""
    forecast = half_hours(a_walk(0))
    squeezed = replace(forecast, expected=forecast.expected.retimed(NOON, NOON, speed=7.3))
    assert unpack(pack(squeezed))[0] == squeezed.expected


def test_an_empty_band_is_not_a_missing_one() -> None:
    forecast = replace(half_hours(a_walk(1)), p10=StepSeries.empty())
    assert unpack(pack(forecast)) == (forecast.expected, StepSeries.empty(), None)


def test_the_digest_tells_values_apart_and_nothing_else() -> None:
    forecast = half_hours(a_walk(0))
    later = replace(forecast, fetched_at=NOON.replace(hour=13))
    other = half_hours(a_walk(0) + 1)
    assert digest(pack(forecast)) == digest(pack(later)) != digest(pack(other))
    assert digest(pack(forecast)) != digest(pack(half_hours(a_walk(0), offset_s=1.0)))


@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_what_is_decimal_in_pounds_a_megawatt_hour_takes_as_few_bytes_and_loses_nothing(decimals: int) -> None:
    """WattTime's three days by five minutes, every quarter of an hour: a year of them must stay below 100 MB."""
    pounds = np.round(1500 + np.cumsum(np.random.default_rng(0).normal(0, 5, 864)), decimals)
    forecast = half_hours(np.array([value * 0.45359237 for value in pounds.tolist()]))
    packed = pack(forecast)
    assert unpack(packed) == (forecast.expected, None, None)
    assert len(packed) < 2200


def test_an_issue_that_was_packed_before_is_packed_the_same_today() -> None:
    """Its digest tells whether it is there already."""
    assert digest(pack(half_hours(np.array([231.0, 225.0, 210.5])))).hex() == "80555d932cc523e29863d372ba562f7d"
