"""Our own forecast: what it may know, what it does with little, and that it is honest about its bands."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from fakes.grid_days import HOUR, MONDAY, a_history, a_series, made_up_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.series import Floats
from scheduler.forecasting.backtest import LONGEST_H, OURS, backtest, issues
from scheduler.forecasting.baselines import BASELINES
from scheduler.forecasting.builtin import BuiltinForecaster, HourlyForecast
from scheduler.forecasting.design import FEATURES, HORIZON, design
from scheduler.forecasting.history import HourlyHistory
from scheduler.forecasting.skill import CASES, band_coverage, total

YEAR = made_up_grid(365)
FORECASTER = BuiltinForecaster(a_history(YEAR))


def view_at(values: Floats, hour: int) -> HourlyForecast:
    forecast = BuiltinForecaster(a_history(values)).view(MONDAY + hour * HOUR)
    assert forecast is not None
    return forecast


def same(one: HourlyForecast, other: HourlyForecast) -> bool:
    assert one.quantiles is not None and other.quantiles is not None
    return np.array_equal(one.mean, other.mean) and np.array_equal(one.quantiles, other.quantiles)


@settings(max_examples=8)
@given(st.integers(40 * 24, 300 * 24), st.integers(0, 2**32 - 1))
def test_nothing_after_the_moment_of_issue_has_any_say(hour: int, seed: int) -> None:
    """Scramble the future: the forecast, its bands and all that was learnt stay the same to the last bit."""
    scrambled = YEAR[: 310 * 24].copy()
    scrambled[hour:] = np.random.default_rng(seed).uniform(0, 2000, scrambled.size - hour)
    assert same(view_at(scrambled, hour), view_at(YEAR[: 310 * 24], hour))


def test_the_running_hour_has_no_say_either() -> None:
    """At half past ten the hour from ten to eleven has not ended."""
    scrambled = YEAR.copy()
    scrambled[100 * 24 + 10] = 1999.0
    half_past = MONDAY + timedelta(days=100, hours=10.5)
    views = [BuiltinForecaster(a_history(values)).view(half_past) for values in (YEAR, scrambled)]
    assert views[0] is not None and views[1] is not None and same(views[0], views[1])


def test_the_view_from_a_moment_does_not_depend_on_what_was_asked_before() -> None:
    """Forwards, backwards or alone."""
    forecaster = BuiltinForecaster(a_history(YEAR))
    first, _, again = (forecaster.view(MONDAY + days * timedelta(days=1)) for days in (120, 300, 120))
    assert first is not None and again is not None
    assert same(first, again) and same(first, view_at(YEAR, 120 * 24))


def test_it_starts_at_the_present_hour_and_reaches_a_week() -> None:
    """The first row is the hour that has just begun."""
    forecast = view_at(YEAR, 100 * 24 + 5)
    assert forecast.starts()[0] == (MONDAY + timedelta(days=100, hours=5)).timestamp()
    assert forecast.mean.size == HORIZON


def test_a_late_provider_costs_reach_and_nothing_else() -> None:
    """Ten hours unpublished: the view from the last known hour, with ten leads gone by."""
    late = YEAR[: 100 * 24].copy()
    late[-10:] = np.nan
    forecast, before = view_at(late, 100 * 24), view_at(YEAR, 100 * 24 - 10)
    assert np.array_equal(forecast.mean, before.mean[10:])
    assert forecast.first_hour == before.first_hour + 10


def test_gaps_are_unknown_and_not_zero() -> None:
    """Without a tenth of the past the forecast stays near; with zeros for it, it would not."""
    holes = YEAR[: 200 * 24].copy()
    holes[np.random.default_rng(1).integers(0, holes.size - 24, holes.size // 10)] = np.nan
    apart = np.abs(view_at(holes, 200 * 24).mean - view_at(YEAR, 200 * 24).mean)
    assert apart.mean() < 5


def test_a_month_of_history_is_enough_for_a_week_with_bands() -> None:
    """What is asked for at the first start of a daemon."""
    forecast = view_at(YEAR[: 28 * 24], 28 * 24)
    assert forecast.quantiles is not None and forecast.mean.size == HORIZON


def test_with_a_few_days_each_hour_is_as_usual_and_no_band_is_claimed() -> None:
    """A pure daily wave is met exactly; a band would be guessed."""
    wave = 300 + 100 * np.cos(2 * np.pi * np.arange(5 * 24) / 24)
    forecast = view_at(wave, 5 * 24)
    assert forecast.quantiles is None
    assert forecast.mean[:48] == pytest.approx(wave[:48])


@pytest.mark.parametrize("known", [0, 1, 23])
def test_less_than_a_day_is_no_basis(known: int) -> None:
    """It says nothing rather than something."""
    assert BuiltinForecaster(a_history(YEAR[:known])).view(MONDAY + known * HOUR) is None


def test_before_and_long_after_the_series_it_says_nothing() -> None:
    """A week after the last known hour nothing that was learnt holds."""
    forecaster = BuiltinForecaster(a_history(YEAR[: 60 * 24]))
    assert forecaster.view(MONDAY - HOUR) is None
    assert forecaster.view(MONDAY + timedelta(days=67)) is None
    assert forecaster.view(MONDAY + timedelta(days=66)) is not None


@settings(max_examples=10)
@given(st.integers(18 * 24, 364 * 24))
def test_quantiles_are_in_order_and_every_value_is_plausible(hour: int) -> None:
    """p10 is at most p50 is at most p90, and none is below zero."""
    forecast = FORECASTER.view(MONDAY + hour * HOUR)
    assert forecast is not None and forecast.quantiles is not None
    assert (np.diff(forecast.quantiles, axis=0) >= 0).all()
    assert (forecast.quantiles >= 0).all() and (forecast.mean >= 0).all()


@settings(max_examples=40)
@given(st.integers(15 * 24, 70 * 24), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.3]))
def test_the_expected_value_lies_in_its_band_however_short_the_history(hours: int, seed: int, unknown: float) -> None:
    """Errors of a few days are of one weather and may all have one sign: no ground to expect what the band excludes."""
    values = made_up_grid(71, seed)[:hours]
    values[:-1][np.random.default_rng(seed).random(hours - 1) < unknown] = np.nan
    forecast = view_at(values, hours)
    if forecast.quantiles is None:
        assert np.count_nonzero(~np.isnan(values)) < 18 * 24 or unknown > 0
        return
    low, middle, high = forecast.quantiles
    assert (low <= forecast.mean).all() and (forecast.mean <= high).all()
    assert (low <= middle).all() and (middle <= high).all()


def test_a_grid_that_never_changes_is_forecast_as_it_is() -> None:
    """No deviation, no division by nothing."""
    forecast = view_at(np.full(60 * 24, 42.0), 60 * 24)
    assert forecast.mean == pytest.approx(np.full(HORIZON, 42.0), abs=0.5)


def test_on_a_grid_it_has_never_seen_it_beats_the_simple_ones_and_its_bands_hold() -> None:
    """Weather of a day's memory, a weekend, a clean noon: a year of it, judged on the last third."""
    result = backtest(a_history(YEAR), 240 * 24, 360 * 24, 13)
    for case in CASES:
        ours = result.captured(OURS, case).share
        assert all(ours >= result.captured(name, case).share - 0.02 for name in BASELINES)
    assert total(result.captured(OURS, case) for case in CASES).share > 0.5
    assert 0.75 <= band_coverage(result.actual, result.low, result.high) <= 0.85


def test_every_issue_of_a_batch_is_the_view_from_its_moment() -> None:
    """Every five hours, cut to the horizon asked for; none before anything is known."""
    first, last = MONDAY, MONDAY + timedelta(days=40)
    batch = list(issues(a_series(YEAR[: 50 * 24]), first, last, 5 * HOUR, timedelta(hours=LONGEST_H)))
    assert batch[0].issued_at == MONDAY + timedelta(hours=25)
    assert batch[-1].issued_at == MONDAY + timedelta(hours=5 * 191)
    assert batch[-1].forecast.mean == pytest.approx(view_at(YEAR, 5 * 191).mean[:LONGEST_H])


def test_the_columns_are_as_many_as_the_model_weighs() -> None:
    """One row for each origin, the present among them."""
    assert design(a_history(YEAR[:100])).features.shape == (101, FEATURES)


def test_half_hours_make_hours_and_an_hour_mostly_unknown_is_unknown() -> None:
    """The mean of both halves; one half alone stands for the hour, a quarter does not."""
    halves = HourlyHistory.of(a_series(np.array([10.0, 20.0, 30.0, np.nan]), step=HOUR / 2))
    assert halves.values.tolist() == [15.0, 30.0]
    quarters = HourlyHistory.of(a_series(np.array([10.0, np.nan, np.nan, np.nan, 8.0]), step=HOUR / 4))
    assert np.isnan(quarters.values[0])
