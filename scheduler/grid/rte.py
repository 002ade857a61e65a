"""éCO2mix of RTE: what generation in France emits at the stack, by the quarter of an hour, no key and no forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from scheduler.domain.carbon import IntensityObservation
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, rhythm, zones
from scheduler.grid.catalogue import RTE
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import HistorySource
from scheduler.ports import CarbonSource, Clock

PATH = "api/explore/v2.1/catalog/datasets/eco2mix-national-tr/exports/json"
QUARTER = timedelta(minutes=15)
LONGEST_RANGE = timedelta(days=31)
AROUND = timedelta(hours=3)
"""Asked for on both sides of every interval, to know how long its values hold."""


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    if zones.canonical(settings.zone) != "FR":
        raise zones.unknown_zone(settings.zone, RTE.title, ("FR",))
    return Rte(RTE.capabilities(RTE.key("FR")), Transport.for_provider(RTE, settings, clock), clock)


class Rte(HistorySource):
    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        pieces = reader.past_chunks(interval, self._clock.now(), LONGEST_RANGE - 2 * AROUND)
        answers = [await self._rows(piece) for piece in pieces]
        return self._observed(reader.merged(*answers), interval)

    async def _rows(self, interval: Interval) -> list[Row]:
        asked = rhythm.widened(interval, AROUND, self._clock.now())
        first, last = asked.start, asked.end + QUARTER
        body = await self._transport.get_json(
            PATH,
            {
                "select": "date_heure,taux_co2",
                "where": f"date_heure >= date'{_stamp(first)}' and date_heure < date'{_stamp(last)}'",
                "order_by": "date_heure asc",
                "timezone": "UTC",
            },
        )
        rows = self._read.in_order(self._values(self._read.items("the answer", body)))
        return reader.overlapping(rows, interval)

    def _values(self, items: Iterable[object]) -> Iterator[Row]:
        """One row a value; where only each second quarter has one, it holds for half an hour."""
        points = list(dict.fromkeys(self._point(item) for item in items))
        silent = {start for start, value in points if value is None}
        known = [start for start, value in points if value is not None]
        lengths = rhythm.lengths(known)
        for start, value in points:
            if value is not None:
                # After the newest value null only means that nothing is published yet; among quarters it is a gap.
                half = start.minute % 30 == 0 and start + QUARTER in silent and start < known[-1]
                half = half and lengths[start] > QUARTER
                yield Row(Interval(start, start + (2 * QUARTER if half else QUARTER)), value)

    def _point(self, item: object) -> tuple[datetime, float | None]:
        start = self._read.moment("date_heure", self._read.member(item, "date_heure"))
        value = self._read.mapping("a row", item).get("taux_co2")
        return start, None if value is None else self._read.intensity(f"taux_co2 at {_stamp(start)}", value)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
