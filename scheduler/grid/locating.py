"""From a place to the zone of the provider that is to be asked: by the provider itself where it has a lookup."""

from __future__ import annotations

from dataclasses import replace

from scheduler.grid import electricity_maps, watttime, zones
from scheduler.grid.catalogue import ELECTRICITY_MAPS, WATTTIME
from scheduler.grid.places import place_of
from scheduler.grid.settings import SourceSettings
from scheduler.ports import Clock

LOOKUPS = {ELECTRICITY_MAPS.name: electricity_maps.locate, WATTTIME.name: watttime.locate}
"""Those that say themselves which of their zones a place lies in; NESO takes postcodes as they are."""


async def located(settings: SourceSettings, clock: Clock) -> SourceSettings:
    """The same with a zone in place of a place. CarbonDataError where there is none, or where several may be meant."""
    place = place_of(settings.zone)
    if place is None:
        return settings
    lookup = LOOKUPS.get(settings.provider)
    zone = await lookup(place, settings, clock) if lookup else zones.canonical(settings.zone)
    return replace(settings, zone=zone)
