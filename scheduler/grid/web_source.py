"""What every source behind HTTP has: its capabilities, a transport to close, a clock, and a reader that names it."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SourceCapabilities
from scheduler.domain.errors import CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid import reader
from scheduler.grid.reader import Reader, Row
from scheduler.grid.transport import Transport
from scheduler.ports import Clock


class WebSource:
    def __init__(self, capabilities: SourceCapabilities, transport: Transport, clock: Clock) -> None:
        self._capabilities = capabilities
        self._transport = transport
        self._clock = clock
        self._read = Reader(capabilities.title)

    @property
    def capabilities(self) -> SourceCapabilities:
        return self._capabilities

    async def close(self) -> None:
        await self._transport.close()

    def _observed(self, rows: Sequence[Row], interval: Interval) -> tuple[IntensityObservation, ...]:
        """The rows that reach into `interval` and are over."""
        now = self._clock.now()
        past = [row for row in rows if row.interval.end <= now]
        return reader.observations_of(self._capabilities.key, reader.overlapping(past, interval), now)

    def _still_to_come(self, rows: Sequence[Row]) -> list[Row]:
        """The rows that are not over; CarbonSourceUnavailable where there are none."""
        now = self._clock.now()
        ahead = [row for row in rows if row.interval.end > now]
        if not ahead:
            said = self._capabilities
            raise CarbonSourceUnavailable(f"{said.title} has no forecast for {said.key.zone} just now")
        return ahead


class HistorySource(WebSource):
    """A provider that publishes no forecast."""

    async def forecast(self) -> CarbonForecast | None:
        return None
