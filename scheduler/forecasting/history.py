"""Past intensity on a regular hourly grid, with its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from scheduler.domain.intervals import from_epoch, utc
from scheduler.domain.series import Floats, StepSeries

HOUR_S = 3600.0
_WELL_COVERED = 0.5
"""Share of an hour that must be known for its mean to stand for it."""


@dataclass(frozen=True, slots=True, eq=False)
class HourlyHistory:
    """Hourly means [g/kWh], NaN where unknown; `values[i]` is for hour `first_hour + i`, counted from 1970."""

    first_hour: int
    values: Floats

    @classmethod
    def of(cls, series: StepSeries) -> HourlyHistory:
        """Whole hours only: one that the series covers by less than half is unknown."""
        if not len(series):
            return cls(0, np.empty(0))
        first = int(series.starts[0] // HOUR_S)
        last = int(-(-series.ends[-1] // HOUR_S))
        edges = np.arange(first, last + 1, dtype=np.float64) * HOUR_S
        totals, covered = series.integrals(edges[:-1], edges[1:])
        known = covered >= _WELL_COVERED * HOUR_S
        return cls(first, np.where(known, totals / np.where(known, covered, 1.0), np.nan))

    def __len__(self) -> int:
        return int(self.values.size)

    def index_at(self, moment: datetime) -> int:
        """Index of the first hour that has not wholly ended at `moment`: all before it may be used then."""
        return int(utc(moment).timestamp() // HOUR_S) - self.first_hour

    def hour_at(self, index: int) -> datetime:
        return from_epoch((self.first_hour + index) * HOUR_S)
