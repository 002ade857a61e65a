"""Electricity Maps: average, flow-traced intensity of some 350 zones by the hour, with a key.

What a key may ask is learnt from `/zones`, which lists it zone by zone: the free plan has the last 24 hours of one zone
and no forecast. When it limits requests the service has been seen to answer 401 to a good key, so the first 401 after
a success is taken for that. Without `disableCallerLookup` an unknown zone is answered with the caller's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import Basis, CarbonForecast, IntensityObservation, IntensityStatus, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, zones
from scheduler.grid.catalogue import ELECTRICITY_MAPS, NOTHING
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Answer, Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

FORECAST, HISTORY, PAST_RANGE = "carbon-intensity/forecast", "carbon-intensity/history", "carbon-intensity/past-range"
LONGEST_RANGE = timedelta(days=10)
HISTORY_REACHES = timedelta(hours=24)
GRANULARITIES = {
    "hourly": timedelta(hours=1),
    "15_minutes": timedelta(minutes=15),
    "5_minutes": timedelta(minutes=5),
}
NOT_IN_PLAN = re.compile(r"unauthorized for|endpoint not available|not authorized for", re.IGNORECASE)
THROTTLE_PAUSE = timedelta(minutes=1)


class _NotInPlan(CarbonSourceRejected):
    """The key is good, and does not cover this."""


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    token = settings.credential(ELECTRICITY_MAPS, "electricity_maps")
    provider = replace(ELECTRICITY_MAPS, basis=settings.basis or ELECTRICITY_MAPS.basis)
    zone = zones.canonical(settings.zone)
    capabilities = provider.capabilities(provider.key(zone))
    return ElectricityMaps(zone, token, capabilities, Transport.for_provider(provider, settings, clock), clock)


class ElectricityMaps(WebSource):
    """The forecast is promised until the key turns out not to cover it."""

    def __init__(
        self, zone: str, token: str, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._zone = zone
        self._token = token
        self._access: frozenset[str] | None = None
        """Paths this key may ask for this zone, or `*`; None until `/zones` has said."""
        self._answered = False
        self._doubted = False

    async def forecast(self) -> CarbonForecast | None:
        if not await self._may(FORECAST):
            return None
        try:
            body = await self._ask(FORECAST, {})
        except _NotInPlan:
            self._give_up_forecast()
            return None
        return self._forecast_of(body)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        if await self._may(PAST_RANGE):
            rows = await self._past_range(interval, now)
        elif interval.end > now - HISTORY_REACHES - timedelta(hours=2) and interval.start < now:
            rows = self._history_rows(await self._ask(HISTORY, {}), "history")
        else:
            rows = []
        return self._observed(rows, interval)

    # --- what the key covers -------------------------------------------------------------------------------------
    async def _may(self, path: str) -> bool:
        if self._access is None:
            self._access = self._read_access(await self._get_json("zones", {}))
            if not self._access & {PAST_RANGE, "*"}:
                # What left the last 24 hours cannot be asked for again.
                self._capabilities = replace(self._capabilities, recheck_after=())
            if FORECAST not in self._access and "*" not in self._access:
                self._give_up_forecast()
        return path in self._access or "*" in self._access

    def _read_access(self, body: object) -> frozenset[str]:
        """With a token `/zones` lists only what the token covers, as a bare map or under `zones`."""
        listed = self._read.mapping("zones", body)
        listed = self._read.mapping("zones", listed.get("zones", listed))
        if self._zone not in listed:
            covered = ", ".join(sorted(listed)[:5]) + (", ..." if len(listed) > 5 else "")
            raise CarbonSourceRejected(
                f"{ELECTRICITY_MAPS.title}: this key does not cover {self._zone}, it covers {covered or 'nothing'}; "
                "change the zone or the plan, or take a provider without a key (`carbonq grid providers`)"
            )
        access = self._read.mapping(f"zones.{self._zone}", listed[self._zone]).get("access", ["*"])
        return frozenset(str(path) for path in self._read.items(f"zones.{self._zone}.access", access))

    def _give_up_forecast(self) -> None:
        self._access = (self._access or frozenset()) - {FORECAST}
        notes = ("this key has no forecast", "without past-range the last 24 hours are all there is")
        self._capabilities = replace(
            self._capabilities,
            has_forecast=False,
            forecast_horizon=NOTHING,
            notes=notes[:1] if PAST_RANGE in self._access else notes,
        )

    # --- asking --------------------------------------------------------------------------------------------------
    async def _ask(self, path: str, window: dict[str, str]) -> object:
        factors = "lifecycle" if self._capabilities.key.basis is Basis.LIFECYCLE else "direct"
        params = {"zone": self._zone, "disableCallerLookup": "true", "emissionFactorType": factors, **window}
        body = await self._get_json(path, params)
        self._read.same_zone("zone", self._zone, self._read.member(body, "zone"))
        return body

    async def _get_json(self, path: str, params: dict[str, str]) -> object:
        accept = frozenset({200, 400, 401, 403, 404})
        answer = await self._transport.get(path, params, {"auth-token": self._token}, accept)
        if answer.status != 200:
            raise self._refusal(path, answer)
        self._answered, self._doubted = True, False
        return self._transport.json(answer, path)

    def _refusal(self, path: str, answer: Answer) -> CarbonSourceRejected | CarbonSourceUnavailable:
        reason = self._transport.redacted(answer.text)
        title = ELECTRICITY_MAPS.title
        if answer.status in (401, 403) and NOT_IN_PLAN.search(reason):
            return _NotInPlan(f"{title}: this key does not cover {path} for {self._zone}: {reason}")
        if answer.status == 401 and self._answered and not self._doubted:
            self._doubted = True
            return CarbonSourceUnavailable(
                f"{title} refused a key that was good before, as it does when it limits requests", THROTTLE_PAUSE
            )
        if answer.status == 404:
            return CarbonSourceUnavailable(f"{title} has no data for {self._zone} just now: {reason}")
        what = "the key" if answer.status in (401, 403) else f"zone {self._zone}"
        return CarbonSourceRejected(f"{title} refused {what} (HTTP {answer.status}): {reason}")

    # --- reading -------------------------------------------------------------------------------------------------
    def _forecast_of(self, body: object) -> CarbonForecast:
        now = self._clock.now()
        rows = self._still_to_come(self._history_rows(body, "forecast"))
        said = self._read.mapping("the answer", body).get("updatedAt")
        issued_at = self._read.moment("updatedAt", said) if said else reader.floored(now, ELECTRICITY_MAPS.resolution)
        return reader.forecast_of(self._capabilities.key, rows, min(issued_at, now), now)

    async def _past_range(self, interval: Interval, now: datetime) -> list[Row]:
        answers = []
        for piece in reader.past_chunks(interval, now, LONGEST_RANGE):
            # Whole hours, outwards, and `end` is exclusive: a piece stays within ten days.
            start = reader.floored(piece.start, timedelta(hours=1))
            window = {"start": _stamp(start), "end": _stamp(min(piece.end, start + LONGEST_RANGE))}
            answers.append(self._history_rows(await self._ask(PAST_RANGE, window), "data"))
        return reader.merged(*answers)

    def _history_rows(self, body: object, field: str) -> list[Row]:
        items = self._read.items(field, self._read.member(body, field))
        said = str(self._read.mapping("the answer", body).get("temporalGranularity", "hourly"))
        if said not in GRANULARITIES:
            raise self._read.wrong(f"temporalGranularity = {said!r} was not asked for")
        return self._read.in_order(self._rows(items, GRANULARITIES[said]))

    def _rows(self, items: list[object], length: timedelta) -> Iterator[Row]:
        for item in items:
            fields = self._read.mapping("a row", item)
            self._read.same_zone("zone", self._zone, fields.get("zone", self._zone))
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
