"""What the daemon knows of the grid: the forecast to plan on, the series to settle with, and how fresh they are."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.daemon.grid_poller import GridPoller
from scheduler.daemon.outlook import Outlook
from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SeriesKey, SourceCapabilities
from scheduler.domain.intervals import Interval
from scheduler.ports import Clock, Store
from scheduler.presenting.grid import GridCase

_LOOKED_BACK = (timedelta(days=2), timedelta(days=8))
"""How far back the newest value is looked for: near first, for that is quick; then as far as ours can go on from."""


class GridDesk:
    """One source. Its methods read the store, so they run on the writer thread."""

    def __init__(
        self, poller: GridPoller, store: Store, clock: Clock, stale_after: timedelta, notes: tuple[str, ...]
    ) -> None:
        self.poller = poller
        self._outlook = Outlook(store)
        self._store, self._clock, self._stale_after, self._notes = store, clock, stale_after, notes

    @property
    def capabilities(self) -> SourceCapabilities:
        return self.poller.source.capabilities

    def source_of(self, key: SeriesKey | None) -> SourceCapabilities | None:
        """What is known of the source of a series, in use or not; None where it is no longer asked."""
        source = self.poller.source_of(key) if key is not None else None
        return source.capabilities if source is not None else None

    def forecast(self, now: datetime) -> CarbonForecast | None:
        """What to plan on; its age is shown, not hidden."""
        return self._outlook.forecast(self.capabilities, now)

    def sees_ahead(self, source: SourceCapabilities) -> bool:
        """Whether the built-in forecaster can go on from what is recorded of `source`."""
        return self._outlook.sees_ahead(source, self._clock.now())

    def case(self) -> GridCase:
        now, status = self._clock.now(), self.poller.status
        return GridCase(
            capabilities=self.capabilities,
            forecast=self.forecast(now),
            newest=self._newest_observation(now),
            last_error=status.last_error if status.failing else None,
            failing=status.failing,
            next_poll_at=status.next_at,
            notes=self._notes + self.capabilities.notes,
            now=now,
            stale_after=self._stale_after,
        )

    def _newest_observation(self, now: datetime) -> IntensityObservation | None:
        for back in _LOOKED_BACK:
            recent = self._store.observations(self.capabilities.key, Interval(now - back, now))
            if recent:
                return recent[-1]
        return None
