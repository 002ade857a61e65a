"""A grid replayed from files: its time may be moved and compressed, its values stay as they were.

`origin` of the series is shown at `anchor` of the wall clock, and `speed` seconds of the series pass in one. Nothing
after "now" of the series is ever given out as observed; without a file of past forecasts the series itself, ahead of
now, serves as a forecast that is always right, and the notes say so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval, from_epoch
from scheduler.domain.series import StepSeries
from scheduler.grid import reader, series_file, zones
from scheduler.grid.catalogue import RECORDED
from scheduler.grid.reader import Row
from scheduler.grid.series_file import Issue
from scheduler.grid.settings import SourceSettings
from scheduler.ports import CarbonSource, Clock


@dataclass(frozen=True, slots=True)
class Replay:
    """How the time of a series lies on the wall clock."""

    origin: datetime
    anchor: datetime
    speed: float = 1.0

    def on_wall(self, series: StepSeries) -> StepSeries:
        moved = self.origin != self.anchor or self.speed != 1
        return series.retimed(self.origin, self.anchor, self.speed) if moved else series

    def moment_on_wall(self, moment: datetime) -> datetime:
        return self.anchor + (moment - self.origin) / self.speed

    def length_on_wall(self, length: timedelta) -> timedelta:
        return length / self.speed


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    if settings.file is None:
        raise CarbonSourceRejected("the provider 'recorded' needs a file; set grid.file")
    series = series_file.read_series(settings.file)
    issues = series_file.read_issues(settings.forecast_file) if settings.forecast_file else ()
    first = from_epoch(float(series.starts[0])) if len(series) else clock.now()
    origin = settings.origin or first
    replay = Replay(origin, settings.anchor or origin, settings.speed)
    provider = replace(
        RECORDED,
        kind=settings.kind or RECORDED.kind,
        accounting=settings.accounting or RECORDED.accounting,
        basis=settings.basis or RECORDED.basis,
    )
    capabilities = provider.capabilities(
        provider.key(zones.canonical(settings.zone)),
        forecast_horizon=replay.length_on_wall(settings.horizon),
        resolution=replay.length_on_wall(_shortest(series)),
        notes=_notes(settings, replay),
    )
    return Recorded(capabilities, series, issues, replay, clock, lag=settings.lag)


class Recorded:
    def __init__(
        self,
        capabilities: SourceCapabilities,
        series: StepSeries,
        issues: Sequence[Issue],
        replay: Replay,
        clock: Clock,
        lag: timedelta = timedelta(0),
    ) -> None:
        self._capabilities = capabilities
        self._series = replay.on_wall(series)
        self._issues = tuple(
            Issue(replay.moment_on_wall(issue.issued_at), replay.on_wall(issue.expected)) for issue in issues
        )
        self._lag = replay.length_on_wall(lag)
        self._clock = clock

    @property
    def capabilities(self) -> SourceCapabilities:
        return self._capabilities

    async def forecast(self) -> CarbonForecast | None:
        now = self._clock.now()
        issue, method = (self._newest_issue(now), "recorded") if self._issues else (self._foresight(now), "perfect")
        return CarbonForecast(self._capabilities.key, issue.issued_at, now, issue.expected, method=method)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        known_until = (now - self._lag).timestamp()
        series = self._series
        wanted = (series.starts < interval.end.timestamp()) & (series.ends > interval.start.timestamp())
        seen = wanted & (series.ends <= known_until)
        rows = StepSeries(series.starts[seen], series.ends[seen], series.values[seen]).rows()
        return reader.observations_of(self._capabilities.key, [Row(slot, value) for slot, value in rows], now)

    async def close(self) -> None: ...

    def _newest_issue(self, now: datetime) -> Issue:
        count = bisect_right(self._issues, now, key=lambda issue: issue.issued_at)
        if count == 0:
            first = self._issues[0].issued_at
            raise CarbonSourceUnavailable(
                f"the first recorded forecast was issued at {first:%Y-%m-%d %H:%M} UTC, which is still to come",
                first - now,
            )
        return self._issues[count - 1]

    def _foresight(self, now: datetime) -> Issue:
        """The series from the row that holds now; issued when that row began, so that it changes once a row."""
        row = int(np.searchsorted(self._series.ends, now.timestamp(), side="right"))
        if row == len(self._series):
            raise CarbonSourceUnavailable("the recorded series has ended; give it a later anchor, or another file")
        begun = min(from_epoch(float(self._series.starts[row])), now)
        ahead = Interval(begun, begun + self._capabilities.forecast_horizon)
        return Issue(begun, self._series.clipped(ahead))


def _shortest(series: StepSeries) -> timedelta:
    return timedelta(seconds=float((series.ends - series.starts).min())) if len(series) else RECORDED.resolution


def _notes(settings: SourceSettings, replay: Replay) -> tuple[str, ...]:
    notes = [f"replayed from {settings.file}"]
    if replay.origin != replay.anchor or replay.speed != 1:
        notes.append(
            f"{replay.origin:%Y-%m-%d %H:%M} UTC of the series is shown at {replay.anchor:%Y-%m-%d %H:%M} UTC, "
            f"{replay.speed:g} times as fast"
        )
    if settings.forecast_file is None:
        notes.append("no forecast file: the series itself is the forecast, and is always right")
    return tuple(notes)
