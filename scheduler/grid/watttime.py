"""WattTime, version 3: marginal intensity by five minutes, in pounds a megawatt-hour, as far as an account's plan goes.

History fills in late and is replaced for a week: after the first time only what was updated since is asked for. Both
ends of a range are inclusive, so pieces overlap by a row. A new model is a new series in all but name: when it changes,
history is read again whole, so that no stretch is of two models.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import (
    CarbonForecast,
    IntensityObservation,
    IntensityStatus,
    SignalKind,
    SourceCapabilities,
)
from scheduler.domain.errors import CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.domain.units import G_PER_KWH_PER_LB_PER_MWH
from scheduler.grid import reader, watttime_index
from scheduler.grid.catalogue import NOTHING, WATTTIME
from scheduler.grid.kept_history import KeptHistory
from scheduler.grid.places import Place, place_of
from scheduler.grid.reader import Reader, Row
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.watttime_account import Account
from scheduler.grid.watttime_signal import FORECAST, SIGNALS, RegionSignal
from scheduler.ports import CarbonSource, Clock

HISTORICAL, REGION_FROM_LOC = "v3/historical", "v3/region-from-loc"
POUNDS = "lbs_co2_per_mwh"
HORIZON_HOURS = 72
LONGEST_RANGE = timedelta(days=30)
NO_AVERAGES_AHEAD = "averages have no forecast"


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    region = region_of(settings.zone)
    kind = settings.kind or WATTTIME.kind
    provider = replace(WATTTIME, kind=kind, claims_savings=kind is not SignalKind.INDEX)
    capabilities = provider.capabilities(
        provider.key(region),
        forecast_horizon=None if kind is SignalKind.MARGINAL else NOTHING,
        no_forecast=NO_AVERAGES_AHEAD if kind is SignalKind.AVERAGE else None,
        notes=(watttime_index.NOTE,) if kind is SignalKind.INDEX else (),
    )
    transport = Transport.for_provider(provider, settings, clock)
    client = watttime_index.WattTimeIndex if kind is SignalKind.INDEX else WattTime
    return client(Account.of(settings, transport, clock), capabilities, transport, clock)


def region_of(zone: str) -> str:
    """Regions are WattTime's own, and only WattTime knows which of them a place lies in."""
    if place_of(zone):
        asked = f"carbonq grid setup --provider watttime --zone {zone}"
        raise CarbonSourceRejected(f"{WATTTIME.title} has regions of its own; `{asked}` finds which one that is")
    return zone.upper().removeprefix("US-")


async def locate(place: Place, settings: SourceSettings, clock: Clock) -> str:
    """WattTime's region there, for the signal that is asked for."""
    transport = Transport.for_provider(WATTTIME, settings, clock)
    signal = SIGNALS[settings.kind or WATTTIME.kind]
    params = {"latitude": f"{place.latitude:g}", "longitude": f"{place.longitude:g}", "signal_type": signal}
    try:
        answer = await Account.of(settings, transport, clock).get(REGION_FROM_LOC, params)
        if answer.status != 200:
            reason = transport.redacted(answer.text)
            raise CarbonSourceRejected(f"{WATTTIME.title} has no region at {place} (HTTP {answer.status}): {reason}")
        return str(Reader(WATTTIME.title).member(transport.json(answer, REGION_FROM_LOC), "region"))
    finally:
        await transport.close()


class WattTime(RegionSignal):
    """Marginal or average intensity."""

    PATHS = frozenset({FORECAST, HISTORICAL})

    def __init__(self, account: Account, capabilities: SourceCapabilities, transport: Transport, clock: Clock) -> None:
        super().__init__(account, capabilities, transport, clock)
        self._kept = KeptHistory()
        self._kept_model: str | None = None

    async def forecast(self) -> CarbonForecast | None:
        if not self._capabilities.has_forecast or not await self._may(FORECAST):
            return None
        body = await self._ask(FORECAST, {"horizon_hours": str(HORIZON_HOURS)}, POUNDS)
        now = self._clock.now()
        rows = self._still_to_come(self._rows(body, IntensityStatus.FORECAST))
        issued_at = self._read.moment("meta.generated_at", self._read.member(body, "meta", "generated_at"))
        method = f"provider, {self._model(body) or 'model not named'}"
        return reader.forecast_of(self._capabilities.key, rows, min(issued_at, now), now, method)

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        if interval.start >= now or not await self._may(HISTORICAL):
            return ()
        span = Interval(interval.start, now)
        since = self._kept.updated_since(interval)
        if since is not None:
            fresh, model = await self._history(span, now, {"updated_since": since.isoformat()})
            if model in (None, self._kept_model):
                self._kept.update(fresh, interval.start, now)
                return self._observed(self._kept.rows, interval)
        whole, self._kept_model = await self._history(span, now, {})
        self._kept.replace(whole, interval.start, now)
        return self._observed(self._kept.rows, interval)

    async def _history(self, interval: Interval, now: datetime, extra: dict[str, str]) -> tuple[list[Row], str | None]:
        """The rows, and the model that all of them are of."""
        answers, models = [], set()
        for piece in reader.past_chunks(interval, now, LONGEST_RANGE):
            window = {"start": piece.start.isoformat(), "end": piece.end.isoformat(), "include_imputed_marker": "true"}
            body = await self._ask(HISTORICAL, {**window, **extra}, POUNDS)
            answers.append(self._rows(body, IntensityStatus.ACTUAL))
            models.add(self._model(body))
        if len(models) > 1:
            raise CarbonSourceUnavailable(
                f"{WATTTIME.title} changed its model while it was read; it will be asked again"
            )
        return reader.merged(*answers), models.pop() if models else None

    def _rows(self, body: object, status: IntensityStatus) -> list[Row]:
        model = self._model(body)
        unit = f"lb/MWh, {model}" if model else "lb/MWh"
        return self._read.in_order(self._row(*point, status, unit) for point in self._points(body))

    def _row(
        self, interval: Interval, value: object, fields: dict[str, object], status: IntensityStatus, unit: str
    ) -> Row:
        at = f"value at {interval.start:%Y-%m-%d %H:%M} UTC"
        updated = fields.get("last_updated")
        return Row(
            interval,
            self._read.intensity(at, value, G_PER_KWH_PER_LB_PER_MWH),
            IntensityStatus.ESTIMATED if fields.get("imputed_data_used") else status,
            self._read.moment("last_updated", updated) if updated else None,
            self._read.number("value", value),
            unit,
        )
