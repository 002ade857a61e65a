"""Forecasts as they would have been issued, one after the other, each knowing only what had ended by then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.series import Floats, StepSeries
from scheduler.forecasting.baselines import BASELINES, WEEK
from scheduler.forecasting.builtin import BuiltinForecaster, HourlyForecast
from scheduler.forecasting.history import HourlyHistory
from scheduler.forecasting.linear_model import Moments
from scheduler.forecasting.skill import CASES, Captured, JobAndWindow, captured

OURS = "carbonq"
LONGEST_H = max(case.window_h for case in CASES)


@dataclass(frozen=True, slots=True)
class Issue:
    issued_at: datetime
    forecast: HourlyForecast


def issues(
    series: StepSeries, first: datetime, last: datetime, every: timedelta, horizon: timedelta
) -> Iterator[Issue]:
    """One from each moment first, first + every, ... before `last` at which enough is known."""
    forecaster = BuiltinForecaster(HourlyHistory.of(series))
    hours = -(-horizon // timedelta(hours=1))
    moment = first
    while moment < last:
        forecast = forecaster.view(moment)
        if forecast is not None:
            yield Issue(moment, forecast.first(hours))
        moment += every


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Issues of one grid with what then came, each array of shape (issues, LONGEST_H)."""

    actual: Floats
    forecasts: dict[str, Floats]
    """By name: ours and each baseline."""
    low: Floats
    high: Floats
    """Our 80 % band."""

    def captured(self, name: str, case: JobAndWindow) -> Captured:
        return captured(self.actual, self.forecasts[name], case)


def backtest(history: HourlyHistory, first: int, last: int, step: int, prior: Moments | None = None) -> Backtest:
    """Issues at the hours first, first + step, ... before `last`, where a week before and four days after are known."""
    forecaster = BuiltinForecaster(history, prior)
    kept = [origin for origin in range(first, last, step) if _judgeable(history, origin)]
    views = {origin: forecaster.view(history.hour_at(origin)) for origin in kept}
    ours = {origin: view for origin, view in views.items() if view is not None and view.quantiles is not None}
    forecasts = {
        name: _stacked([rule(history.values[:o], LONGEST_H) for o in ours]) for name, rule in BASELINES.items()
    }
    bands = [view.quantiles for view in ours.values() if view.quantiles is not None]
    return Backtest(
        actual=_stacked([history.values[o : o + LONGEST_H] for o in ours]),
        forecasts={OURS: _stacked([view.mean[:LONGEST_H] for view in ours.values()]), **forecasts},
        low=_stacked([band[0, :LONGEST_H] for band in bands]),
        high=_stacked([band[-1, :LONGEST_H] for band in bands]),
    )


def _judgeable(history: HourlyHistory, origin: int) -> bool:
    around = history.values[max(0, origin - WEEK) : origin + LONGEST_H]
    return around.size == WEEK + LONGEST_H and not np.isnan(around).any()


def _stacked(rows: list[Floats]) -> Floats:
    return np.stack(rows) if rows else np.empty((0, LONGEST_H))
