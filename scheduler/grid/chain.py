"""The sources for one zone, the best first: who answers is used, and why the better ones are not is said.

A source that has given a forecast stays the one until that forecast has run out, however often it fails meanwhile:
forecasts of two sources are never mixed, and an old good one beats a switch. Where none has a forecast, the built-in
forecaster goes on from the history of one of them, before a yearly constant is taken. The better ones are tried again
at every poll, and one that refuses our key (bad, not in the plan) ever more seldom. Where no key is needed a refusal is
a trouble like any other, and passes.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import (
    CarbonForecast,
    ChainLink,
    IntensityObservation,
    LinkState,
    SeriesKey,
    SourceCapabilities,
)
from scheduler.domain.errors import CarbonDataError, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.ports import CarbonSource, Clock

logger = logging.getLogger(__name__)

FIRST_REST, LONGEST_REST = timedelta(hours=1), timedelta(days=1)
"""So long a source that has refused our key is not asked; twice as long with each refusal."""

SeesAhead = Callable[[SourceCapabilities], Awaitable[bool]]
"""Whether the built-in forecaster can go on from what is recorded of a source."""


@dataclass(slots=True)
class _Link:
    source: CarbonSource
    last: CarbonForecast | None = None
    trouble: CarbonDataError | None = None
    """Of the last question."""
    silent: bool = False
    """It answered, and has no forecast."""
    refusals: int = 0
    """Of our key, in a row."""
    rests_until: datetime | None = None

    @property
    def name(self) -> str:
        return self.source.capabilities.source

    @property
    def key(self) -> SeriesKey:
        return self.source.capabilities.key

    @property
    def reason(self) -> str | None:
        """Why there is no forecast of it."""
        if self.trouble is not None:
            return str(self.trouble)
        if not self.silent:
            return None
        said = self.source.capabilities
        return "there is none just now" if said.has_forecast else said.no_forecast or "it publishes none"

    def rests(self, now: datetime) -> bool:
        return self.rests_until is not None and now < self.rests_until

    def has_history(self, now: datetime) -> bool:
        said = self.source.capabilities
        return said.has_actuals and said.claims_savings and not self.rests(now)

    def refuse(self, error: CarbonSourceRejected, now: datetime) -> None:
        """It makes way, and its last forecast binds nobody any more."""
        self.rests_until = now + min(FIRST_REST * 2 ** min(self.refusals, 10), LONGEST_REST)
        self.refusals += 1
        self.silent, self.trouble, self.last = False, error, None


class Chain:
    """A CarbonSource made of several; its capabilities are those of the one whose series is in use."""

    def __init__(self, sources: Sequence[CarbonSource], clock: Clock, unopened: Sequence[ChainLink] = ()) -> None:
        """`unopened`: those that would have come first, and why they cannot."""
        self._links = [_Link(source) for source in sources]
        self._clock = clock
        self._unopened = tuple(unopened)
        self._current = self._links[0]
        self._sees_ahead: SeesAhead | None = None

    @property
    def capabilities(self) -> SourceCapabilities:
        return replace(self._current.source.capabilities, links=self._states())

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        """The series of its sources, best first."""
        return tuple(link.key for link in self._links)

    @property
    def members(self) -> tuple[CarbonSource, ...]:
        """Its sources, best first: what was planned with one is settled with the same, whichever is in use by then."""
        return tuple(link.source for link in self._links)

    def remember(self, forecast: CarbonForecast) -> None:
        """What was forecast before a restart: while it is good, its source stays in use."""
        for link in self._links:
            if link.key == forecast.key:
                link.last = forecast
                if self._is_good(forecast) and not self._is_good(self._current.last):
                    self._current = link

    def fall_back_on_history(self, sees_ahead: SeesAhead) -> None:
        """From now on the built-in forecaster is a link of its own, between the sources and a yearly constant."""
        self._sees_ahead = sees_ahead

    async def forecast(self) -> CarbonForecast | None:
        """From the best link that has one. None where none has and the history of one must do, or nothing."""
        now = self._clock.now()
        for link in self._links:
            if link.rests(now) and not all(other.rests(now) for other in self._links):
                continue
            forecast = await self._try(link)
            if forecast is not None:
                self._use(link)
                return forecast
        self._use(await self._with_history() or self._best_silent())
        return None

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        """From the link in use, and from no other: what is observed must be of the series that is planned with."""
        link = self._current
        try:
            observed = await link.source.observations(interval)
        except CarbonSourceRejected as error:
            if not link.source.capabilities.needs_key:
                raise
            link.refuse(error, self._clock.now())
            await self.forecast()
            if self._current is link:
                raise
            return await self._current.source.observations(interval)
        link.refusals = 0
        return observed

    async def close(self) -> None:
        for link in self._links:
            await link.source.close()

    def _states(self) -> tuple[ChainLink, ...]:
        in_use = self._links.index(self._current)
        return (*self._unopened, *(self._state(n - in_use, link) for n, link in enumerate(self._links)))

    def _state(self, place: int, link: _Link) -> ChainLink:
        """`place` behind the one in use. A better one that has not been asked yet is not passed over."""
        state = LinkState.IN_USE if place == 0 else LinkState.IN_RESERVE
        if place < 0 and link.reason is not None:
            state = LinkState.PASSED_OVER
        constant = not link.source.capabilities.claims_savings
        return ChainLink(link.name, state, None if constant and link.silent else link.reason, constant)

    async def _try(self, link: _Link) -> CarbonForecast | None:
        """Its forecast, or None with its trouble noted; while its last forecast is good its trouble is ours."""
        link.silent = False
        try:
            forecast = await link.source.forecast()
        except CarbonDataError as error:
            if isinstance(error, CarbonSourceRejected) and link.source.capabilities.needs_key:
                link.refuse(error, self._clock.now())
                return None
            link.trouble = error
            if self._is_good(link.last):
                raise
            return None
        link.last, link.trouble, link.silent = forecast, None, forecast is None
        if forecast is not None:  # That it publishes none may have been said without asking.
            link.refusals = 0
        return forecast

    async def _with_history(self) -> _Link | None:
        """Whose history the built-in forecaster goes on from: one that answers, else the one in use, else the best."""
        if self._sees_ahead is None:
            return None
        now = self._clock.now()
        able = [link for link in self._links if link.has_history(now)]
        for link in sorted(able, key=lambda link: (not link.silent, link is not self._current)):
            if await self._sees_ahead(link.source.capabilities):
                return link
        return None

    def _best_silent(self) -> _Link:
        """The best of those that answer; where nobody does, every reason is given."""
        silent = next((link for link in self._links if link.silent), None)
        if silent is not None:
            return silent
        if len(self._links) == 1 and self._links[0].trouble is not None:
            raise self._links[0].trouble
        raise CarbonSourceUnavailable("; ".join(f"{link.name}: {link.reason}" for link in self._links))

    def _is_good(self, forecast: CarbonForecast | None) -> bool:
        return forecast is not None and forecast.horizon is not None and forecast.horizon > self._clock.now()

    def _use(self, link: _Link) -> None:
        if link is not self._current:
            facts = {"from": self._current.name, "to": link.name, "reason": self._current.reason}
            logger.warning("grid source changed", extra=facts)
        self._current = link


Opener = Callable[[], CarbonSource]


def linked(openers: Sequence[tuple[str, Opener]], clock: Clock) -> Chain:
    """The chain of those that can be opened. CarbonSourceRejected where none can."""
    sources, unopened = [], []
    for name, opener in openers:
        try:
            sources.append(opener())
        except CarbonSourceRejected as error:
            unopened.append(ChainLink(name, LinkState.PASSED_OVER, str(error)))
    if not sources:
        why = "; ".join(f"{link.name}: {link.reason}" for link in unopened)
        raise CarbonSourceRejected(why or "no provider covers the zone")
    return Chain(sources, clock, unopened)
