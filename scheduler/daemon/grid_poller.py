"""Asks the grid provider in its own rhythm and remembers what it said; a silent provider costs only freshness."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
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

    def may_ask(self, now: datetime) -> bool:
        """Also where it answered in the future: the clock was set back, and nobody knows how long ago that was."""
        last_at = self.last_error_at if self.failing else self.last_answer_at
        return self.next_at is None or now >= self.next_at or (last_at is not None and last_at > now)


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
        members: Sequence[CarbonSource] = (),
    ) -> None:
        """`chance` gives numbers from 0 to 1; `members` are those that `source` is made of, where it is a chain."""
        self.source = source
        self.members = tuple(members)
        self.status = SourceStatus()
        self._store, self._writer, self._clock, self._on_forecast = store, writer, clock, on_forecast
        self._filled: set[SeriesKey] = set()
        self._answering: tuple[SeriesKey, bool] | None = None
        """The series in use, and whether it has no forecast of its own."""
        self._poll, self._chance = max(poll, source.capabilities.min_poll), chance

    async def poll_if_due(self) -> None:
        if self.status.may_ask(self._clock.now()):
            await self.poll()

    async def poll(self) -> None:
        """Ask for the forecast and the latest published values; neither provider nor disk make it raise."""
        try:
            forecast = await self.source.forecast()
        except Exception as error:
            self._note_failure(self._carbon_error(error))
            return
        self._note_change(forecast)
        try:
            # Before the values are asked for: a plan can do without them, and hardly without the forecast.
            await self._keep(forecast)
            now = self._clock.now()
            try:
                observations = await self.source.observations(Interval(now - LOOK_BACK, now))
            except Exception as error:
                self._note_failure(self._carbon_error(error))
                return
            news = await self._writer(self._store.add_observations, observations)
            if news and forecast is None:
                # What the built-in forecaster sees ahead has changed with what it looks back on.
                self._on_forecast()
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

    def source_of(self, key: SeriesKey) -> CarbonSource | None:
        """Whom to ask about a series; None where nobody who is asked here has it."""
        if key == self.source.capabilities.key:
            return self.source
        return next((member for member in self.members if member.capabilities.key == key), None)

    async def fetch(self, interval: Interval, key: SeriesKey | None = None) -> bool:
        """Ask for published values of a past interval and store them; False when the provider did not answer.

        `key`: of this series, in use or not; without it of the one in use.
        """
        if key is not None and key != self.source.capabilities.key:
            other = self.source_of(key)
            return other is not None and await self._fetch_from(other, interval)
        if self.status.failing and not self.status.may_ask(self._clock.now()):
            return False
        try:
            observations = await self.source.observations(interval)
        except Exception as error:
            self._note_failure(self._carbon_error(error))
            return False
        await self._writer(self._store.add_observations, observations)
        return True

    async def _fetch_from(self, member: CarbonSource, interval: Interval) -> bool:
        """From one that is not in use: what ails it ails nothing that is planned with."""
        try:
            observations = await member.observations(interval)
        except Exception as error:
            facts = {"source": member.capabilities.source, "reason": str(self._carbon_error(error))}
            logger.debug("a grid provider that is not in use did not answer", extra=facts)
            return False
        await self._writer(self._store.add_observations, observations)
        return True

    def _note_change(self, forecast: CarbonForecast | None) -> None:
        """Another series, or another way to see ahead in the same one, is a reason to plan anew."""
        answering = self.source.capabilities.key, forecast is None
        if self._answering not in (None, answering):
            self._on_forecast()
        self._answering = answering

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
