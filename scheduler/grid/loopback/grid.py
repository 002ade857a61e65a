"""The grid that the loopback server reports on: one series, what is known of it by now, and what is expected of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.intervals import Interval, from_epoch
from scheduler.domain.series import StepSeries


@dataclass(frozen=True, slots=True)
class Slot:
    """One row of an answer before a dialect writes it down; values are the provider's, right or wrong."""

    interval: Interval
    forecast: float
    actual: float | None
    """None until it is published."""
    revised: bool = False
    """Whether `actual` is the last word."""
    bad_value: float | str | None = None
    """What to write in place of both, by a fault's order."""
    unknown: bool = False
    """Whether both are said to be null, by a fault's order."""

    def with_actual(self, value: float) -> Slot:
        return replace(self, actual=value)

    def with_value(self, value: float | str) -> Slot:
        return replace(self, bad_value=value)

    def without_value(self) -> Slot:
        return replace(self, unknown=True)

    @property
    def shown_forecast(self) -> float | str | None:
        if self.unknown:
            return None
        return self.forecast if self.bad_value is None else self.bad_value

    @property
    def shown_actual(self) -> float | str | None:
        if self.actual is None or self.unknown:
            return None
        return self.actual if self.bad_value is None else self.bad_value


@dataclass(frozen=True, slots=True)
class LoopbackGrid:
    """A series as a provider would see it at `now`: past values with a lag, first provisional, then revised."""

    series: StepSeries
    now: Callable[[], datetime]
    lag: timedelta = timedelta(0)
    revised_after: timedelta = timedelta(hours=24)
    provisional_error: float = 0.02
    """By how much a value is off before it is revised, as a share of it."""
    forecast_error: float = 0.0
    """By how much every forecast is off, as a share of the value."""

    def slots(self, interval: Interval, step: timedelta) -> list[Slot]:
        """The whole slots of `step` (counted from 1970) that reach into `interval` and whose value is in the series."""
        seconds = step.total_seconds()
        first = interval.start.timestamp() // seconds * seconds
        starts = np.arange(first, interval.end.timestamp(), seconds)
        totals, covered = self.series.integrals(starts, starts + seconds)
        now = self.now()
        return [
            self._slot(Interval(from_epoch(start), from_epoch(start + seconds)), total / known, now)
            for start, total, known in zip(starts.tolist(), totals.tolist(), covered.tolist(), strict=True)
            if known > 0
        ]

    def _slot(self, interval: Interval, value: float, now: datetime) -> Slot:
        age = now - interval.end
        forecast = round(value * (1 + self.forecast_error), 1)
        if age < self.lag:
            return Slot(interval, forecast, None)
        revised = age >= self.revised_after
        error = 0.0 if revised else self.provisional_error
        return Slot(interval, forecast, round(value * (1 + error), 1), revised)
