"""WattTime, version 3: marginal intensity by five minutes, in pounds a megawatt-hour, behind a half-hour token.

History fills in late and is replaced for a week: after the first time only what was updated since is asked for. Both
ends of a range are inclusive, so pieces overlap by a row.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import (
    CarbonForecast,
    IntensityObservation,
    IntensityStatus,
    SignalKind,
    SourceCapabilities,
)
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.domain.units import G_PER_KWH_PER_LB_PER_MWH
from scheduler.grid import reader
from scheduler.grid.catalogue import NOTHING, WATTTIME
from scheduler.grid.kept_history import KeptHistory
from scheduler.grid.reader import Reader, Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Answer, Transport
from scheduler.grid.web_source import WebSource
from scheduler.ports import CarbonSource, Clock

logger = logging.getLogger(__name__)

SIGNALS = {SignalKind.MARGINAL: "co2_moer", SignalKind.AVERAGE: "co2_aoer"}
UNITS = "lbs_co2_per_mwh"
HORIZON_HOURS = 72
LONGEST_RANGE = timedelta(days=30)
TOKEN_LIFE = timedelta(minutes=25)
"""The token lasts 30 minutes; it is renewed before anybody notices."""
KEPT = timedelta(days=35)
"""How much history is kept to be brought up to date."""


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    user = settings.credential(WATTTIME, "watttime_user")
    password = settings.credential(WATTTIME, "watttime_password")
    kind = settings.kind or WATTTIME.kind
    if kind not in SIGNALS:
        raise CarbonSourceRejected(
            f"{WATTTIME.title}: an {kind} has no unit and cannot be accounted with; choose marginal or average"
        )
    provider = replace(WATTTIME, kind=kind)
    region = settings.zone.upper().removeprefix("US-")
    averages_only = kind is SignalKind.AVERAGE
    capabilities = provider.capabilities(
        provider.key(region),
        forecast_horizon=NOTHING if averages_only else None,
        notes=("averages have no forecast",) if averages_only else (),
    )
    transport = Transport.for_provider(provider, settings, clock)
    return WattTime(region, Login(transport, clock, user, password), capabilities, transport, clock)


class Login:
    """The token, renewed before it expires; callers who need a new one at once wait for one request."""

    def __init__(self, transport: Transport, clock: Clock, user: str, password: str) -> None:
        self._transport = transport
        self._clock = clock
        self._basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._token: str | None = None
        self._fresh_until: datetime | None = None
        self._renewing = asyncio.Lock()

    async def token(self) -> str:
        async with self._renewing:
            if self._token is None or self._fresh_until is None or self._clock.now() >= self._fresh_until:
                self._token = await self._log_in()
                self._fresh_until = self._clock.now() + TOKEN_LIFE
            return self._token

    def refused(self, token: str) -> None:
        """That token is no longer good; the next caller logs in."""
        if token == self._token:
            self._token = None

    async def _log_in(self) -> str:
        headers = {"Authorization": f"Basic {self._basic}"}
        answer = await self._transport.get("login", (), headers, frozenset({200, 401, 403}))
        if answer.status != 200:
            raise CarbonSourceRejected(
                f"{WATTTIME.title} refused the login (HTTP {answer.status}); check watttime_user and watttime_password"
            )
        token = str(Reader(WATTTIME.title).member(self._transport.json(answer, "login"), "token"))
        self._transport.keep_secret(token)
        return token


class WattTime(WebSource):
    def __init__(
        self, region: str, login: Login, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._region = region
        self._login = login
        self._signal = SIGNALS[capabilities.key.kind]
        self._kept = KeptHistory(KEPT)

    async def forecast(self) -> CarbonForecast | None:
        if not self._capabilities.has_forecast:
            return None
        body = await self._ask("v3/forecast", {"horizon_hours": str(HORIZON_HOURS)})
        now = self._clock.now()
        rows = self._still_to_come(self._rows(body, IntensityStatus.FORECAST))
        issued_at = self._read.moment("meta.generated_at", self._read.member(body, "meta", "generated_at"))
        method = f"provider, {self._model(body)}"
        return reader.forecast_of(self._capabilities.key, rows, min(issued_at, now), now, method)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        if interval.start >= now:
            return ()
        since = self._kept.updated_since(interval)
        span = Interval(interval.start, now)
        if since is None:
            self._kept.replace(await self._history(span, now, {}), interval.start, now)
        else:
            self._kept.update(await self._history(span, now, {"updated_since": since.isoformat()}), now)
        return self._observed(self._kept.rows, interval)

    async def _history(self, interval: Interval, now: datetime, extra: dict[str, str]) -> list[Row]:
        answers = []
        for piece in reader.past_chunks(interval, now, LONGEST_RANGE):
            window = {"start": piece.start.isoformat(), "end": piece.end.isoformat(), "include_imputed_marker": "true"}
            body = await self._ask("v3/historical", {**window, **extra})
            answers.append(self._rows(body, IntensityStatus.ACTUAL))
        return reader.merged(*answers)

    # --- asking --------------------------------------------------------------------------------------------------
    async def _ask(self, path: str, params: dict[str, str]) -> object:
        """The answer, checked to be about our region and signal; a token that has expired is renewed once."""
        asked = {"region": self._region, "signal_type": self._signal, **params}
        answer = await self._get(path, asked)
        if answer.status == 401:
            answer = await self._get(path, asked)
        if answer.status != 200:
            raise self._refusal(path, answer)
        body = self._transport.json(answer, path)
        self._read.same_zone("region", self._region, self._read.member(body, "meta", "region"))
        self._read.same_zone("signal_type", self._signal, self._read.member(body, "meta", "signal_type"))
        return body

    async def _get(self, path: str, params: dict[str, str]) -> Answer:
        token = await self._login.token()
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._transport.get(path, params, headers, frozenset({200, 400, 401, 403, 404, 422}))
        if answer.status == 401:
            self._login.refused(token)
        return answer

    def _refusal(self, path: str, answer: Answer) -> CarbonSourceRejected:
        reason = self._transport.redacted(answer.text)
        if answer.status == 403:
            return CarbonSourceRejected(
                f"{WATTTIME.title}: your plan does not cover {path} for {self._region} "
                f"({WATTTIME.free} is free): {reason}"
            )
        return CarbonSourceRejected(f"{WATTTIME.title} refused {self._region} (HTTP {answer.status}): {reason}")

    # --- reading -------------------------------------------------------------------------------------------------
    def _rows(self, body: object, status: IntensityStatus) -> list[Row]:
        self._read.same_zone("units", UNITS, self._read.member(body, "meta", "units"))
        self._log_warnings(body)
        period = self._read.number(
            "data_point_period_seconds", self._read.member(body, "meta", "data_point_period_seconds")
        )
        items = self._read.items("data", self._read.member(body, "data"))
        return self._read.in_order(self._points(items, timedelta(seconds=period), status))

    def _points(self, items: list[object], length: timedelta, status: IntensityStatus) -> Iterator[Row]:
        for item in items:
            fields = self._read.mapping("a point", item)
            start = self._read.moment("point_time", self._read.member(item, "point_time"))
            value = self._read.member(item, "value")
            if value is None:
                continue
            g_per_kwh = self._read.intensity(f"value at {start:%Y-%m-%d %H:%M} UTC", value, G_PER_KWH_PER_LB_PER_MWH)
            updated = fields.get("last_updated")
            yield Row(
                Interval(start, start + length),
                g_per_kwh,
                IntensityStatus.ESTIMATED if fields.get("imputed_data_used") else status,
                self._read.moment("last_updated", updated) if updated else None,
                self._read.number("value", value),
                "lb/MWh",
            )

    def _model(self, body: object) -> str:
        """A new model is a new series in all but name, so forecasts say which one made them."""
        model = self._read.mapping("meta", self._read.member(body, "meta")).get("model")
        return f"model {model['date']}" if isinstance(model, dict) and "date" in model else "model not named"

    def _log_warnings(self, body: object) -> None:
        warnings = self._read.mapping("meta", self._read.member(body, "meta")).get("warnings")
        if warnings:
            said = self._transport.redacted(warnings)
            logger.debug("provider warns", extra={"provider": WATTTIME.title, "warning": said})
