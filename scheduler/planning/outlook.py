"""Carbon intensity for as long as anybody plans: the forecast, and beyond it what the forecast itself suggests."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval, from_epoch
from scheduler.domain.places import Micros, from_micros, length_micros, to_micros
from scheduler.domain.series import Floats, StepSeries

_SECOND = 1_000_000
_DAY = timedelta(days=1)


class Outlook:
    """Expected intensity without gaps: the forecast to its horizon, then its last `period` over and over."""

    def __init__(
        self, edges: Micros, values: Floats, period: int, notes: tuple[str, ...], intensity: Outlook | None = None
    ) -> None:  # fmt: skip
        self.edges, self.values, self.notes = edges, values, notes
        self.intensity = intensity if intensity is not None else self
        """What is emitted, where the values weigh more than that: all that is claimed or promised is reckoned by it."""
        self.end = int(edges[-1])
        self._period = period
        self._sums = np.concatenate(([0.0], np.cumsum(values * np.diff(edges) / _SECOND)))
        self._tail_begin = self.end - period
        self._sum_at_tail = float(self._within(np.array([self._tail_begin]))[0])

    def integral_to(self, moments: Micros) -> Floats:
        """Intensity integrated from a fixed origin to each moment [g/kWh x s]; only differences mean something."""
        moments = np.asarray(moments, dtype=np.int64)
        if not moments.size or moments.max() <= self.end:
            return self._within(moments)
        beyond = moments > self.end
        rounds, rest = np.divmod(moments - self._tail_begin, self._period)
        in_tail = self._within(self._tail_begin + rest)
        a_round = self._sums[-1] - self._sum_at_tail
        return np.where(beyond, in_tail + rounds * a_round, self._within(np.minimum(moments, self.end)))

    def values_at(self, moments: Micros) -> Floats:
        """The value that holds at each moment."""
        beyond = self._tail_begin + (moments - self._tail_begin) % self._period
        inside = np.where(moments < self.end, moments, beyond)
        held: Floats = self.values[self.edges[1:-1].searchsorted(inside, side="right")]
        return held

    def between(self, start: int, end: int) -> float:
        """Intensity integrated over [start, end) [g/kWh x s]."""
        return self._to(end) - self._to(start)

    def edges_between(self, begin: int, end: int) -> Micros:
        """Moments in [begin, end] at which the expected intensity may change."""
        edges = self.edges
        if end > self.end:
            tail = edges[edges > self._tail_begin] - self.end
            rounds = np.arange(1, (end - self.end) // self._period + 2) * self._period
            edges = np.concatenate((edges, (self.end + rounds[:, None] + tail[None, :]).ravel()))
        return edges[np.searchsorted(edges, begin) : np.searchsorted(edges, end, side="right")]

    def _to(self, moment: int) -> float:
        """As `integral_to`, for one moment: without arrays it takes a tenth of the time."""
        if moment <= self.end:
            return self._to_within(moment)
        rounds, rest = divmod(moment - self._tail_begin, self._period)
        a_round = self._numbers[1][-1] - self._sum_at_tail
        return self._to_within(self._tail_begin + rest) + rounds * a_round

    def _to_within(self, moment: int) -> float:
        edges, sums, values = self._numbers
        row = bisect_right(edges, moment, 1, len(edges) - 1) - 1
        return sums[row] + values[row] * ((moment - edges[row]) / _SECOND)

    @cached_property
    def _numbers(self) -> tuple[list[int], list[float], list[float]]:
        """Edges, sums and values as plain numbers."""
        return self.edges.tolist(), self._sums.tolist(), self.values.tolist()

    def _within(self, moments: Micros) -> Floats:
        row = self.edges[1:-1].searchsorted(moments, side="right")
        inside: Floats = self._sums[row] + self.values[row] * ((moments - self.edges[row]) / _SECOND)
        return inside


def outlook_from(forecast: CarbonForecast | None, now: datetime, until: datetime) -> Outlook | None:
    """What to plan with at `now`; None without a forecast. Says in `notes` where it goes beyond the forecast."""
    if forecast is None or forecast.expected.span is None:
        return None
    return outlook_over(forecast.expected, "the forecast", now, until)


def outlook_over(known: StepSeries, name: str, now: datetime, until: datetime) -> Outlook:
    """The series without gaps from `now` on, and beyond its end; `name` is what notes call it."""
    series, notes = _without_gaps(known, name, now)
    edges, values = _pieces(series)
    horizon, a_day = int(edges[-1]), length_micros(_DAY)
    if horizon - edges[0] >= a_day:
        beyond = "the same hour of its last day"
    else:
        beyond = "its mean"
        edges, values = np.append(edges, horizon + a_day), np.append(values, _mean(series))
    if to_micros(until) > horizon:
        notes = (*notes, f"{name} ends at {from_micros(horizon):%Y-%m-%d %H:%M} UTC; beyond it {beyond} is used")
    return Outlook(edges, values, a_day, notes)


def _pieces(series: StepSeries) -> tuple[Micros, Floats]:
    """Edges in whole microseconds; a piece shorter than one is lost."""
    seconds = np.append(series.starts, series.ends[-1])
    whole = np.floor(seconds)
    edges = whole.astype(np.int64) * _SECOND + np.rint((seconds - whole) * _SECOND).astype(np.int64)
    some = np.diff(edges) > 0
    return np.append(edges[:-1][some], edges[-1]), series.values[some]


def _mean(series: StepSeries) -> float:
    lengths = series.ends - series.starts
    return float((series.values * lengths).sum() / lengths.sum())


def _without_gaps(known: StepSeries, name: str, now: datetime) -> tuple[StepSeries, tuple[str, ...]]:
    """The series from `now`, or from its own start where that is earlier, without gaps."""
    first, last = min(now.timestamp(), float(known.starts[0])), float(known.ends[-1])
    # Where rows meet exactly that is seen at once.
    if first >= known.starts[0] and bool((known.starts[1:] == known.ends[:-1]).all()):
        return known, ()
    if known.coverage(Interval(from_epoch(first), from_epoch(last))) == 1:
        return known, ()
    level = StepSeries(np.array([first]), np.array([last]), np.array([_mean(known)]))
    filled = known.filled_from(known.shifted(_DAY)).filled_from(level)
    until_last = filled.ends <= last
    whole = StepSeries(filled.starts[until_last], filled.ends[until_last], filled.values[until_last])
    return whole, (f"{name} has gaps; they are filled from the day before, or else with its mean",)
