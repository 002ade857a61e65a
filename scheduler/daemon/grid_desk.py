"""What the daemon knows of the grid: the forecast to plan on, the series to settle with, and how fresh they are."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.daemon.grid_poller import GridPoller
from scheduler.daemon.outlook import Outlook
from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SourceCapabilities
from scheduler.domain.intervals import Interval
from scheduler.ports import Clock, Store
from scheduler.presenting.grid import GridCase

_OLDEST_SHOWN = timedelta(days=2)


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

    def forecast(self, now: datetime) -> CarbonForecast | None:
        """What to plan on; its age is shown, not hidden."""
        return self._outlook.forecast(self.capabilities, now)

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
        recent = self._store.observations(self.capabilities.key, Interval(now - _OLDEST_SHOWN, now))
        return recent[-1] if recent else None
