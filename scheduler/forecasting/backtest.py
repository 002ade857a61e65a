"""Forecasts as they would have been issued, one after the other, each knowing only what had ended by then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

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
    """Issues of one grid with what then came, each array of shape (issues, LONGEST_H).

    A forecast may be NaN where it does not reach; there all are left out, so that they are compared on the same hours.
    """

    actual: Floats
    forecasts: dict[str, Floats]
    """By name: ours, each baseline, and others that are compared."""
    low: Floats
    high: Floats
    """Our 80 % band."""

    @property
    def told(self) -> NDArray[np.bool_]:
        """Which hours every forecast says something of."""
        return np.asarray(np.isfinite([*self.forecasts.values(), self.low, self.high]).all(axis=0))

    def judged(self, hours: int) -> NDArray[np.bool_]:
        """Which issues are told of for so many hours from the first on."""
        return np.asarray(self.told[:, :hours].all(axis=1))

    def captured(self, name: str, case: JobAndWindow) -> Captured:
        kept = self.judged(case.window_h)
        return captured(self.actual[kept], self.forecasts[name][kept], case)


def backtest(history: HourlyHistory, first: int, last: int, step: int, prior: Moments | None = None) -> Backtest:
    """Issues at the hours first, first + step, ... before `last`, where a week before and four days after are known."""
    forecaster = BuiltinForecaster(history, prior)
    kept = [origin for origin in range(first, last, step) if is_judgeable(history, origin)]
    views = {origin: forecaster.view(history.hour_at(origin)) for origin in kept}
    ours = {origin: view for origin, view in views.items() if view is not None and view.quantiles is not None}
    rules = [baselines_at(history, origin, LONGEST_H) for origin in ours]
    bands = [view.quantiles for view in ours.values() if view.quantiles is not None]
    return Backtest(
        actual=stacked([history.values[o : o + LONGEST_H] for o in ours]),
        forecasts={
            OURS: stacked([view.mean[:LONGEST_H] for view in ours.values()]),
            **{name: stacked([rule[name] for rule in rules]) for name in BASELINES},
        },
        low=stacked([band[0, :LONGEST_H] for band in bands]),
        high=stacked([band[-1, :LONGEST_H] for band in bands]),
    )


def baselines_at(history: HourlyHistory, origin: int, hours: int) -> dict[str, Floats]:
    """What each simple rule says of the hours from `origin` on, knowing those before it."""
    return {name: rule(history.values[:origin], hours) for name, rule in BASELINES.items()}


def is_judgeable(history: HourlyHistory, origin: int) -> bool:
    """Whether a week before the hour and four days from it on are known."""
    around = history.values[max(0, origin - WEEK) : origin + LONGEST_H]
    return around.size == WEEK + LONGEST_H and not np.isnan(around).any()


def stacked(rows: list[Floats]) -> Floats:
    return np.stack(rows) if rows else np.empty((0, LONGEST_H))
