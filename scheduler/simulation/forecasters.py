"""What was forecast when: the truth, or our own from the series' past and the provider's issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.forecasting.combination import Combiner

KEY = SeriesKey("simulation", "recorded")


def issue(issued_at: datetime, expected: StepSeries) -> CarbonForecast:
    return CarbonForecast(KEY, issued_at, issued_at, expected)


@dataclass(frozen=True, slots=True)
class Perfect:
    """The future as it will be: to the end of the series, or as far as `horizon`."""

    actual: StepSeries
    step: timedelta | None = None
    horizon: timedelta | None = None

    def at(self, now: datetime) -> CarbonForecast | None:
        span = self.actual.span
        if span is None or now >= span.end:
            return None
        end = span.end if self.horizon is None else min(span.end, now + self.horizon)
        return CarbonForecast(KEY, now, now, self.actual.clipped(Interval(now, end)), method="perfect")


class Combined:
    """The daemon's own forecast: the provider's issues, where there are any, corrected by the series' own past.

    The past may reach beyond the moment of asking; only what lies before it, and the value that holds at it, is used.
    """

    def __init__(self, past: StepSeries, issues: Sequence[CarbonForecast], slot: timedelta) -> None:
        self._past, self._slot = past, slot
        self._combiner = Combiner(KEY, past, issues)

    @property
    def step(self) -> timedelta | None:
        return self._slot

    def at(self, now: datetime) -> CarbonForecast | None:
        """A week ahead at most; None while neither a day of the past nor an issue is there."""
        made = self._combiner.at(now, self._known_until(now))
        return None if made is None else replace(made, expected=self._present(now).filled_from(made.expected))

    def own_begins(self, within: Interval) -> datetime:
        """The first moment, hour by hour, at which our own says anything; the end of `within` where that is later."""
        moment = within.start
        while moment < within.end and self._combiner.own(self._known_until(moment)) is None:
            moment += timedelta(hours=1)
        return min(moment, within.end)

    def _known_until(self, now: datetime) -> datetime:
        span = self._present(now).span
        return now if span is None else span.end

    def _present(self, now: datetime) -> StepSeries:
        """The slot that holds now: what it emits is published by the time it is planned with."""
        row = int(self._past.starts.searchsorted(now.timestamp(), side="right"))
        held = row > 0 and self._past.ends[row - 1] > now.timestamp()
        here = slice(row - 1, row) if held else slice(0)
        return StepSeries(self._past.starts[here], self._past.ends[here], self._past.values[here])
