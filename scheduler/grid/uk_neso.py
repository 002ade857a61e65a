"""UK Carbon Intensity API of the National Energy System Operator: Great Britain, half-hourly, no key.

Nationally each slot has a forecast and, once past, an `actual`; both keep changing for about a day. Regions have no
`actual` at all: the model's last word on a past slot is reported as estimated.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, zones
from scheduler.grid.catalogue import UK_NESO
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

SLOT = timedelta(minutes=30)
LONGEST_RANGE = timedelta(days=13)
"""Of one request; the service takes 14 days."""

REGIONAL_NOTE = "NESO models regions and never measures them: past values are estimates"


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    zone = zones.canonical(settings.zone)
    try:
        region = zones.neso_region(zone)
    except LookupError:
        known = ("GB", *(f"GB-{number}" for number in zones.GB_REGIONS))
        raise zones.unknown_zone(settings.zone, UK_NESO.title, known) from None
    capabilities = UK_NESO.capabilities(
        UK_NESO.key(zone),
        estimates_settle_after=UK_NESO.settle_after if region is not None else None,
        recheck_after=None if region is None else (),
        notes=() if region is None else (REGIONAL_NOTE,),
    )
    return UkNeso(region, capabilities, Transport.for_provider(UK_NESO, settings, clock), clock)


class UkNeso(WebSource):
    def __init__(
        self, region: int | str | None, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._region = region

    async def forecast(self) -> CarbonForecast | None:
        now = self._clock.now()
        slot = reader.floored(now, SLOT)
        # A minute past the slot's start: the slot before it, which ends at `from`, stays out, and the URL stays the
        # same for half an hour.
        body = await self._ask(f"{_stamp(slot + timedelta(minutes=1))}/fw48h")
        ahead = Interval(slot, slot + UK_NESO.forecast_horizon)
        rows = self._still_to_come(reader.overlapping(self._rows(body, "forecast"), ahead))
        return reader.forecast_of(self._capabilities.key, rows, slot, now)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        answers = []
        for piece in reader.past_chunks(interval, self._clock.now(), LONGEST_RANGE):
            # Whole minutes, outwards: the service knows no seconds.
            body = await self._ask(f"{_stamp(piece.start)}/{_stamp(piece.end + timedelta(seconds=59))}")
            answers.append(self._rows(body, "actual" if self._region is None else "forecast"))
        return self._observed(reader.merged(*answers), interval)

    async def past_forecast(self, interval: Interval) -> list[Row]:
        """What was last forecast for slots of the past: the service keeps it beside the actual."""
        body = await self._ask(f"{_stamp(interval.start)}/{_stamp(interval.end)}")
        return reader.overlapping(self._rows(body, "forecast"), interval)

    async def _ask(self, window: str) -> object:
        match self._region:
            case None:
                path = f"intensity/{window}"
            case int():
                path = f"regional/intensity/{window}/regionid/{self._region}"
            case str():
                path = f"regional/intensity/{window}/postcode/{self._region}"
        answer = await self._transport.get(path, accept=frozenset({200, 400, 404}))
        if answer.status != 200:
            raise CarbonSourceRejected(
                f"{UK_NESO.title} refused {self._capabilities.key.zone} (HTTP {answer.status}); list zones with "
                "`carbonq grid providers`"
            )
        return self._transport.json(answer, path)

    def _rows(self, body: object, column: str) -> list[Row]:
        """The slots for which `column` is known."""
        slots = self._read.items("data", self._slots(body))
        return self._read.in_order(row for slot in slots if (row := self._row(slot, column)) is not None)

    def _slots(self, body: object) -> object:
        """National: a list of slots. Regional: one region around such a list, sometimes in a list of its own."""
        data = self._read.member(body, "data")
        if self._region is None:
            return data
        region = data[0] if isinstance(data, list) and data else data
        self._check_region(region)
        return self._read.member(region, "data")

    def _check_region(self, region: object) -> None:
        if isinstance(self._region, int):
            self._read.same_zone("regionid", self._region, self._read.member(region, "regionid"))
        elif echoed := self._read.mapping("data", region).get("postcode"):
            self._read.same_zone("postcode", self._region, echoed)

    def _row(self, slot: object, column: str) -> Row | None:
        start = self._moment(slot, "from")
        value = self._read.member(slot, "intensity", column)
        if value is None:
            return None
        g_per_kwh = self._read.intensity(f"intensity.{column} at {_stamp(start)}", value)
        end = self._moment(slot, "to")
        if end - start != SLOT:
            raise self._read.wrong(f"the slot from {_stamp(start)} to {_stamp(end)} is not half an hour")
        status = IntensityStatus.ACTUAL if column == "actual" else IntensityStatus.ESTIMATED
        return Row(Interval(start, end), g_per_kwh, status)

    def _moment(self, slot: object, field: str) -> datetime:
        return self._read.moment(field, self._read.member(slot, field))


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
