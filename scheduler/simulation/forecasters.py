"""What was forecast when: the truth, a file of issues, or our own from the series' past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.forecasting.blend import blended

KEY = SeriesKey("simulation", "recorded")
_DAYS_KEPT = 30
"""Of the past: more than any profile looks back."""


def issue(issued_at: datetime, expected: StepSeries) -> CarbonForecast:
    return CarbonForecast(KEY, issued_at, issued_at, expected)


@dataclass(frozen=True, slots=True)
class Perfect:
    """The future as it will be."""

    actual: StepSeries
    step: timedelta | None = None

    def at(self, now: datetime, until: datetime) -> CarbonForecast | None:
        span = self.actual.span
        if span is None or now >= span.end:
            return None
        return CarbonForecast(KEY, now, now, self.actual.clipped(Interval(now, span.end)), method="perfect")


@dataclass(frozen=True, slots=True)
class Improved:
    """The provider's issues, where there are any, corrected and blended with the series' own past.

    `history` reaches up to the end of the simulation; only what lies before the moment of asking, and the value that
    holds at it, is ever looked at.
    """

    history: StepSeries
    issues: Sequence[CarbonForecast]
    slot: timedelta

    @property
    def step(self) -> timedelta | None:
        return self.slot

    def at(self, now: datetime, until: datetime) -> CarbonForecast | None:
        known = self._known(now)
        if known.span is None:
            return None
        issued = bisect_right(self.issues, now, key=lambda issue: issue.issued_at)
        return blended(
            known, self.issues[max(0, issued - 2) : issued], now, max(until, now + timedelta(days=4)), self.slot
        )

    def _known(self, now: datetime) -> StepSeries:
        """The past, and the slot that holds now."""
        row = int(np.searchsorted(self.history.starts, now.timestamp(), side="right"))
        begin = int(np.searchsorted(self.history.starts, (now - timedelta(days=_DAYS_KEPT)).timestamp()))
        past = slice(begin, row)
        return StepSeries(self.history.starts[past], self.history.ends[past], self.history.values[past])
