"""Several sources for one zone, the best first: who answers is used, and the notes say why the better ones are not.

A source that has given a forecast stays the one until that forecast has run out, however often it fails meanwhile:
forecasts of two sources are never mixed, and an old good one beats a switch. A source that refuses (bad key, not in the
plan) is left out until the next start. The better ones are tried again at every poll.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SeriesKey, SourceCapabilities
from scheduler.domain.errors import CarbonDataError, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.ports import CarbonSource, Clock

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Link:
    source: CarbonSource
    last: CarbonForecast | None = None
    trouble: str | None = None
    """Why it is not in use."""
    rejected: bool = False

    @property
    def name(self) -> str:
        return self.source.capabilities.source


class Chain:
    """A CarbonSource made of several; its capabilities are those of the one in use."""

    def __init__(self, sources: Sequence[CarbonSource], clock: Clock, reasons: Sequence[str] = ()) -> None:
        self._links = [_Link(source) for source in sources]
        self._clock = clock
        self._reasons = tuple(reasons)
        self._current = self._links[0]

    @property
    def capabilities(self) -> SourceCapabilities:
        said = self._current.source.capabilities
        better = self._links[: self._links.index(self._current)]
        passed_over = tuple(f"{link.name} is not in use: {link.trouble}" for link in better if link.trouble)
        return replace(said, notes=(*said.notes, *self._reasons, *passed_over))

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        """The series of its sources, best first."""
        return tuple(link.source.capabilities.key for link in self._links)

    def remember(self, forecast: CarbonForecast) -> None:
        """What was forecast before a restart: while it is good, its source stays in use."""
        for link in self._links:
            if link.source.capabilities.key == forecast.key:
                link.last = forecast
                if self._is_good(forecast) and not self._is_good(self._current.last):
                    self._current = link

    async def forecast(self) -> CarbonForecast | None:
        """From the best link that has one. None where all that answer publish none."""
        silent: _Link | None = None
        for link in self._links:
            if link.rejected:
                continue
            forecast = await self._try(link)
            if forecast is not None:
                self._use(link)
                return forecast
            if link.trouble is None:
                link.trouble = "it has no forecast"
                silent = silent or link
        if silent is None:
            raise CarbonSourceUnavailable("; ".join(f"{link.name}: {link.trouble}" for link in self._links))
        silent.trouble = None
        self._use(silent)
        return None

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        """From the link in use, and from no other: what is observed must be of the series that is planned with."""
        link = self._current
        try:
            return await link.source.observations(interval)
        except CarbonSourceRejected as error:
            link.rejected, link.trouble = True, str(error)
            await self.forecast()
            if self._current is link:
                raise
            return await self._current.source.observations(interval)

    async def close(self) -> None:
        for link in self._links:
            await link.source.close()

    async def _try(self, link: _Link) -> CarbonForecast | None:
        """Its forecast, or None with its trouble noted; while its last forecast is good its trouble is ours."""
        try:
            link.last, link.trouble = await link.source.forecast(), None
        except CarbonSourceRejected as error:
            link.rejected, link.trouble = True, str(error)
            return None
        except CarbonDataError as error:
            link.trouble = str(error)
            if self._is_good(link.last):
                raise
            return None
        return link.last

    def _is_good(self, forecast: CarbonForecast | None) -> bool:
        return forecast is not None and forecast.horizon is not None and forecast.horizon > self._clock.now()

    def _use(self, link: _Link) -> None:
        if link is not self._current:
            facts = {"from": self._current.name, "to": link.name, "reason": self._current.trouble}
            logger.warning("grid source changed", extra=facts)
        self._current = link


Opener = Callable[[], CarbonSource]


def linked(openers: Sequence[tuple[str, Opener]], clock: Clock) -> CarbonSource:
    """The chain of those that can be opened; a lone one is itself. CarbonSourceRejected where none can."""
    sources, reasons = [], []
    for name, opener in openers:
        try:
            sources.append(opener())
        except CarbonSourceRejected as error:
            reasons.append(f"{name} is not in use: {error}")
    if not sources:
        raise CarbonSourceRejected("; ".join(reasons) or "no provider covers the zone")
    return sources[0] if len(sources) == 1 and not reasons else Chain(sources, clock, reasons)
