"""Energy-Charts of Fraunhofer ISE: carbon intensity of 26 European countries by quarter of an hour, no key.

One answer holds parallel arrays: the moment, the measured value, the forecast; whichever is not known is null, and
the forecast for tomorrow appears at about seven in the evening, so the horizon breathes between 5 and 29 hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from scheduler.domain.carbon import CarbonForecast, IntensityObservation
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval, from_epoch
from scheduler.grid import reader, zones
from scheduler.grid.catalogue import ENERGY_CHARTS
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

LONGEST_RANGE = timedelta(days=31)


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
        answers = []
        for piece in reader.past_chunks(interval, self._clock.now(), LONGEST_RANGE):
            window = {"start": _stamp(piece.start), "end": _stamp(piece.end + timedelta(seconds=59))}
            answers.append(await self._rows("co2eq", window))
        return self._observed(reader.merged(*answers), interval)

    async def past_forecast(self, interval: Interval) -> list[Row]:
        """What had been forecast for slots of the past, where the service still says."""
        window = {"start": _stamp(interval.start), "end": _stamp(interval.end)}
        return reader.overlapping(await self._rows("co2eq_forecast", window), interval)

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
        seconds = [
            self._read.number("unix_seconds", second)
            for second in self._read.items("unix_seconds", self._read.member(body, "unix_seconds"))
        ]
        values = self._read.items(column, self._read.member(body, column))
        if len(seconds) != len(values):
            raise self._read.wrong(f"{column} has {len(values)} values for {len(seconds)} moments")
        step = _step(seconds)
        return self._read.in_order(
            self._row(column, from_epoch(second), step, value)
            for second, value in zip(seconds, values, strict=True)
            if value is not None
        )

    def _row(self, column: str, start: datetime, step: timedelta, value: object) -> Row:
        return Row(Interval(start, start + step), self._read.intensity(f"{column} at {_stamp(start)}", value))


def _step(seconds: list[float]) -> timedelta:
    """The shortest distance between two rows: a quarter of an hour, or an hour where a country reports hourly."""
    distances = [after - before for before, after in pairwise(seconds) if after > before]
    return timedelta(seconds=min(distances)) if distances else ENERGY_CHARTS.resolution


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
