"""Electricity Maps, versions 3 and 4: average, flow-traced intensity of some 350 zones by the hour, with a key.

The free plan has the last 24 hours of one zone and no forecast. Without `disableCallerLookup` an unknown zone is
answered with the caller's own. Consolidations come for three months: over a long past only the hours that
`updated-since` names are read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import Basis, CarbonForecast, IntensityObservation, IntensityStatus, SourceCapabilities
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, zones
from scheduler.grid.catalogue import ELECTRICITY_MAPS, NOTHING
from scheduler.grid.electricity_maps_key import ElectricityMapsKey, NotInPlan
from scheduler.grid.kept_history import KeptHistory
from scheduler.grid.places import Place
from scheduler.grid.reader import Reader, Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

LATEST, HISTORY = "carbon-intensity/latest", "carbon-intensity/history"
FORECAST, PAST_RANGE = "carbon-intensity/forecast", "carbon-intensity/past-range"
UPDATED_SINCE = "updated-since"
FACTORS = "emissionFactorType"
HOUR = timedelta(hours=1)
LONGEST_RANGE = timedelta(days=10)
"""Of one request."""
HISTORY_REACHES = timedelta(hours=24)
MOST_UPDATES = 1_000
"""Hours that one answer of `updated-since` names."""
JOINED = timedelta(days=1)
"""Updated hours no further apart than this are read in one request."""
GRANULARITIES = {"hourly": HOUR, "15_minutes": timedelta(minutes=15), "5_minutes": timedelta(minutes=5)}


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    token = settings.credential(ELECTRICITY_MAPS, "electricity_maps")
    provider = replace(ELECTRICITY_MAPS, basis=settings.basis or ELECTRICITY_MAPS.basis)
    zone = zones.canonical(settings.zone)
    capabilities = provider.capabilities(provider.key(zone))
    transport = Transport.for_provider(provider, settings, clock)
    return ElectricityMaps(ElectricityMapsKey(token, zone, transport), capabilities, transport, clock)


async def locate(place: Place, settings: SourceSettings, clock: Clock) -> str:
    """The zone that Electricity Maps has there; what the key does not cover is refused by that zone's name."""
    transport = Transport.for_provider(ELECTRICITY_MAPS, settings, clock)
    key = ElectricityMapsKey(settings.credential(ELECTRICITY_MAPS, "electricity_maps"), str(place), transport)
    params = {"lat": f"{place.latitude:g}", "lon": f"{place.longitude:g}", "disableCallerLookup": "true"}
    try:
        return str(Reader(ELECTRICITY_MAPS.title).member(await key.get(LATEST, params), "zone"))
    finally:
        await transport.close()


class ElectricityMaps(WebSource):
    """The forecast is promised until the key turns out not to cover it."""

    def __init__(
        self, key: ElectricityMapsKey, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._key = key
        self._zone = capabilities.key.zone
        self._kept = KeptHistory()
        self._factors = "lifecycle" if capabilities.key.basis is Basis.LIFECYCLE else "direct"

    async def forecast(self) -> CarbonForecast | None:
        if not await self._may(FORECAST):
            return None
        try:
            body = await self._ask(FORECAST, {})
        except NotInPlan:
            self._give_up_forecast()
            return None
        return self._forecast_of(body)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        if interval.start >= now:
            return ()
        if await self._may(PAST_RANGE):
            rows = await self._long_past(interval, now)
        elif interval.end > now - HISTORY_REACHES - 2 * HOUR:
            rows = self._rows_of(await self._ask(HISTORY, {}), "history")
        else:
            rows = []
        present = () if self._capabilities.has_forecast else await self._present(rows, interval, now)
        return (*self._observed(rows, interval), *present)

    # --- what the key covers -------------------------------------------------------------------------------------
    async def _may(self, path: str) -> bool:
        reaches_back = await self._key.may(PAST_RANGE)
        if not reaches_back:
            # What left the last 24 hours cannot be asked for again.
            self._capabilities = replace(self._capabilities, reaches_back=False)
        if self._capabilities.has_forecast and not await self._key.may(FORECAST):
            self._give_up_forecast(*([] if reaches_back else ["without past-range the last 24 hours are all there is"]))
        return self._capabilities.has_forecast if path == FORECAST else await self._key.may(path)

    def _give_up_forecast(self, *more: str) -> None:
        why = "this key has no forecast"
        self._capabilities = replace(
            self._capabilities, has_forecast=False, forecast_horizon=NOTHING, no_forecast=why, notes=more
        )

    # --- asking --------------------------------------------------------------------------------------------------
    async def _ask(self, path: str, window: dict[str, str]) -> object:
        params = {"zone": self._zone, "disableCallerLookup": "true", FACTORS: self._factors, **window}
        body = await self._key.get(path, params)
        self._read.same_zone("zone", self._zone, self._read.member(body, "zone"))
        self._check_factors(body)
        return body

    async def _present(self, rows: list[Row], interval: Interval, now: datetime) -> tuple[IntensityObservation, ...]:
        """The hour that is running, always an estimate: without a forecast nothing else says what holds now."""
        if now - interval.end >= HOUR:
            return ()
        running = [row for row in rows if now in row.interval]
        if not running and await self._key.may(LATEST):
            try:
                running = self._latest(await self._ask(LATEST, {}), now)
            except (NotInPlan, CarbonSourceUnavailable):
                return ()  # History is worth having without it.
        estimates = [replace(row, status=IntensityStatus.ESTIMATED) for row in running]
        return reader.observations_of(self._capabilities.key, reader.overlapping(estimates, interval), now)

    def _latest(self, body: object, now: datetime) -> list[Row]:
        """It may be about the hour that is only coming."""
        return [row for row in self._rows([body], self._granularity(body)) if now in row.interval]

    async def _long_past(self, interval: Interval, now: datetime) -> list[Row]:
        """What fits into one request is read; of more, what has been updated since it was read before."""
        if min(interval.end, now) - interval.start <= LONGEST_RANGE:
            return await self._past_range(interval, now)
        since = self._kept.updated_since(interval)
        updated = None if since is None else await self._updated(interval.start, since, now)
        if updated is None:
            self._kept.replace(await self._past_range(Interval(interval.start, now), now), interval.start, now)
        else:
            fresh = [await self._past_range(stretch, now) for stretch in updated]
            self._kept.update(reader.merged(*fresh), interval.start, now)
        return list(self._kept.rows)

    async def _updated(self, start: datetime, since: datetime, now: datetime) -> list[Interval] | None:
        """The stretches that were updated after `since`; None where the service does not say."""
        if not await self._key.may(UPDATED_SINCE):
            return None
        window = {"since": _stamp(since), "start": _stamp(start), "end": _stamp(now), "limit": str(MOST_UPDATES)}
        try:
            body = await self._ask(UPDATED_SINCE, window)
            items = self._read.items("updates", self._read.member(body, "updates"))
            hours = [self._read.moment("datetime", self._read.member(item, "datetime")) for item in items]
        except (NotInPlan, CarbonSourceUnavailable, CarbonDataInvalid):
            return (
                None  # Version 4 does not have it, and how it answers was never recorded: reading all is always right.
            )
        if len(hours) >= MOST_UPDATES or self._read.mapping("the answer", body).get("limitReached"):
            return None
        return _stretches([*hours, reader.floored(since, HOUR), reader.floored(now, HOUR)])

    # --- reading -------------------------------------------------------------------------------------------------
    def _forecast_of(self, body: object) -> CarbonForecast:
        now = self._clock.now()
        rows = self._still_to_come(self._rows_of(body, "forecast"))
        said = self._read.mapping("the answer", body).get("updatedAt")
        issued_at = self._read.moment("updatedAt", said) if said else reader.floored(now, ELECTRICITY_MAPS.resolution)
        return reader.forecast_of(self._capabilities.key, rows, min(issued_at, now), now)

    async def _past_range(self, interval: Interval, now: datetime) -> list[Row]:
        answers = []
        for piece in reader.past_chunks(interval, now, LONGEST_RANGE):
            # Whole hours, outwards, and `end` is exclusive: a piece stays within ten days.
            start = reader.floored(piece.start, HOUR)
            window = {"start": _stamp(start), "end": _stamp(min(piece.end, start + LONGEST_RANGE))}
            answers.append(self._rows_of(await self._ask(PAST_RANGE, window), "data"))
        return reader.merged(*answers)

    def _rows_of(self, body: object, field: str) -> list[Row]:
        items = self._read.items(field, self._read.member(body, field))
        return self._read.in_order(self._rows(items, self._granularity(body)))

    def _granularity(self, body: object) -> timedelta:
        said = str(self._read.mapping("the answer", body).get("temporalGranularity", "hourly"))
        if said not in GRANULARITIES:
            raise self._read.wrong(f"temporalGranularity = {said!r} was not asked for")
        return GRANULARITIES[said]

    def _check_factors(self, said: object) -> None:
        """Values on another basis are another series; what names none is on that which was asked for."""
        named = self._read.mapping("the answer", said).get(FACTORS) or self._factors
        self._read.same_zone(FACTORS, self._factors, named)

    def _rows(self, items: list[object], length: timedelta) -> Iterator[Row]:
        for item in items:
            fields = self._read.mapping("a row", item)
            self._read.same_zone("zone", self._zone, fields.get("zone", self._zone))
            self._check_factors(fields)
            start = self._read.moment("datetime", self._read.member(item, "datetime"))
            value = self._read.member(item, "carbonIntensity")
            if value is None:
                continue
            g_per_kwh = self._read.intensity(f"carbonIntensity at {start:%Y-%m-%d %H:%M} UTC", value)
            updated = fields.get("updatedAt")
            status = IntensityStatus.ESTIMATED if fields.get("isEstimated") else IntensityStatus.ACTUAL
            updated_at = self._read.moment("updatedAt", updated) if updated else None
            yield Row(Interval(start, start + length), g_per_kwh, status, updated_at)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _stretches(hours: list[datetime]) -> list[Interval]:
    """Intervals that hold all these hours, those that are close together in one."""
    found: list[Interval] = []
    for hour in sorted(hours):
        if found and hour - found[-1].end <= JOINED:
            found[-1] = Interval(found[-1].start, max(found[-1].end, hour + HOUR))
        else:
            found.append(Interval(hour, hour + HOUR))
    return found
