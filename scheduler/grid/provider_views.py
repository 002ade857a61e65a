"""The table of `carbonq grid providers`: with the one in use marked, or for a zone that nobody uses yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.grid import registry, zones
from scheduler.service_views.grid import GridNow, ProviderRow


def provider_views(now: GridNow, credentials: Mapping[str, str]) -> tuple[ProviderRow, ...]:
    """Every provider, for the zone of `now`; a recorded series may be of a zone that no provider knows."""
    try:
        zone: str | None = zones.canonical(now.zone)
    except CarbonSourceRejected:
        zone = None
    return tuple(_view(row, now) for row in registry.providers(zone, credentials))


def views_for_zone(zone: str, credentials: Mapping[str, str] | None = None) -> tuple[ProviderRow, ...]:
    """What is ready for `zone`, asking neither a provider nor the daemon; CarbonSourceRejected where it is no zone."""
    return tuple(_view(row, None) for row in registry.providers(zone, credentials))


def _view(row: registry.ProviderRow, now: GridNow | None) -> ProviderRow:
    if now is None or row.name != now.source:
        return _unused(row)
    return replace(
        _unused(row),
        in_use=True,
        state="ready",
        zone=now.zone,
        freshness=now.freshness,
        last_error=now.last_error,
        notes=(*_unused(row).notes, *now.notes),
    )


def _unused(row: registry.ProviderRow) -> ProviderRow:
    return ProviderRow(
        source=row.name,
        title=row.title,
        in_use=False,
        state=row.state,
        zone=None,
        zones=row.covers,
        needs_key=row.needs_key,
        has_forecast=row.forecast_horizon.total_seconds() > 0,
        has_actuals=True,
        forecast_horizon_s=row.forecast_horizon.total_seconds(),
        resolution_s=row.resolution.total_seconds(),
        freshness=None,
        last_error=None,
        licence=row.licence,
        attribution=row.attribution,
        notes=(f"without paying: {row.free}",),
    )
