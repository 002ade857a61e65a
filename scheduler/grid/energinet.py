"""Energi Data Service of Energinet: the two price areas of Denmark, by five minutes, observed and forecast, no key.

Times of rows are UTC without saying so; times of questions are Danish unless the service knows `timezone`, so more is
asked for than is wanted. Unasked it sends the newest hundred rows, newest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from scheduler.domain.carbon import CarbonForecast, IntensityObservation
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, zones
from scheduler.grid.catalogue import ENERGINET
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

OBSERVED, FORECAST = "dataset/CO2Emis", "dataset/CO2EmisProg"
LENGTH = timedelta(minutes=5)
LONGEST_RANGE = timedelta(days=31)
DANISH_SUMMER_TIME = timedelta(hours=2)
"""By as much a question may be misread, if `timezone` is not heeded."""


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    zone = zones.canonical(settings.zone)
    area = zones.danish_area(zone)
    if area is None:
        raise zones.unknown_zone(settings.zone, ENERGINET.title, (f"DK-{area}" for area in zones.DANISH_AREAS))
    capabilities = ENERGINET.capabilities(ENERGINET.key(f"DK-{area}"))
    return Energinet(capabilities, Transport.for_provider(ENERGINET, settings, clock), clock)


class Energinet(WebSource):
    async def forecast(self) -> CarbonForecast | None:
        now = self._clock.now()
        rows = await self._rows(FORECAST, Interval(now, now + ENERGINET.forecast_horizon))
        issued_at = reader.floored(now, ENERGINET.min_poll)
        return reader.forecast_of(self._capabilities.key, self._still_to_come(rows), issued_at, now)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        pieces = reader.past_chunks(interval, self._clock.now(), LONGEST_RANGE)
        answers = [await self._rows(OBSERVED, piece) for piece in pieces]
        return self._observed(reader.merged(*answers), interval)

    async def _rows(self, path: str, interval: Interval) -> list[Row]:
        area = self._capabilities.key.zone.removeprefix("DK-")
        params: dict[str, str | int] = {
            "start": f"{interval.start - LENGTH:%Y-%m-%dT%H:%M}",
            "end": f"{interval.end + DANISH_SUMMER_TIME + LENGTH:%Y-%m-%dT%H:%M}",
            "timezone": "utc",
            "filter": json.dumps({"PriceArea": [area]}),
            "sort": "Minutes5UTC ASC",
            "limit": 0,
        }
        body = await self._transport.get_json(path, params)
        return self._read.in_order(self._records(body, area))

    def _records(self, body: object, area: str) -> Iterator[Row]:
        records = self._read.items("records", self._read.member(body, "records"))
        total = self._read.count("total", self._read.member(body, "total"))
        if len(records) < total:
            raise self._read.wrong(f"{len(records)} of {total} rows were sent")
        for record in records:
            self._read.same_zone("PriceArea", area, self._read.member(record, "PriceArea"))
            said = self._read.member(record, "Minutes5UTC")
            start = self._read.moment("Minutes5UTC", said, naive=timedelta(0))
            value = self._read.member(record, "CO2Emission")
            if value is not None:
                yield Row(Interval(start, start + LENGTH), self._read.intensity(f"CO2Emission at {said}", value))
