"""Opens a source whose intensity is computed from what a zone generates: known zone, key, choice of factors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from scheduler.domain.carbon import SourceCapabilities
from scheduler.grid import zones
from scheduler.grid.catalogue import Provider
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.ports import CarbonSource, Clock

IMPORTS_NOTE = "imports are left out"


class MixClient(Protocol):
    """A client's constructor; `area` is the zone by the provider's own name."""

    def __call__(
        self, area: str, key: str, capabilities: SourceCapabilities, transport: Transport, clock: Clock, /
    ) -> CarbonSource: ...


def open_mix_source(
    provider: Provider,
    client: MixClient,
    area_of: Callable[[str], str | None],
    known: Iterable[str],
    settings: SourceSettings,
    clock: Clock,
    notes: tuple[str, ...] = (),
) -> CarbonSource:
    """`area_of` knows a canonical zone or gives None, which is refused with those of `known` that are spelled alike."""
    zone = zones.canonical(settings.zone)
    area = area_of(zone)
    if area is None:
        raise zones.unknown_zone(settings.zone, provider.title, known)
    (name,) = provider.credentials
    key = settings.credential(provider, name)
    chosen = replace(provider, basis=settings.basis or provider.basis)
    capabilities = chosen.capabilities(chosen.key(zone), notes=(IMPORTS_NOTE, *notes))
    return client(area, key, capabilities, Transport.for_provider(chosen, settings, clock), clock)
