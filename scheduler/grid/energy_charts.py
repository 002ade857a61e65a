"""Energy-Charts of Fraunhofer ISE: carbon intensity of 26 European countries by quarter of an hour, no key.

One answer holds parallel arrays: the moment, the measured value, the forecast; whichever is not known is null, and
the forecast for tomorrow appears at about seven in the evening, so the horizon breathes between 5 and 29 hours. Some
countries report by the hour, and no answer says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.carbon import CarbonForecast, IntensityObservation
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval, from_epoch
from scheduler.grid import reader, rhythm, zones
from scheduler.grid.catalogue import ENERGY_CHARTS
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

LONGEST_RANGE = timedelta(days=31)
AROUND = timedelta(hours=3)
"""Asked for on both sides of every interval, to know how long its rows hold."""
LONGEST_ROW = timedelta(hours=1)


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    asked = zones.canonical(settings.zone)
    country = zones.country(asked)
    if country not in zones.ENERGY_CHARTS_COUNTRIES:
        raise zones.unknown_zone(settings.zone, ENERGY_CHARTS.title, zones.ENERGY_CHARTS_COUNTRIES)
    notes = () if asked == country else (f"the whole of {country} stands for {asked}",)
    capabilities = ENERGY_CHARTS.capabilities(ENERGY_CHARTS.key(country), notes=notes)
    return EnergyCharts(capabilities, Transport.for_provider(ENERGY_CHARTS, settings, clock), clock)


class EnergyCharts(WebSource):
    async def forecast(self) -> CarbonForecast | None:
        now = self._clock.now()
        rows = self._still_to_come(await self._rows("co2eq_forecast", {}))
        issued_at = reader.floored(now, ENERGY_CHARTS.min_poll)
        return reader.forecast_of(self._capabilities.key, rows, issued_at, now)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        pieces = reader.past_chunks(interval, self._clock.now(), LONGEST_RANGE - 2 * AROUND)
        answers = [await self._rows_in(piece, "co2eq") for piece in pieces]
        return self._observed(reader.merged(*answers), interval)

    async def past_forecast(self, interval: Interval) -> list[Row]:
        """What had been forecast for slots of the past, where the service still says."""
        return await self._rows_in(interval, "co2eq_forecast")

    async def _rows_in(self, interval: Interval, column: str) -> list[Row]:
        asked = rhythm.widened(interval, AROUND, self._clock.now())
        window = {"start": _stamp(asked.start), "end": _stamp(asked.end + timedelta(seconds=59))}
        return reader.overlapping(await self._rows(column, window), interval)

    async def _rows(self, column: str, window: dict[str, str]) -> list[Row]:
        """The rows for which `column` is known; none where the service says it has no data for the window."""
        country = self._capabilities.key.zone
        params = {"country": country.lower(), **window}
        answer = await self._transport.get("co2eq", params, accept=frozenset({200, 400, 404}))
        if answer.status == 404 and window:
            return []
        if answer.status != 200:
            raise CarbonSourceRejected(
                f"{ENERGY_CHARTS.title} has nothing for {country} (HTTP {answer.status}); list zones with "
                "`carbonq grid providers`"
            )
        return self._paired(self._transport.json(answer, "co2eq"), column)

    def _paired(self, body: object, column: str) -> list[Row]:
        starts = [
            from_epoch(self._read.number("unix_seconds", second))
            for second in self._read.items("unix_seconds", self._read.member(body, "unix_seconds"))
        ]
        values = self._read.items(column, self._read.member(body, column))
        if len(starts) != len(values):
            raise self._read.wrong(f"{column} has {len(values)} values for {len(starts)} moments")
        lengths = rhythm.lengths(starts)
        return self._read.in_order(
            self._row(column, start, min(lengths[start], LONGEST_ROW), value)
            for start, value in zip(starts, values, strict=True)
            if value is not None and start in lengths
        )

    def _row(self, column: str, start: datetime, length: timedelta, value: object) -> Row:
        return Row(Interval(start, start + length), self._read.intensity(f"{column} at {_stamp(start)}", value))


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
