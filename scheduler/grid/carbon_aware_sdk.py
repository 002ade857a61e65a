"""The Carbon Aware SDK's WebAPI, for sites that run one: whatever its own source gives, passed through.

What kind of value that is, it does not say: the settings must (`kind`, `accounting`, `basis`). Points of a forecast are
rolling means over `windowSize`, so none is asked for and each point is its own window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import CarbonForecast, IntensityObservation
from scheduler.domain.errors import CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, rhythm
from scheduler.grid.catalogue import CARBON_AWARE_SDK, NOTHING
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Answer, Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

OBSERVED, FORECAST = "emissions/bylocation", "emissions/forecasts/current"
LONGEST_RANGE = timedelta(days=7)
AROUND = timedelta(days=1)
"""Asked for on both sides of every interval, to know how long points without a duration hold, whatever their step."""


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    if settings.base_url is None:
        raise CarbonSourceRejected(f"{CARBON_AWARE_SDK.title} runs at your site; set grid.base_url to its address")
    provider = replace(
        CARBON_AWARE_SDK,
        kind=settings.kind or CARBON_AWARE_SDK.kind,
        accounting=settings.accounting or CARBON_AWARE_SDK.accounting,
        basis=settings.basis or CARBON_AWARE_SDK.basis,
    )
    # Locations are the deployment's own names, case and all.
    capabilities = provider.capabilities(provider.key(settings.zone))
    return CarbonAwareSdk(capabilities, Transport.for_provider(provider, settings, clock), clock)


class CarbonAwareSdk(WebSource):
    async def forecast(self) -> CarbonForecast | None:
        now = self._clock.now()
        answer = await self._ask(FORECAST, {"location": self._location})
        if answer.status == 501:
            self._give_up_forecast()
            return None
        if answer.status == 204:
            raise CarbonSourceUnavailable(f"{CARBON_AWARE_SDK.title} has no forecast for {self._location} just now")
        found = self._read.items("the answer", self._transport.json(answer, FORECAST))
        if not found:
            raise CarbonSourceUnavailable(f"{CARBON_AWARE_SDK.title} has no forecast for {self._location} just now")
        self._read.same_zone("location", self._location, self._read.member(found[0], "location"))
        issued_at = self._read.moment("generatedAt", self._read.member(found[0], "generatedAt"))
        points = self._read.items("forecastData", self._read.member(found[0], "forecastData"))
        rows = self._still_to_come(self._read.in_order(self._point(point) for point in points))
        return reader.forecast_of(self._capabilities.key, rows, min(issued_at, now), now)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        answers = []
        now = self._clock.now()
        for piece in reader.past_chunks(interval, now, LONGEST_RANGE - 2 * AROUND):
            asked = rhythm.widened(piece, AROUND, now)
            window = {"time": asked.start.isoformat(), "toTime": asked.end.isoformat()}
            answer = await self._ask(OBSERVED, {"location": self._location, **window})
            if answer.status == 200:
                items = self._read.items("the answer", self._transport.json(answer, OBSERVED))
                answers.append(reader.overlapping(self._read.in_order(self._ratings(items)), piece))
        return self._observed(reader.merged(*answers), interval)

    @property
    def _location(self) -> str:
        return self._capabilities.key.zone

    def _give_up_forecast(self) -> None:
        why = "the source behind the WebAPI has no forecast"
        self._capabilities = replace(self._capabilities, has_forecast=False, forecast_horizon=NOTHING, no_forecast=why)

    async def _ask(self, path: str, params: dict[str, str]) -> Answer:
        answer = await self._transport.get(path, params, accept=frozenset({200, 204, 400, 404, 501}))
        if answer.status in (400, 404):
            reason = self._transport.redacted(answer.text)
            raise CarbonSourceRejected(
                f"{CARBON_AWARE_SDK.title} refused {self._location} (HTTP {answer.status}): {reason}; its /locations "
                "lists what it knows"
            )
        return answer

    def _point(self, point: object) -> Row:
        start = self._read.moment("timestamp", self._read.member(point, "timestamp"))
        minutes = self._read.number("duration", self._read.member(point, "duration"))
        value = self._read.member(point, "value")
        return self._row(start, timedelta(minutes=minutes), "value", value)

    def _ratings(self, items: list[object]) -> Iterator[Row]:
        """One without a duration lasts as its neighbours tell; one that has neither is left out."""
        starts = [self._read.moment("time", self._read.member(item, "time")) for item in items]
        lengths = rhythm.lengths(starts)
        for item, start in zip(items, starts, strict=True):
            self._read.same_zone("location", self._location, self._read.member(item, "location"))
            said = self._read.mapping("a rating", item).get("duration")
            length = self._duration(said) if said else lengths.get(start)
            if length is not None:
                yield self._row(start, length, "rating", self._read.member(item, "rating"))

    def _duration(self, said: object) -> timedelta:
        """.NET writes hh:mm or hh:mm:ss."""
        parts = str(said).split(":")
        if not 2 <= len(parts) <= 3 or not all(part.isdigit() for part in parts):
            raise self._read.wrong(f"duration = {said!r} is not hh:mm:ss")
        hours, minutes, seconds = (int(part) for part in [*parts, "0"][:3])
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)

    def _row(self, start: datetime, length: timedelta, field: str, value: object) -> Row:
        if length <= timedelta(0):
            raise self._read.wrong(f"a row has no length at {start:%Y-%m-%d %H:%M} UTC")
        return Row(
            Interval(start, start + length), self._read.intensity(f"{field} at {start:%Y-%m-%d %H:%M} UTC", value)
        )
