"""Opens a source from its settings, and says which providers there are; a client is imported when it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import cast

from scheduler.grid import zones
from scheduler.grid.catalogue import (
    CARBON_AWARE_SDK,
    EIA,
    ELECTRICITY_MAPS,
    ENERGINET,
    ENERGY_CHARTS,
    ENTSOE,
    OPENELECTRICITY,
    PROVIDERS,
    RECORDED,
    RTE,
    STATIC,
    UK_NESO,
    Provider,
)
from scheduler.grid.chain import Chain, linked
from scheduler.grid.settings import AUTO, SourceSettings
from scheduler.ports import CarbonSource, Clock

BY_MERIT = (ELECTRICITY_MAPS, UK_NESO, ENERGINET, ENERGY_CHARTS, EIA, OPENELECTRICITY, ENTSOE, STATIC)
"""In what order `auto` tries those that need no file."""


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """One line of `carbonq grid providers`."""

    name: str
    title: str
    covers: str
    needs_key: bool
    state: str
    """A closed word: `ready`, `needs key`, `needs file`, `needs base_url`, `not for this zone`."""
    free: str
    credentials: tuple[str, ...]
    """Names of the keys it asks for."""
    sign_up: str
    forecast_horizon: timedelta
    resolution: timedelta
    licence: str
    attribution: str


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    """The source that `settings` ask for; `auto` takes the best one that covers the zone.

    CarbonSourceRejected where the zone is unknown (with those spelled alike), CarbonDataInvalid where a file is wrong.
    """
    name = best_provider(settings) if settings.provider == AUTO else settings.provider
    chosen = replace(settings, provider=name)
    # One module a provider, named after it.
    module = import_module(f"scheduler.grid.{name.replace('-', '_')}")
    return cast(CarbonSource, module.open_source(chosen, clock))


def open_chain(settings: SourceSettings, clock: Clock) -> Chain:
    """As `open_source`, a chain of one; where the choice is ours, of all that cover the zone and have their keys.

    The chain passes over those that refuse or have no forecast, and says why.
    """
    ours = settings.provider == AUTO and not (settings.file or settings.base_url or settings.g_per_kwh is not None)
    if not ours:
        return Chain([open_source(settings, clock)], clock)
    names = _candidates(settings)
    return linked([(name, partial(open_source, replace(settings, provider=name), clock)) for name in names], clock)


def best_provider(settings: SourceSettings) -> str:
    """What `auto` stands for: a file or factor that was given, else the best source whose keys are at hand."""
    if settings.file is not None:
        return "recorded"
    if settings.g_per_kwh is not None:
        return STATIC.name
    return _candidates(settings)[0]


def _candidates(settings: SourceSettings) -> list[str]:
    """Names of those that cover the zone and have their keys; CarbonSourceRejected where nobody does."""
    zone = zones.canonical(settings.zone)
    found = [p.name for p in BY_MERIT if covers(p, zone) and has_keys(p, settings.credentials)]
    if not found:
        raise zones.unknown_zone(settings.zone, "carbonq")
    return found


def has_keys(provider: Provider, credentials: Mapping[str, str]) -> bool:
    return all(name in credentials for name in provider.credentials)


def covers(provider: Provider, zone: str) -> bool:
    """Whether `provider` can answer for a canonical zone."""
    match provider.name:
        case UK_NESO.name:
            return zones.in_great_britain(zone)
        case ENERGY_CHARTS.name:
            return zones.country(zone) in zones.ENERGY_CHARTS_COUNTRIES
        case EIA.name:
            return zones.eia_respondent(zone) is not None
        case ENERGINET.name:
            return zones.danish_area(zone) is not None
        case RTE.name:
            return zone == "FR"
        case OPENELECTRICITY.name:
            return zones.nem_region(zone) is not None
        case ENTSOE.name:
            return zones.entsoe_area(zone) is not None
        case STATIC.name:
            return zones.has_yearly_factor(zone)
        case _:
            return True


def providers(zone: str | None = None, credentials: Mapping[str, str] | None = None) -> tuple[ProviderRow, ...]:
    """Every provider, and whether it is ready for `zone` with the keys at hand."""
    wanted = None if zone is None else zones.canonical(zone)
    return tuple(_row(provider, _state(provider, wanted, credentials or {})) for provider in PROVIDERS)


def _state(provider: Provider, zone: str | None, credentials: Mapping[str, str]) -> str:
    if zone is not None and not covers(provider, zone):
        return "not for this zone"
    if not has_keys(provider, credentials):
        return "needs key"
    return {RECORDED.name: "needs file", CARBON_AWARE_SDK.name: "needs base_url"}.get(provider.name, "ready")


def _row(provider: Provider, state: str) -> ProviderRow:
    return ProviderRow(
        name=provider.name,
        title=provider.title,
        covers=provider.covers,
        needs_key=bool(provider.credentials),
        state=state,
        free=provider.free,
        credentials=provider.credentials,
        sign_up=provider.sign_up,
        forecast_horizon=provider.forecast_horizon,
        resolution=provider.resolution,
        licence=provider.licence,
        attribution=provider.attribution,
    )
