"""What a provider said hour by hour, and how far from the truth it was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scheduler.domain.series import Floats
from scheduler.forecasting.calibration import ERROR_SPANS_H
from scheduler.forecasting.design import HORIZON


class ProviderRecord:
    """Its issues, each the newest until the next; hours count from the beginning of the history."""

    def __init__(self, hours: NDArray[np.int64], rows: Floats, known: Floats) -> None:
        """`hours`: of each issue, in order; `rows`: what each said from its hour on; `known`: what came."""
        self._hours, self._rows = hours, rows
        self.first = int(hours[0]) if hours.size else known.size
        errors = np.full(known.size, np.nan)
        ends = np.append(hours[1:], known.size)
        for hour, end, row in zip(hours, ends, rows, strict=True):
            begin, stop = max(int(hour), 0), min(int(end), int(hour) + HORIZON, known.size)
            if begin < stop:
                errors[begin:stop] = known[begin:stop] - row[begin - hour : stop - hour]
        self._sums = np.concatenate(([0.0], np.cumsum(np.nan_to_num(errors))))
        self._counts = np.concatenate(([0], np.cumsum(np.isfinite(errors))))

    def from_origin(self, origin: int) -> Floats:
        """What the newest issue of that time says, by lead from the origin on; NaN where it is silent."""
        row = int(np.searchsorted(self._hours, origin, side="right")) - 1
        ago = origin - int(self._hours[row]) if row >= 0 else HORIZON
        said = self._rows[row, min(ago, HORIZON) :] if row >= 0 else self._rows[:0].ravel()
        return np.concatenate((said, np.full(HORIZON - said.size, np.nan)))

    def errors_before(self, origins: NDArray[np.int64]) -> Floats:
        """Mean error over the last ERROR_SPANS_H hours before each origin, 0 where unknown; (origins, spans)."""
        end = np.clip(origins, 0, self._sums.size - 1)
        columns = []
        for span in ERROR_SPANS_H:
            begin = np.clip(origins - span, 0, end)
            count = self._counts[end] - self._counts[begin]
            columns.append((self._sums[end] - self._sums[begin]) / np.maximum(count, 1))
        return np.stack(columns, axis=-1)
