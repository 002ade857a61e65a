"""Asks the grid provider in its own rhythm and remembers what it said; a silent provider costs only freshness."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.daemon.writer import Writer
from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.errors import CarbonDataError, CarbonDataInvalid, CarbonSourceUnavailable, StorageError
from scheduler.domain.intervals import Interval
from scheduler.ports import CarbonSource, Clock, Store

logger = logging.getLogger(__name__)

LEARN_BACK = timedelta(days=28)
"""Published values are asked for this far back when a series is first used."""
_ENOUGH = 0.8
"""Share of those weeks that, once stored, need not be asked for again."""
LOOK_BACK = timedelta(hours=48)
"""Published values are asked for again this far back, for providers revise them."""
_FIRST_RETRY, _LAST_RETRY = timedelta(seconds=30), timedelta(minutes=30)
_ASK_AGAIN = timedelta(minutes=5)
"""Wait after an answer that a full disk did not let us keep."""
SPREAD = 0.1
"""Each wait is longer by up to this share, so that installations do not ask in step, nor come back together."""


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


def after_answer(status: SourceStatus, now: datetime, poll: timedelta, chance: float = 0.0) -> SourceStatus:
    """`chance`, 0 to 1, spreads the next try."""
    return replace(status, last_answer_at=now, failures=0, next_at=now + poll * (1 + SPREAD * chance))


def after_failure(
    status: SourceStatus, error: CarbonDataError, now: datetime, poll: timedelta, chance: float = 0.0
) -> SourceStatus:
    """Back off twice as long each time, and as long as the provider asked; never longer than half an hour unasked."""
    failures = status.failures + 1
    wait = min(min(poll, _FIRST_RETRY) * 2 ** min(failures - 1, 10), _LAST_RETRY)
    if isinstance(error, CarbonSourceUnavailable) and error.retry_after is not None:
        wait = max(wait, error.retry_after)
    next_at = now + wait * (1 + SPREAD * chance)
    return replace(status, last_error=str(error), last_error_at=now, failures=failures, next_at=next_at)


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
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` gives numbers from 0 to 1."""
        self.source = source
        self.status = SourceStatus()
        self._store, self._writer, self._clock, self._on_forecast = store, writer, clock, on_forecast
        self._filled: set[SeriesKey] = set()
        self._poll, self._chance = max(poll, source.capabilities.min_poll), chance

    async def poll_if_due(self) -> None:
        now = self._clock.now()
        if self.status.next_at is None or now >= self.status.next_at:
            await self.poll()

    async def poll(self) -> None:
        """Ask for the forecast and the latest published values; neither provider nor disk make it raise."""
        try:
            forecast = await self.source.forecast()
            now = self._clock.now()
            observations = await self.source.observations(Interval(now - LOOK_BACK, now))
        except Exception as error:
            self._note_failure(self._carbon_error(error))
            return
        try:
            await self._writer(self._store.add_observations, observations)
            await self._keep(forecast)
            self.status = after_answer(self.status, self._clock.now(), self._poll, self._chance())
            await self._fill_back(now)
        except StorageError as error:
            # What could not be kept is not counted as an answer, and is asked for again before the next poll.
            self.status = replace(self.status, next_at=self._clock.now() + min(self._poll, _ASK_AGAIN))
            logger.warning("what the grid provider said cannot be kept", extra={"reason": str(error)})

    async def _fill_back(self, now: datetime) -> None:
        """Once for each series: the weeks before the first answer, which our own forecaster learns from."""
        key = self.source.capabilities.key
        if key in self._filled or not self.source.capabilities.has_actuals:
            return
        self._filled.add(key)
        weeks = Interval(now - LEARN_BACK, now - LOOK_BACK)
        known = await self._writer(self._store.observations, key, weeks)
        covered = sum((o.interval.length for o in known), timedelta(0))
        if covered < weeks.length * _ENOUGH and await self.fetch(weeks):
            self._on_forecast()

    async def fetch(self, interval: Interval) -> bool:
        """Ask for published values of a past interval and store them; False when the provider did not answer."""
        if self.status.failing and self.status.next_at is not None and self._clock.now() < self.status.next_at:
            return False
        try:
            observations = await self.source.observations(interval)
        except Exception as error:
            self._note_failure(self._carbon_error(error))
            return False
        await self._writer(self._store.add_observations, observations)
        return True

    async def _keep(self, forecast: CarbonForecast | None) -> None:
        if forecast is not None and await self._writer(self._store.add_forecast, forecast):
            self._on_forecast()

    def _carbon_error(self, error: Exception) -> CarbonDataError:
        """A fault of ours in reading an answer costs freshness, as a fault of the provider does, and no more."""
        if isinstance(error, CarbonDataError):
            return error
        source = self.source.capabilities.source
        told = CarbonDataInvalid(f"{source} could not be read ({type(error).__name__}: {error}); please report it")
        if str(told) != self.status.last_error:
            logger.error("grid provider could not be read", extra={"source": source}, exc_info=error)
        return told

    def _note_failure(self, error: CarbonDataError) -> None:
        self.status = after_failure(self.status, error, self._clock.now(), self._poll, self._chance())
        facts = {"source": self.source.capabilities.source, "reason": str(error), "failures": self.status.failures}
        # One warning when an outage begins; the rest is in `carbonq grid now` and `carbonq doctor`.
        logger.log(logging.WARNING if self.status.failures == 1 else logging.DEBUG, "grid provider failed", extra=facts)
