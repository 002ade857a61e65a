"""OpenElectricity: what each region of Australia's national market generates, by five minutes, with a free key.

Intervals are labelled by their end, in the market's own time (UTC+10, no summer time). No forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from scheduler.domain.carbon import IntensityObservation, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid import fuel_mix, reader, zones
from scheduler.grid.catalogue import OPENELECTRICITY
from scheduler.grid.fuel_mix import Fuel, Mix
from scheduler.grid.mix_source import open_mix_source
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import HistorySource
from scheduler.ports import CarbonSource, Clock

PATH = "v4/data/network/NEM"
MARKET_TIME = timedelta(hours=10)
STEP = timedelta(minutes=5)
LONGEST_RANGE = timedelta(days=7)
"""By five minutes the service takes eight days."""
RUN_UP = timedelta(hours=24)
PREFIXES: tuple[tuple[str, Fuel | None], ...] = (
    ("COAL", Fuel.COAL),
    ("GAS", Fuel.GAS),
    ("DISTILLATE", Fuel.OIL),
    ("HYDRO", Fuel.HYDRO),
    ("SOLAR", Fuel.SOLAR),
    ("WIND", Fuel.WIND),
    ("BIOENERGY", Fuel.BIOMASS),
    ("NUCLEAR", Fuel.NUCLEAR),
    ("BATTERY", Fuel.STORAGE),
    ("PUMPS", Fuel.STORAGE),
    ("IMPORTS", None),
    ("EXPORTS", None),
)
"""Fuel technologies by how their names begin; None: nothing that was generated here."""


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    known = (f"AU-{name}" for name in zones.NEM_REGIONS)
    return open_mix_source(OPENELECTRICITY, OpenElectricity, zones.nem_region, known, settings, clock)


class OpenElectricity(HistorySource):
    def __init__(
        self, region: str, key: str, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._region = region
        self._headers = {"Authorization": f"Bearer {key}"}

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        parts: dict[Interval, dict[str, float | None]] = {}
        for piece in reader.past_chunks(Interval(interval.start - RUN_UP, interval.end), now, LONGEST_RANGE):
            for slot, technology, megawatts in self._entries(await self._ask(piece)):
                if parts.setdefault(slot, {}).setdefault(technology, megawatts) != megawatts:
                    raise self._read.wrong(f"{technology} at {slot.end:%Y-%m-%d %H:%M} UTC has two values")
        past = {slot: self._by_fuel(found) for slot, found in parts.items() if slot.end <= now}
        return self._observed(list(fuel_mix.rows_of(self._read, past, self._capabilities.key.basis)), interval)

    async def _ask(self, interval: Interval) -> object:
        params = [
            ("metrics", "power"),
            ("interval", "5m"),
            ("primary_grouping", "network_region"),
            ("secondary_grouping", "fueltech"),
            ("network_region", self._region),
            ("date_start", _market_time(interval.start)),
            ("date_end", _market_time(interval.end + STEP)),
        ]
        body = await self._transport.get_json(PATH, params, self._headers)
        if self._read.member(body, "success") is not True:
            said = self._transport.redacted(self._read.mapping("the answer", body).get("error"))
            raise CarbonSourceRejected(f"{OPENELECTRICITY.title} refused {self._region}: {said}")
        return body

    def _entries(self, body: object) -> Iterator[tuple[Interval, str, float | None]]:
        for block in self._read.items("data", self._read.member(body, "data")):
            self._read.same_zone("metric", "power", self._read.member(block, "metric"))
            self._read.same_zone("interval", "5m", self._read.member(block, "interval"))
            for result in self._read.items("results", self._read.member(block, "results")):
                self._read.same_zone("region", self._region, self._read.member(result, "columns", "region"))
                technology = str(self._read.member(result, "columns", "fueltech"))
                points = self._read.items("data", self._read.member(result, "data"))
                for slot, megawatts in self._points(technology, points):
                    yield slot, technology, megawatts

    def _points(self, technology: str, points: list[object]) -> Iterator[tuple[Interval, float | None]]:
        latest: datetime | None = None
        for point in points:
            pair = self._read.items(technology, point)
            if len(pair) != 2:
                raise self._read.wrong(f"a point of {technology} has {len(pair)} parts, not a time and a value")
            ended = self._read.moment(technology, pair[0])
            if latest is not None and ended < latest:
                raise self._read.wrong(f"rows are out of order: {pair[0]} comes after {latest:%Y-%m-%d %H:%M} UTC")
            latest = ended
            value = None if pair[1] is None else self._read.amount(f"{technology} at {pair[0]}", pair[1])
            yield Interval(ended - STEP, ended), value

    def _by_fuel(self, technologies: Mapping[str, float | None]) -> Mix:
        known = ((_fuel(name), megawatts) for name, megawatts in technologies.items())
        return fuel_mix.folded((fuel, megawatts) for fuel, megawatts in known if fuel is not None)


def _fuel(technology: str) -> Fuel | None:
    """A technology of a new name is somebody's generation, so it is counted, as "other"."""
    return next((fuel for prefix, fuel in PREFIXES if technology.upper().startswith(prefix)), Fuel.OTHER)


def _market_time(moment: datetime) -> str:
    return f"{moment + MARKET_TIME:%Y-%m-%dT%H:%M:%S}"
