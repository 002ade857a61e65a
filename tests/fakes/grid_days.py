"""Grids of our own making: a day with a clean noon, a weekend, weather that lingers; hourly from a Monday on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from scheduler.domain.series import Floats, StepSeries
from scheduler.forecasting.history import HOUR_S, HourlyHistory

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made_up_grid(days: int, seed: int = 7) -> Floats:
    """Lifecycle-like intensity [g/kWh]: 300 on average, a dip at noon, less at weekends, weather of a day's memory."""
    chance = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    weather = np.zeros(hours.size)
    for hour in hours[1:]:
        weather[hour] = 0.97 * weather[hour - 1] + chance.normal(0, 8)
    noon = -80 * np.cos(2 * np.pi * (hours % 24 - 12) / 24)
    weekend = np.where(hours // 24 % 7 >= 5, -40.0, 0.0)
    return np.asarray(np.maximum(300 + noon + weekend + weather, 5.0))


def a_history(values: Floats) -> HourlyHistory:
    return HourlyHistory(int(MONDAY.timestamp() // HOUR_S), values)


def a_series(values: Floats, start: datetime = MONDAY, step: timedelta = HOUR) -> StepSeries:
    """NaN leaves a stretch unknown."""
    starts = start.timestamp() + np.arange(values.size) * step.total_seconds()
    known = ~np.isnan(values)
    return StepSeries(starts[known], (starts + step.total_seconds())[known], values[known])
