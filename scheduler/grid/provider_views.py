"""The table of `carbonq grid providers`, with the one in use marked."""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.grid import registry, zones
from scheduler.service_views import GridNow, ProviderRow


def provider_views(now: GridNow, credentials: Mapping[str, str]) -> tuple[ProviderRow, ...]:
    """Every provider, for the zone of `now`; a recorded series may be of a zone that no provider knows."""
    try:
        zone: str | None = zones.canonical(now.zone)
    except CarbonSourceRejected:
        zone = None
    return tuple(_view(row, now) for row in registry.providers(zone, credentials))


def _view(row: registry.ProviderRow, now: GridNow) -> ProviderRow:
    in_use = row.name == now.source
    return ProviderRow(
        source=row.name,
        title=row.title,
        in_use=in_use,
        state="ready" if in_use else row.state,
        zone=now.zone if in_use else None,
        zones=row.covers,
        needs_key=row.needs_key,
        has_forecast=row.forecast_horizon.total_seconds() > 0,
        has_actuals=True,
        forecast_horizon_s=row.forecast_horizon.total_seconds(),
        resolution_s=row.resolution.total_seconds(),
        freshness=now.freshness if in_use else None,
        last_error=now.last_error if in_use else None,
        licence=row.licence,
        attribution=row.attribution,
        notes=(f"without paying: {row.free}", *(now.notes if in_use else ())),
    )
