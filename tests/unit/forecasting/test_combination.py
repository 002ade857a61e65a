"""The provider's forecast beside our own: who is believed, how far it reaches, what it may know."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from fakes.grid_days import HOUR, MONDAY, a_series, made_up_grid

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.domain.series import Floats
from scheduler.forecasting.combination import Combiner

KEY = SeriesKey("neso", "GB")
TRUTH = made_up_grid(130)
NOW = MONDAY + timedelta(days=100)
DAY = timedelta(days=1)
WEEK = 7 * DAY


def an_issue(days: float, values: Floats) -> CarbonForecast:
    """Issued `days` after the beginning of the series, from that hour on."""
    at = MONDAY + days * DAY
    return CarbonForecast(KEY, at, at, a_series(values, at))


def daily_issues(offset: float, noise: float = 0.0, hours: int = 48) -> list[CarbonForecast]:
    """One a day for 60 days up to NOW: the truth, moved by `offset` and blurred by `noise`."""
    chance = np.random.default_rng(3)
    return [
        an_issue(day, np.maximum(TRUTH[day * 24 : day * 24 + hours] + offset + chance.normal(0, noise, hours), 0))
        for day in range(40, 101)
    ]


def combined(issues: list[CarbonForecast], known_days: int = 100) -> CarbonForecast:
    forecast = Combiner(KEY, a_series(TRUTH[: known_days * 24]), issues).at(NOW)
    assert forecast is not None
    return forecast


def error(forecast: CarbonForecast, hours: int = 48) -> float:
    return float(np.abs(forecast.expected.values[:hours] - TRUTH[2400 : 2400 + hours]).mean())


def test_a_provider_that_is_always_off_by_as_much_is_set_right() -> None:
    """50 g too high for two months: what is left is small."""
    assert error(combined(daily_issues(offset=50))) < 10


def test_a_provider_that_is_wrong_at_the_same_hours_each_day_is_set_right() -> None:
    """60 g too high at midnight and too low at noon: a third of that is left at most."""
    wave = 60 * np.cos(2 * np.pi * np.arange(24) / 24)
    issues = [
        an_issue(day, np.maximum(TRUTH[day * 24 : day * 24 + 48] + np.tile(wave, 2), 0)) for day in range(40, 101)
    ]
    assert error(combined(issues)) < np.abs(wave).mean() / 3


def test_a_provider_that_knows_nothing_is_not_believed() -> None:
    """Noise of 150 g: the combination is no worse than our own by more than a little."""
    alone, beside_noise = combined([]), combined(daily_issues(offset=0, noise=150))
    assert error(beside_noise) < 1.25 * error(alone)


def test_a_provider_that_knows_the_weather_is_believed() -> None:
    """Blurred by 5 g only: much better than what the past alone can say."""
    assert error(combined(daily_issues(offset=0, noise=5))) < 0.5 * error(combined([]))


def test_beyond_the_provider_s_reach_our_own_goes_on_to_a_week_without_a_step() -> None:
    """The seam fades: the hour after it starts from where the provider ended."""
    forecast = combined(daily_issues(offset=0, noise=5))
    assert forecast.horizon == NOW + WEEK
    assert forecast.method == "provider+carbonq"
    values = forecast.expected.values
    assert abs(values[48] - values[47]) < 60


def test_the_band_is_nearer_where_the_provider_helps() -> None:
    """And it holds the expected value everywhere."""
    alone, helped = combined([]), combined(daily_issues(offset=0, noise=5))
    assert alone.p10 and alone.p90 and helped.p10 and helped.p90
    width_alone, width_helped = alone.p90.values - alone.p10.values, helped.p90.values - helped.p10.values
    assert width_helped[:48].mean() < width_alone[:48].mean()
    assert (helped.p10.values <= helped.expected.values).all()
    assert (helped.expected.values <= helped.p90.values).all()


@pytest.mark.parametrize("day", [30, 51, 114])
def test_the_band_holds_the_expected_value_in_the_first_weeks(day: int) -> None:
    """Three weeks of history and a day of issues: little is known of our errors, hardly anything of those of both."""
    now = MONDAY + day * DAY
    history = a_series(TRUTH[(day - 21) * 24 : day * 24], now - 21 * DAY)
    issues = [an_issue(at, TRUTH[at * 24 : at * 24 + 48] + 80) for at in (day - 1, day)]
    forecast = Combiner(KEY, history, issues).at(now)
    assert forecast is not None and forecast.p10 is not None and forecast.p90 is not None
    assert (forecast.p10.values <= forecast.expected.values).all()
    assert (forecast.expected.values <= forecast.p90.values).all()


def test_issues_and_values_from_after_the_moment_have_no_say() -> None:
    """Neither a later issue, nor one fetched later, nor a value that was not published yet."""
    issues = daily_issues(offset=20, noise=10)
    later = [an_issue(101, np.full(48, 900.0)), replace(an_issue(99.5, np.full(48, 900.0)), fetched_at=NOW + HOUR)]
    assert combined([*issues, *later], known_days=120) == combined(issues)


def test_without_history_the_provider_is_taken_at_its_word() -> None:
    """Nothing to judge it by."""
    issue = an_issue(100, TRUTH[2400:2448])
    assert Combiner(KEY, a_series(np.empty(0)), [issue]).at(NOW) == issue


def test_with_a_few_days_of_history_the_provider_is_only_extended() -> None:
    """Its own values stay as they are."""
    issue = an_issue(100, TRUTH[2400:2448])
    forecast = Combiner(KEY, a_series(TRUTH[2300:2400], MONDAY + 2300 * HOUR), [issue]).at(NOW)
    assert forecast is not None and forecast.horizon == NOW + WEEK
    assert forecast.expected.clipped(Interval(NOW, NOW + 2 * DAY)) == issue.expected


def test_an_issue_that_has_run_out_is_no_forecast() -> None:
    """Three days old and two long: our own alone, under its own name."""
    forecast = combined([an_issue(97, TRUTH[97 * 24 : 99 * 24])])
    assert (forecast.method, forecast.issued_at) == ("carbonq", NOW)


def test_half_hourly_issues_keep_their_step() -> None:
    """The plan may use every half hour that the provider tells apart."""
    at = MONDAY + 100 * DAY
    fine = CarbonForecast(KEY, at, at, a_series(np.repeat(TRUTH[2400:2448], 2), at, HOUR / 2))
    assert len(combined([*daily_issues(0, 5)[:-1], fine]).expected.clipped(Interval(NOW, NOW + HOUR))) == 2


def test_nobody_knows_anything() -> None:
    """Then there is no forecast, and jobs run in order."""
    assert Combiner(KEY, a_series(np.empty(0))).at(NOW) is None


def test_a_forecast_of_another_series_is_refused() -> None:
    """Two providers of one zone differ in level: the difference would pass for an error."""
    strange = replace(an_issue(100, TRUTH[:48]), key=SeriesKey("energy-charts", "GB"))
    with pytest.raises(ValueError, match="energy-charts/GB"):
        Combiner(KEY, a_series(TRUTH), [strange])


def test_a_value_known_for_the_running_hour_moves_what_comes_after_it() -> None:
    """Published before its hour has ended: our own view begins where that hour ends."""
    combiner = Combiner(KEY, a_series(TRUTH[: 100 * 24 + 1]))
    plain, informed = combiner.at(NOW), combiner.at(NOW, known_until=NOW + HOUR)
    assert plain is not None and informed is not None
    assert (plain.expected.span, informed.expected.span) == (
        Interval(NOW, NOW + WEEK),
        Interval(NOW + HOUR, NOW + WEEK + HOUR),
    )


def test_an_old_issue_is_judged_by_issues_that_were_as_old() -> None:
    """Twenty hours after it came our own has seen a day more: the same question, asked of the same age."""
    combiner = Combiner(KEY, a_series(TRUTH[: 102 * 24]), daily_issues(offset=30, noise=5))
    late = combiner.at(NOW + 20 * HOUR)
    assert late is not None
    assert np.abs(late.expected.clipped(Interval(NOW + 20 * HOUR, NOW + DAY)).values - TRUTH[2420:2424]).mean() < 15
