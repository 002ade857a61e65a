"""A day just past, as a keyless provider tells it: what was forecast and what came. For the demonstration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar, runtime_checkable

from scheduler.domain.errors import CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.reader import Row
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.ports import Clock

T = TypeVar("T")


@runtime_checkable
class RemembersForecasts(Protocol):
    """A source that still knows what it forecast."""

    async def past_forecast(self, interval: Interval) -> Sequence[Row]: ...


@dataclass(frozen=True, slots=True)
class PastDay:
    """Rows of (interval, g/kWh), sorted; `forecast` is empty where the provider no longer says."""

    title: str
    actual: tuple[tuple[Interval, float], ...]
    forecast: tuple[tuple[Interval, float], ...]


async def past_day(settings: SourceSettings, clock: Clock, length: timedelta, within: timedelta) -> PastDay:
    """The last `length` up to now; CarbonDataError when the provider gives it not `within` that time."""
    source = open_source(settings, clock)
    end = clock.now()
    wanted = Interval(end - length, end)
    try:
        if not source.capabilities.has_forecast:
            raise CarbonSourceUnavailable(f"{source.capabilities.title} publishes no forecast")
        observed = await _in_time(source.observations(wanted), within)
        remembered: Sequence[Row] = ()
        if isinstance(source, RemembersForecasts):
            remembered = await _in_time(source.past_forecast(wanted), within)
        title = source.capabilities.title
        actual = tuple((o.interval, o.g_per_kwh) for o in observed)
        return PastDay(title, actual, tuple((row.interval, row.g_per_kwh) for row in remembered))
    finally:
        await source.close()


async def _in_time(answer: Awaitable[T], within: timedelta) -> T:
    try:
        return await asyncio.wait_for(answer, within.total_seconds())
    except TimeoutError:
        raise CarbonSourceUnavailable(f"no answer within {within.total_seconds():g} s") from None
