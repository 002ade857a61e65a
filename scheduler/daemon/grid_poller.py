"""Asks the grid provider in its own rhythm and remembers what it said; a silent provider costs only freshness."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.daemon.writer import Writer
from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.errors import CarbonDataError, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.ports import CarbonSource, Clock, Store

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=48)
"""Published values are asked for again this far back, for providers revise them."""
_FIRST_RETRY, _LAST_RETRY = timedelta(seconds=30), timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How the provider has answered lately, for people and for the next try."""

    last_answer_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    failures: int = 0
    """In a row."""
    next_at: datetime | None = None

    @property
    def failing(self) -> bool:
        return self.failures > 0


def after_answer(status: SourceStatus, now: datetime, poll: timedelta) -> SourceStatus:
    return replace(status, last_answer_at=now, failures=0, next_at=now + poll)


def after_failure(status: SourceStatus, error: CarbonDataError, now: datetime, poll: timedelta) -> SourceStatus:
    """Back off twice as long each time, and as long as the provider asked; never longer than half an hour unasked."""
    failures = status.failures + 1
    wait = min(min(poll, _FIRST_RETRY) * 2 ** min(failures - 1, 10), _LAST_RETRY)
    if isinstance(error, CarbonSourceUnavailable) and error.retry_after is not None:
        wait = max(wait, error.retry_after)
    return replace(status, last_error=str(error), last_error_at=now, failures=failures, next_at=now + wait)


class GridPoller:
    """One source, its store and how it has been answering. `on_forecast` is told of each new issue."""

    def __init__(
        self,
        source: CarbonSource,
        store: Store,
        writer: Writer,
        clock: Clock,
        poll: timedelta,
        on_forecast: Callable[[], None],
    ) -> None:
        self.source = source
        self.status = SourceStatus()
        self._store, self._writer, self._clock, self._on_forecast = store, writer, clock, on_forecast
        self._poll = max(poll, source.capabilities.min_poll)

    async def poll_if_due(self) -> None:
        now = self._clock.now()
        if self.status.next_at is None or now >= self.status.next_at:
            await self.poll()

    async def poll(self) -> None:
        """Ask for the forecast and the latest published values. Never raises for the provider's sake."""
        try:
            forecast = await self.source.forecast()
            now = self._clock.now()
            observations = await self.source.observations(Interval(now - LOOK_BACK, now))
        except CarbonDataError as error:
            self._note_failure(error)
            return
        await self._writer(self._store.add_observations, observations)
        await self._keep(forecast)
        self.status = after_answer(self.status, self._clock.now(), self._poll)

    async def fetch(self, interval: Interval) -> bool:
        """Ask for published values of a past interval and store them; False when the provider did not answer."""
        if self.status.failing and self.status.next_at is not None and self._clock.now() < self.status.next_at:
            return False
        try:
            observations = await self.source.observations(interval)
        except CarbonDataError as error:
            self._note_failure(error)
            return False
        await self._writer(self._store.add_observations, observations)
        return True

    async def _keep(self, forecast: CarbonForecast | None) -> None:
        if forecast is not None and await self._writer(self._store.add_forecast, forecast):
            self._on_forecast()

    def _note_failure(self, error: CarbonDataError) -> None:
        self.status = after_failure(self.status, error, self._clock.now(), self._poll)
        facts = {"source": self.source.capabilities.source, "reason": str(error), "failures": self.status.failures}
        # One warning when an outage begins; the rest is in `carbonq grid now` and `carbonq doctor`.
        logger.log(logging.WARNING if self.status.failures == 1 else logging.DEBUG, "grid provider failed", extra=facts)
