"""A quantity over time that holds its value from each start to its end, with gaps allowed: never filled, never zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from scheduler.domain.intervals import Interval, from_epoch, utc

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class StepSeries:
    """Piecewise-constant values; `starts[i] <= t < ends[i]` has `values[i]`.

    `starts`, `ends` are epoch seconds (float64, shape (n,)), sorted and without overlap; `values` are finite.
    A stretch that no row covers is unknown.
    """

    starts: Floats
    ends: Floats
    values: Floats
    _totals: tuple[Floats, Floats] | None = field(default=None, init=False, repr=False)
    """(integral, covered time) up to the start of each row, and to the end; reckoned when first asked for."""

    def __post_init__(self) -> None:
        arrays = [np.ascontiguousarray(a, dtype=np.float64) for a in (self.starts, self.ends, self.values)]
        starts, ends, values = arrays
        if not (starts.ndim == 1 and starts.shape == ends.shape == values.shape):
            raise ValueError("starts, ends and values must be one-dimensional and of equal length")
        if starts.size:
            if not (np.isfinite(starts).all() and np.isfinite(ends).all() and np.isfinite(values).all()):
                raise ValueError("a series holds finite numbers only; leave unknown stretches out")
            if not (ends > starts).all():
                raise ValueError("every row must end after it starts")
            if not (starts[1:] >= ends[:-1]).all():
                raise ValueError("rows must be sorted by start and must not overlap")
        for name, array in zip(("starts", "ends", "values"), arrays, strict=True):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def of(cls, rows: Iterable[tuple[Interval, float]]) -> StepSeries:
        """A series from (interval, value) rows in any order; overlapping rows raise ValueError."""
        ordered = sorted(rows, key=lambda row: row[0].start)
        return cls(
            np.array([i.start.timestamp() for i, _ in ordered], dtype=np.float64),
            np.array([i.end.timestamp() for i, _ in ordered], dtype=np.float64),
            np.array([v for _, v in ordered], dtype=np.float64),
        )

    @classmethod
    def empty(cls) -> StepSeries:
        none = np.empty(0)
        return cls(none, none, none)

    def __len__(self) -> int:
        return int(self.values.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StepSeries):
            return NotImplemented
        return (
            np.array_equal(self.starts, other.starts)
            and np.array_equal(self.ends, other.ends)
            and np.array_equal(self.values, other.values)
        )

    def __hash__(self) -> int:
        return hash((self.starts.tobytes(), self.ends.tobytes(), self.values.tobytes()))

    @property
    def span(self) -> Interval | None:
        """From the first start to the last end; None when there are no rows."""
        if not len(self):
            return None
        return Interval(from_epoch(float(self.starts[0])), from_epoch(float(self.ends[-1])))

    def rows(self) -> list[tuple[Interval, float]]:
        return [
            (Interval(from_epoch(float(s)), from_epoch(float(e))), float(v))
            for s, e, v in zip(self.starts, self.ends, self.values, strict=True)
        ]

    def value_at(self, moment: datetime) -> float | None:
        """The value that holds at `moment`; None where unknown."""
        t = utc(moment).timestamp()
        row = int(np.searchsorted(self.starts, t, side="right")) - 1
        if row < 0 or t >= self.ends[row]:
            return None
        return float(self.values[row])

    def integrals(self, starts: Floats, ends: Floats) -> tuple[Floats, Floats]:
        """For each [starts[i], ends[i]) in epoch seconds: (integral [value x s], covered time [s])."""
        integral_to, covered_to = self._cumulative(np.asarray(starts, dtype=np.float64))
        integral_end, covered_end = self._cumulative(np.asarray(ends, dtype=np.float64))
        return integral_end - integral_to, covered_end - covered_to

    def integral(self, interval: Interval) -> float:
        """Value integrated over the known part of `interval` [value x s]; ask `coverage` how much that is."""
        total, _ = self.integrals(np.array([interval.start.timestamp()]), np.array([interval.end.timestamp()]))
        return float(total[0])

    def coverage(self, interval: Interval) -> float:
        """Share of `interval` that is known, 0 to 1."""
        _, covered = self.integrals(np.array([interval.start.timestamp()]), np.array([interval.end.timestamp()]))
        return min(1.0, max(0.0, float(covered[0]) / interval.length.total_seconds()))

    def mean(self, interval: Interval) -> float | None:
        """Time-weighted mean over the known part of `interval`; None when nothing is known."""
        bounds = np.array([interval.start.timestamp()]), np.array([interval.end.timestamp()])
        total, covered = self.integrals(*bounds)
        return float(total[0] / covered[0]) if covered[0] > 0 else None

    def clipped(self, interval: Interval) -> StepSeries:
        """The part inside `interval`; rows at its edges are cut."""
        lo, hi = interval.start.timestamp(), interval.end.timestamp()
        keep = slice(self.ends.searchsorted(lo, side="right"), self.starts.searchsorted(hi, side="left"))
        return StepSeries(np.maximum(self.starts[keep], lo), np.minimum(self.ends[keep], hi), self.values[keep])

    def filled_from(self, other: StepSeries) -> StepSeries:
        """This series, with `other` wherever this one is silent."""
        if not len(self) or not len(other):
            return self if len(self) else other
        edges = np.unique(np.concatenate((self.starts, self.ends, other.starts, other.ends)))
        starts, ends = edges[:-1], edges[1:]
        middle = (starts + ends) / 2
        mine, mine_known = self._lookup(middle)
        theirs, theirs_known = other._lookup(middle)
        known = mine_known | theirs_known
        return StepSeries(starts[known], ends[known], np.where(mine_known, mine, theirs)[known])

    def retimed(self, origin: datetime, anchor: datetime, speed: float) -> StepSeries:
        """The same values with time compressed: `origin` becomes `anchor`, and `speed` seconds become one."""
        o, a = utc(origin).timestamp(), utc(anchor).timestamp()
        return StepSeries(a + (self.starts - o) / speed, a + (self.ends - o) / speed, self.values)

    def shifted(self, by: timedelta) -> StepSeries:
        seconds = by.total_seconds()
        return StepSeries(self.starts + seconds, self.ends + seconds, self.values)

    def _lookup(self, times: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        row = np.searchsorted(self.starts, times, side="right") - 1
        safe = np.clip(row, 0, None)
        known = (row >= 0) & (times < self.ends[safe])
        return self.values[safe], known

    def _cumulative(self, times: Floats) -> tuple[Floats, Floats]:
        """(integral, covered time) from the beginning of the series to each of `times`."""
        if not len(self):
            return np.zeros_like(times), np.zeros_like(times)
        sums, covers = self._totals or self._reckoned()
        row = np.searchsorted(self.starts, times, side="right") - 1
        safe = np.clip(row, 0, None)
        inside = np.where(row >= 0, np.minimum(times, self.ends[safe]) - self.starts[safe], 0.0)
        return sums[safe] + inside * self.values[safe], covers[safe] + inside

    def _reckoned(self) -> tuple[Floats, Floats]:
        lengths = self.ends - self.starts
        sums = np.concatenate(([0.0], np.cumsum(lengths * self.values)))
        totals = sums, np.concatenate(([0.0], np.cumsum(lengths)))
        object.__setattr__(self, "_totals", totals)
        return totals
