"""NEMWEB: what each plant of Australia's national market gives, with the market operator's own factor of each. No key.

A whole day is one file once it is over. Of the running day there is a file every five minutes: one for each half-hour
is read, that of its middle, and called an estimate until the day's file is there. The forecast is derived from
pre-dispatch, the operator's plan of the next day and a half.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from scheduler.domain.carbon import Basis, CarbonForecast, IntensityObservation, IntensityStatus, SourceCapabilities
from scheduler.domain.errors import CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, zones
from scheduler.grid.catalogue import NEMWEB
from scheduler.grid.derived_forecast import Balance, Outlook
from scheduler.grid.nemweb_plan import PLANNED, Plan
from scheduler.grid.nemweb_plants import HALF_HOUR, LISTED, Plants
from scheduler.grid.nemweb_report import MARKET_TIME, ReportReader
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

CURRENT, ARCHIVE = "Reports/CURRENT", "Reports/ARCHIVE"
PLANTS = f"{CURRENT}/CDEII/CO2EII_AVAILABLE_GENERATORS.CSV"
SCADA, PREDISPATCH = "Dispatch_SCADA", "PredispatchIS_Reports"
SCADA_FILE = re.compile(r"PUBLIC_DISPATCHSCADA_(\d{12})_\d+\.zip", re.IGNORECASE)
PREDISPATCH_FILE = re.compile(r"PUBLIC_PREDISPATCHIS_(\d{12})_\d+\.zip", re.IGNORECASE)
DAY = timedelta(days=1)
LEARN_BACK = 3 * DAY
KEPT = 40 * DAY
"""So long days that have been read are remembered; they do not change."""
CURRENT_REACHES = 4 * DAY
"""Further back no five-minute file is kept."""
NOTES = (
    "imports and solar power on roofs are left out",
    "the forecast is derived from pre-dispatch: which plants give what wind and sun do not is a guess",
)
METHOD = "derived from pre-dispatch"


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    zone = zones.canonical(settings.zone)
    region = zones.nem_region(zone)
    if region is None:
        raise zones.unknown_zone(settings.zone, NEMWEB.title, (f"AU-{name}" for name in zones.NEM_REGIONS))
    capabilities = NEMWEB.capabilities(NEMWEB.key(zone), notes=NOTES)
    return Nemweb(region, capabilities, Transport.for_provider(NEMWEB, settings, clock), clock)


class Nemweb(WebSource):
    def __init__(self, region: str, capabilities: SourceCapabilities, transport: Transport, clock: Clock) -> None:
        super().__init__(capabilities, transport, clock)
        self._region = region
        self._reports = ReportReader(self._read, transport)
        self._plants: Plants | None = None
        self._plants_of: date | None = None
        self._whole_days: dict[date, Mapping[Interval, Balance]] = {}
        self._estimates: dict[Interval, Balance] = {}

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        return self._observed(list(self._rows(await self._past(interval))), interval)

    async def forecast(self) -> CarbonForecast | None:
        now = self._clock.now()
        newest = max((name for name in await self._list(PREDISPATCH) if PREDISPATCH_FILE.fullmatch(name)), default=None)
        if newest is None:
            raise CarbonSourceUnavailable(f"{NEMWEB.title} lists no pre-dispatch just now")
        answer = await self._transport.get(f"{CURRENT}/{PREDISPATCH}/{newest}")
        plan = Plan(self._reports.packed(answer, PLANNED), self._region, self._reports, self._read)
        past = await self._past(Interval(now - LEARN_BACK, now))
        outlook = Outlook.learnt({slot: b for slot, (b, _) in past.items()}, plan.variable, plan.total, Basis.DIRECT)
        if outlook is None:
            raise CarbonSourceUnavailable(f"{NEMWEB.title} has too little past generation to derive a forecast from")
        values = ((slot, outlook.intensity(slot)) for slot in plan.total)
        rows = self._still_to_come([Row(slot, value) for slot, value in values if value is not None])
        issued_at = min(_stamped(PREDISPATCH_FILE, newest), now)
        return reader.forecast_of(self._capabilities.key, rows, issued_at, now, METHOD)

    # --- the past ------------------------------------------------------------------------------------------------
    async def _past(self, interval: Interval) -> dict[Interval, tuple[Balance, IntensityStatus]]:
        """Every half-hour that is over: from its day's file, or else from the middle one of its five-minute files."""
        now = self._clock.now()
        end = min(interval.end, now)
        if interval.start >= end:
            return {}
        found: dict[Interval, tuple[Balance, IntensityStatus]] = {}
        missing: list[date] = []
        for day in _market_days(interval.start, end):
            balances = await self._day(day, now)
            found |= {slot: (balance, IntensityStatus.ACTUAL) for slot, balance in (balances or {}).items()}
            missing += [day] if balances is None else []
        if missing and end > now - CURRENT_REACHES:
            await self._sample(Interval(interval.start - HALF_HOUR, end), missing)
            sampled = {slot: b for slot, b in self._estimates.items() if slot not in found}
            found |= {slot: (balance, IntensityStatus.ESTIMATED) for slot, balance in sampled.items()}
        return {slot: found[slot] for slot in sorted(found) if slot.overlaps(interval) and slot.end <= now}

    async def _day(self, day: date, now: datetime) -> Mapping[Interval, Balance] | None:
        """From the file of a day that is over; None where it is not there (yet)."""
        if day not in self._whole_days and _begin(day) + DAY <= now:
            path = f"{ARCHIVE}/{SCADA}/PUBLIC_DISPATCHSCADA_{day:%Y%m%d}.zip"
            answer = await self._transport.get(path, accept=frozenset({200, 404}))
            if answer.status == 200:
                plants = await self._listed(now)
                # A day has some hundred thousand rows, and others wait for this thread.
                kept = {known: slots for known, slots in self._whole_days.items() if now - _begin(known) < KEPT}
                self._whole_days = {**kept, day: await asyncio.to_thread(plants.balances, answer)}
        return self._whole_days.get(day)

    async def _sample(self, interval: Interval, days: Sequence[date]) -> None:
        """Read the middle file of every half-hour of these days that has not been read yet."""
        now = self._clock.now()
        self._estimates = {slot: b for slot, b in self._estimates.items() if slot.end > now - CURRENT_REACHES}
        for name in await self._list(SCADA):
            if not SCADA_FILE.fullmatch(name):
                continue
            slot = _middle_of(_stamped(SCADA_FILE, name))
            if slot is None or slot in self._estimates or not slot.overlaps(interval) or slot.end > now:
                continue
            if _market_days(slot.start, slot.start)[0] not in days:
                continue
            answer = await self._transport.get(f"{CURRENT}/{SCADA}/{name}", accept=frozenset({200, 404}))
            if answer.status == 200:  # Files vanish between the list and the question.
                plants = await self._listed(now)
                self._estimates |= plants.balances(answer)

    def _rows(self, past: Mapping[Interval, tuple[Balance, IntensityStatus]]) -> Iterator[Row]:
        """Wind and sun emit nothing by the operator's factors."""
        for slot, (balance, status) in past.items():
            g_per_kwh = self._read.intensity(f"intensity at {slot.start}", balance.rest_emissions / balance.total)
            yield Row(slot, g_per_kwh, status)

    # --- asking --------------------------------------------------------------------------------------------------
    async def _listed(self, now: datetime) -> Plants:
        """The plants of the region; read once a day."""
        if self._plants is None or self._plants_of != now.date():
            answer = await self._transport.get(PLANTS)
            rows = self._reports.plain(answer, answer.body, LISTED)
            self._plants, self._plants_of = Plants(rows, self._region, self._reports, self._read), now.date()
        return self._plants

    async def _list(self, folder: str) -> list[str]:
        return self._reports.listing(await self._transport.get(f"{CURRENT}/{folder}/"))


def _begin(day: date) -> datetime:
    """Midnight of the market."""
    return datetime.fromisoformat(f"{day.isoformat()}T00:00:00+00:00") - MARKET_TIME


def _market_days(start: datetime, end: datetime) -> list[date]:
    first = (start + MARKET_TIME).date()
    count = ((end + MARKET_TIME).date() - first).days + 1
    return [first + number * DAY for number in range(max(0, count))]


def _middle_of(end: datetime) -> Interval | None:
    """The half-hour in whose middle a snapshot was taken; None for a snapshot of another moment."""
    start = reader.floored(end, HALF_HOUR)
    return Interval(start, start + HALF_HOUR) if end - start == HALF_HOUR / 2 else None


def _stamped(pattern: re.Pattern[str], name: str) -> datetime:
    """The moment in a file's name."""
    found = pattern.fullmatch(name)
    assert found is not None
    return datetime.strptime(f"{found[1]}+0000", "%Y%m%d%H%M%z") - MARKET_TIME
