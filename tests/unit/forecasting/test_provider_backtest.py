"""A provider's issues beside ours, at its moments, on its hours, and neither with a look ahead."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from fakes.carbon_source import KEY
from fakes.grid_days import HOUR, MONDAY, a_series, made_up_grid

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval
from scheduler.domain.series import Floats
from scheduler.forecasting.backtest import OURS
from scheduler.forecasting.baselines import BASELINES
from scheduler.forecasting.provider_backtest import COMBINED, PROVIDER, provider_backtest
from scheduler.forecasting.skill import JobAndWindow

DAYS = 60


def issues(values: Floats, first_day: int, last_day: int, reach_h: int) -> list[CarbonForecast]:
    """Every six hours at half past, right in every hour, and fetched a minute later."""
    truth, found = a_series(values), []
    for hour in range(first_day * 24, last_day * 24, 6):
        at = MONDAY + hour * HOUR + HOUR / 2
        ahead = truth.clipped(Interval(at, at + reach_h * HOUR))
        found.append(CarbonForecast(KEY, at, at + timedelta(minutes=1), ahead))
    return found


def test_a_perfect_provider_captures_everything_as_far_as_it_reaches() -> None:
    values = made_up_grid(DAYS)
    result = provider_backtest(KEY, a_series(values), issues(values, 35, 45, reach_h=50))
    assert set(result.forecasts) == {PROVIDER, COMBINED, OURS, *BASELINES}
    assert len(result.actual) == 40
    assert result.captured(PROVIDER, JobAndWindow(4, 24)).share == pytest.approx(1)
    assert result.captured(OURS, JobAndWindow(4, 24)).share < 1
    assert result.judged(48).all() and not result.judged(96).any()


def test_it_is_judged_from_the_first_whole_hour_after_the_issue() -> None:
    """Half an hour of the running one is over; nobody can begin a job in it any more."""
    values = made_up_grid(DAYS)
    result = provider_backtest(KEY, a_series(values), issues(values, 35, 36, reach_h=50))
    assert np.allclose(result.actual[0], values[35 * 24 + 1 : 35 * 24 + 97])
    assert np.allclose(result.forecasts[PROVIDER][0][:48], result.actual[0][:48])


def test_what_comes_after_an_issue_changes_nothing_that_was_said_at_it() -> None:
    """The future scrambled: ours, the combination and every simple rule say the same."""
    values = made_up_grid(DAYS)
    said = issues(values, 35, 42, reach_h=50)
    other = values.copy()
    present = (said[-1].fetched_at - MONDAY) // HOUR
    other[present:] = other[present:][::-1]
    before, after = (provider_backtest(KEY, a_series(v), said) for v in (values, other))
    for name in before.forecasts:
        assert np.array_equal(before.forecasts[name], after.forecasts[name], equal_nan=True), name
    assert not np.array_equal(before.actual, after.actual)


def test_without_issues_that_can_be_judged_nothing_is_said() -> None:
    values = made_up_grid(DAYS)
    assert len(provider_backtest(KEY, a_series(values), ()).actual) == 0
    assert len(provider_backtest(KEY, a_series(values), issues(values, 1, 2, reach_h=50)).actual) == 0
