"""EIA Hourly Electric Grid Monitor: what each balancing authority of the United States generated, hour by hour.

No forecast. Hours are labelled by their end, in UTC; values may be numbers or text or null; the newest hours arrive
fuel by fuel, so an hour that lacks a fuel which usually matters is not given out yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from scheduler.domain.carbon import IntensityObservation, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid import fuel_mix, zones
from scheduler.grid.catalogue import EIA
from scheduler.grid.fuel_mix import Fuel, Mix
from scheduler.grid.mix_source import open_mix_source
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import HistorySource
from scheduler.ports import CarbonSource, Clock

HOUR = timedelta(hours=1)
PATH = "v2/electricity/rto/fuel-type-data/data/"
PAGE = 5_000
"""Rows of one answer; the service gives no more."""
RUN_UP = timedelta(hours=24)
"""Asked for in front of every interval, to know which fuels matter there."""
FUELS: Mapping[str, Fuel] = {
    "COL": Fuel.COAL,
    "NG": Fuel.GAS,
    "OIL": Fuel.OIL,
    "NUC": Fuel.NUCLEAR,
    "WAT": Fuel.HYDRO,
    "SUN": Fuel.SOLAR,
    "SNB": Fuel.SOLAR,
    "WND": Fuel.WIND,
    "WIND": Fuel.WIND,
    "WNB": Fuel.WIND,
    "GEO": Fuel.GEOTHERMAL,
    "BM": Fuel.BIOMASS,
    "BAT": Fuel.STORAGE,
    "PS": Fuel.STORAGE,
    "UES": Fuel.STORAGE,
    "OES": Fuel.STORAGE,
    "OTH": Fuel.OTHER,
    "UNK": Fuel.OTHER,
}


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    known = (f"US-{code}" for code in zones.BALANCING_AUTHORITIES | zones.US_REGIONS)
    return open_mix_source(EIA, Eia, zones.eia_respondent, known, settings, clock)


class Eia(HistorySource):
    def __init__(
        self, respondent: str, api_key: str, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._respondent = respondent
        self._api_key = api_key

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        if interval.start >= now:
            return ()
        mixes = await self._mixes(Interval(interval.start - RUN_UP, min(interval.end, now)))
        past = {hour: mix for hour, mix in mixes.items() if hour.end <= now}
        return self._observed(list(fuel_mix.rows_of(self._read, past, self._capabilities.key.basis)), interval)

    async def _mixes(self, interval: Interval) -> Mapping[Interval, Mix]:
        """What was generated in each hour; pages are read until all rows are there."""
        hours: dict[Interval, dict[str, float | None]] = {}
        offset = 0
        while True:
            items, total = await self._page(interval, offset)
            for hour, code, amount in self._entries(items):
                self._put(hours.setdefault(hour, {}), hour, code, amount)
            offset += len(items)
            if offset >= total or not items:
                return {hour: _by_fuel(codes) for hour, codes in hours.items()}

    async def _page(self, interval: Interval, offset: int) -> tuple[list[object], int]:
        body = await self._transport.get_json(
            PATH,
            [
                ("api_key", self._api_key),
                ("frequency", "hourly"),
                ("data[]", "value"),
                ("facets[respondent][]", self._respondent),
                ("start", f"{interval.start:%Y-%m-%dT%H}"),
                ("end", f"{interval.end + HOUR:%Y-%m-%dT%H}"),
                ("sort[0][column]", "period"),
                ("sort[0][direction]", "asc"),
                ("sort[1][column]", "fueltype"),
                ("sort[1][direction]", "asc"),
                ("offset", str(offset)),
                ("length", str(PAGE)),
            ],
        )
        self._refuse_if_error(body)
        items = self._read.items("response.data", self._read.member(body, "response", "data"))
        return items, self._read.count("response.total", self._read.member(body, "response", "total"))

    def _refuse_if_error(self, body: object) -> None:
        """Some refusals come as 200."""
        answer = self._read.mapping("the answer", body)
        if "error" in answer and "response" not in answer:
            raise CarbonSourceRejected(f"{EIA.title} refused the request: {self._transport.redacted(answer['error'])}")

    def _entries(self, items: list[object]) -> Iterator[tuple[Interval, str, float | None]]:
        latest: datetime | None = None
        for item in items:
            self._read.same_zone("respondent", self._respondent, self._read.member(item, "respondent"))
            ended = self._read.moment("period", self._read.member(item, "period"), naive=timedelta(0))
            if latest is not None and ended < latest:
                raise self._read.wrong(f"rows are out of order: {ended:%Y-%m-%dT%H} comes after {latest:%Y-%m-%dT%H}")
            latest = ended
            code = str(self._read.member(item, "fueltype"))
            value = self._read.member(item, "value")
            amount = None if value is None else self._read.amount(f"{code} at {ended:%Y-%m-%dT%H}", value)
            yield Interval(ended - HOUR, ended), code, amount

    def _put(self, codes: dict[str, float | None], hour: Interval, code: str, amount: float | None) -> None:
        """A row sent twice counts once."""
        if codes.setdefault(code, amount) != amount:
            raise self._read.wrong(f"{code} at {hour.end:%Y-%m-%dT%H} has two values, {codes[code]} and {amount}")


def _by_fuel(codes: Mapping[str, float | None]) -> Mix:
    # A code that EIA adds one day is somebody's generation, so it is counted, as "other".
    return fuel_mix.folded((FUELS.get(code, Fuel.OTHER), amount) for code, amount in codes.items())
