"""The grid just now and ahead: intensity, who says so, how fresh it is, and who else could be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scheduler.domain.carbon import IntensityStatus, LinkState


@dataclass(frozen=True, slots=True)
class IntensitySlot:
    """Carbon intensity of one slot [gCO2eq/kWh], with the band where there is one."""

    start: datetime
    end: datetime
    g_per_kwh: float
    p10_g_per_kwh: float | None = None
    p90_g_per_kwh: float | None = None


class ForecastLink(StrEnum):
    """Which kind of link of the chain is planned with; closed list, published in docs/reference.md."""

    PROVIDER = "provider"
    """A provider's own forecast, corrected and carried on by ours where enough is known."""
    BUILT_IN = "built-in"
    """Our own forecaster, from the history of one source."""
    STATIC = "static"
    """A yearly factor: jobs run at once and nothing is claimed."""
    NONE = "none"
    """Nothing is known of the hours ahead: jobs run in their order and nothing is claimed."""


@dataclass(frozen=True, slots=True)
class ChainLinkView:
    """One of those that are asked for the zone in turn, the best first."""

    name: str
    """A provider, or `built-in`."""
    state: LinkState
    reason: str | None
    """What ails it."""


class Freshness(StrEnum):
    """State of what is known of the grid; closed list, published in docs/reference.md."""

    FRESH = "fresh"
    STALE = "stale"
    """The last good forecast is used, with its age."""
    NONE = "none"
    """No forecast: jobs run by deadline and order alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridNow:
    """Carbon intensity just now, where it comes from and how old it is."""

    zone: str
    source: str
    kind: str
    accounting: str
    basis: str
    g_per_kwh: float | None
    status: IntensityStatus | None
    start: datetime | None
    end: datetime | None
    """The slot the value is for."""
    age_s: float | None
    """Since the value was fetched."""
    freshness: Freshness
    forecast_issued_at: datetime | None
    forecast_age_s: float | None
    last_error: str | None
    next_poll_at: datetime | None
    link: ForecastLink
    forecast_by: str
    """The same in words, with the source."""
    because: tuple[str, ...]
    """Why the better links of the chain are not planned with."""
    links: tuple[ChainLinkView, ...]
    """The whole chain, the best first."""
    observed_until: datetime | None
    """End of the newest value that is recorded of the last week."""
    attribution: str
    licence: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridForecastView:
    """The newest forecast for the zone; no slots where there is none."""

    zone: str
    source: str
    kind: str
    accounting: str
    basis: str
    method: str | None
    issued_at: datetime | None
    fetched_at: datetime | None
    age_s: float | None
    freshness: Freshness
    link: ForecastLink
    forecast_by: str
    """The same in words, with the source."""
    because: tuple[str, ...]
    """Why the better links of the chain are not planned with."""
    slots: tuple[IntensitySlot, ...]
    attribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """One provider carbonq can ask, and how it is doing where it is in use."""

    source: str
    title: str
    in_use: bool
    state: str = "ready"
    """`ready`, `needs key`, `needs file` or `not for this zone`."""
    zone: str | None
    """The zone it is set to, where it is in use."""
    zones: str
    """Which zones it covers, in words."""
    needs_key: bool
    has_forecast: bool
    has_actuals: bool
    forecast_horizon_s: float
    resolution_s: float
    freshness: Freshness | None
    last_error: str | None
    licence: str
    attribution: str
    notes: tuple[str, ...]
