"""ENTSO-E Transparency Platform: generation by type in Europe's bidding zones, with a token.

There is no forecast of intensity, but there are those of wind and sun (A69) and of all generation (A71): one is derived
from them, with the rest of the fleet as it was in the last week.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid import fuel_mix, reader, zones
from scheduler.grid.catalogue import ENTSOE, NOTHING
from scheduler.grid.derived_forecast import Outlook, balance_of, complete
from scheduler.grid.entsoe_document import Curve, DocumentReader, shortest_step
from scheduler.grid.fuel_mix import VARIABLE, Fuel, Mix
from scheduler.grid.mix_source import open_mix_source
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

PATH = "api"
GENERATION, WIND_AND_SUN, ALL_GENERATION = "A75", "A69", "A71"
REALISED, DAY_AHEAD = "A16", "A01"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST_RANGE = timedelta(days=14)
RUN_UP = DAY
"""Asked for in front of every interval, to know which fuels matter there."""
LEARN_BACK = timedelta(days=7)
LEARN_EVERY = timedelta(hours=6)
COMPARED = timedelta(days=3)
"""Forecasts of so many days past are held against what came, to put both on one scale."""
DERIVED_NOTE = "the forecast is derived from those of generation, wind and sun: which plants give the rest is a guess"
METHODS = {True: "derived from A69 and A71", False: "derived from A69 and last week's generation"}
FUELS: Mapping[str, Fuel] = {
    "B01": Fuel.BIOMASS,
    "B02": Fuel.COAL,
    "B03": Fuel.GAS,
    "B04": Fuel.GAS,
    "B05": Fuel.COAL,
    "B06": Fuel.OIL,
    "B07": Fuel.OIL,
    "B08": Fuel.COAL,
    "B09": Fuel.GEOTHERMAL,
    "B10": Fuel.STORAGE,
    "B11": Fuel.HYDRO,
    "B12": Fuel.HYDRO,
    "B13": Fuel.MARINE,
    "B14": Fuel.NUCLEAR,
    "B15": Fuel.BIOMASS,
    "B16": Fuel.SOLAR,
    "B17": Fuel.OTHER,
    "B18": Fuel.WIND_OFFSHORE,
    "B19": Fuel.WIND,
    "B20": Fuel.OTHER,
    "B25": Fuel.STORAGE,
}


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    known = zones.ENTSOE_AREAS
    return open_mix_source(ENTSOE, Entsoe, zones.entsoe_area, known, settings, clock, notes=(DERIVED_NOTE,))


class Entsoe(WebSource):
    """A forecast is promised until the zone turns out to have none of wind and sun."""

    def __init__(
        self, area: str, token: str, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._area = area
        self._token = token
        self._documents = DocumentReader(area, capabilities.key.zone, transport)
        self._lately: list[Curve] = []
        """What was generated in the last week."""
        self._learnt_at: datetime | None = None

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        curves = await self._generated(Interval(interval.start - RUN_UP, interval.end), now)
        past = self._past(curves, shortest_step(curves), now)
        return self._observed(list(fuel_mix.rows_of(self._read, past, self._capabilities.key.basis)), interval)

    async def forecast(self) -> CarbonForecast | None:
        if not self._capabilities.has_forecast:
            return None
        now = self._clock.now()
        around = Interval(reader.floored(now, DAY) - COMPARED, now + ENTSOE.forecast_horizon)
        weather = await self._ask(WIND_AND_SUN, DAY_AHEAD, around)
        if not weather:
            self._give_up_forecast()
            return None
        totals = await self._ask(ALL_GENERATION, DAY_AHEAD, around)
        await self._learn(now)
        rows = self._still_to_come(self._read.in_order(self._derived(weather, totals, now)))
        issued_at = reader.floored(now, HOUR)
        return reader.forecast_of(self._capabilities.key, rows, issued_at, now, METHODS[bool(totals)])

    def _give_up_forecast(self) -> None:
        kept = tuple(note for note in self._capabilities.notes if note != DERIVED_NOTE)
        why = "nobody forecasts wind and sun here, so no forecast of intensity can be derived"
        self._capabilities = replace(
            self._capabilities, has_forecast=False, forecast_horizon=NOTHING, no_forecast=why, notes=kept
        )

    def _derived(self, weather: list[Curve], totals: list[Curve], now: datetime) -> Iterator[Row]:
        length = shortest_step([*weather, *totals, *self._lately])
        past = self._past(self._lately, length, now)
        expected = {slot: _variable(types) for slot, types in self._forecast_steps(weather, length)}
        whole = {slot: sum(types.values()) for slot, types in self._forecast_steps(totals, length)}
        basis = self._capabilities.key.basis
        forecast = {fuel for given in expected.values() for fuel in given}
        balances = {slot: balance_of(mix, basis, forecast) for slot, mix in past.items()}
        known = {slot: balance for slot, balance in balances.items() if balance is not None}
        outlook = Outlook.learnt(known, expected, whole, basis)
        if outlook is None:
            raise CarbonSourceUnavailable(f"{ENTSOE.title} has too little past generation to derive a forecast from")
        # Wind that is not published yet is unknown, and not calm.
        for slot in sorted(complete(expected)):
            g_per_kwh = outlook.intensity(slot)
            if g_per_kwh is not None:
                yield Row(slot, g_per_kwh)

    def _forecast_steps(self, curves: list[Curve], length: timedelta) -> Iterator[tuple[Interval, dict[str, float]]]:
        """What is forecast for each type; nothing that is to be generated is negative."""
        for slot, types in self._documents.steps(curves, length).items():
            known = {code: value for code, value in types.items() if value is not None}
            for code, value in known.items():
                if value < 0:
                    raise self._read.wrong(
                        f"{code} forecast for {slot.start:%Y-%m-%d %H:%M} UTC = {value:g} is negative"
                    )
            yield slot, known

    # --- asking --------------------------------------------------------------------------------------------------
    async def _learn(self, now: datetime) -> None:
        """A week does not change in a few hours."""
        if self._learnt_at is None or now - self._learnt_at >= LEARN_EVERY:
            self._lately = await self._generated(Interval(now - LEARN_BACK, now), now)
            self._learnt_at = now

    async def _generated(self, interval: Interval, now: datetime) -> list[Curve]:
        pieces = reader.past_chunks(interval, now, LONGEST_RANGE)
        return [curve for piece in pieces for curve in await self._ask(GENERATION, REALISED, piece)]

    def _past(self, curves: list[Curve], length: timedelta, now: datetime) -> dict[Interval, Mix]:
        """The mix of every step that is over."""
        steps = self._documents.steps(curves, length)
        return {slot: _mix(types) for slot, types in steps.items() if slot.end <= now}

    async def _ask(self, kind: str, process: str, interval: Interval) -> list[Curve]:
        params = {
            "securityToken": self._token,
            "documentType": kind,
            "processType": process,
            "in_Domain": self._area,
            "periodStart": f"{reader.floored(interval.start, HOUR):%Y%m%d%H%M}",
            "periodEnd": f"{reader.floored(interval.end, HOUR) + HOUR:%Y%m%d%H%M}",
        }
        answer = await self._transport.get(PATH, params, accept=frozenset({200, 400, 401, 403}))
        if answer.status in (401, 403):
            raise CarbonSourceRejected(
                f"{ENTSOE.title} refused the token (HTTP {answer.status}); check the key 'entsoe'"
            )
        return self._documents.curves(answer, kind)


def _mix(types: Mapping[str, float] | Mapping[str, float | None]) -> Mix:
    return fuel_mix.folded((FUELS.get(code, Fuel.OTHER), value) for code, value in types.items())


def _variable(types: Mapping[str, float]) -> dict[Fuel, float]:
    return {fuel: amount for fuel, amount in _mix(types).items() if amount is not None and fuel in VARIABLE}
