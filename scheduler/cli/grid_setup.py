"""`carbonq grid setup`: from where the machine is to settings that were tried."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli import figures, options
from scheduler.cli.failures import EXIT_FAULT, EXIT_OK, Failure
from scheduler.cli.output import notice, say, say_json
from scheduler.cli.table import Column, table
from scheduler.paths import default_paths

if TYPE_CHECKING:
    from scheduler.grid.registry import ProviderRow
    from scheduler.grid.settings import SourceSettings
    from scheduler.grid.trial import Trial

UNNAMED = "unnamed"
"""A place whose zone only the provider knows, until it has been asked."""
COLUMNS = (
    Column("PROVIDER"),
    Column("STATE"),
    Column("FORECAST"),
    Column("FREE", cut=True),
    Column("LICENCE", cut=True, rank=1),
)


def setup(
    zone: Annotated[
        str | None, typer.Option("--zone", help="Where the machine is: GB, London, US-CISO, or latitude,longitude.")
    ] = None,
    provider: Annotated[str | None, typer.Option("--provider", help="Whom to ask; without it the best.")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Ask there instead of the provider's own.")] = None,
    as_json: options.Json = False,
) -> int:
    """Find out who knows how clean the power is here, try it, and print the settings for it.

    Nothing is written. Keys are asked for in the terminal, used for one try and forgotten.
    Exit status 1: the try failed.
    """
    from scheduler.grid.registry import providers

    where = zone or _asked_zone()
    around = _zone_around(where, provider)
    rows = tuple(row for row in providers(around) if row.state != "not for this zone")
    chosen = _located(_source_settings(around, provider, base_url, rows), where)
    trial = _tried(chosen)
    lines = _settings_lines(chosen, trial)
    if as_json:
        say_json(
            {"zone": trial.zone, "providers": [_row(row) for row in rows], "trial": _fields(trial), "settings": lines}
        )
    else:
        say(table(COLUMNS, [_cells(row) for row in rows]))
        say("\n".join(("", *trial.sentences())))
        if trial.works:
            say(f"\nPut this into {default_paths().settings_file}:\n\n" + "\n".join(lines))
    return EXIT_OK if trial.works else EXIT_FAULT


def _asks() -> bool:
    """Whether there is somebody to ask; a process that is begun with stdin closed has none at all."""
    return sys.stdin is not None and sys.stdin.isatty()


# --- step by step ------------------------------------------------------------------------------------------------
def _asked_zone() -> str:
    """As the time zone suggests; a person at a terminal may say otherwise."""
    from scheduler.grid.time_zone import country_of_time_zone, machine_time_zone

    time_zone = machine_time_zone(os.environ)
    guess = country_of_time_zone(time_zone) if time_zone else None
    if _asks():
        said = input(
            f"Where is the machine? Country, region, postcode or latitude,longitude{f' [{guess}]' if guess else ''}: "
        ).strip()
        guess = said or guess
    if not guess:
        raise Failure("say where the machine is: --zone GB (or DE, London, GB-RG10, US-CISO, 48.9,2.4, ...)")
    return guess


def _zone_around(where: str, provider: str | None) -> str | None:
    """The zone of a place, by the table of borders; None where that is not clear and the provider will say.

    Near a border a person at a terminal is asked.
    """
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid import zones
    from scheduler.grid.locating import LOOKUPS
    from scheduler.grid.places import place_of, zones_at

    try:
        place = place_of(where)
        if place is None:
            return where
        candidates = zones_at(place)
        if len(candidates) > 1 and provider not in LOOKUPS and _asks():
            return _chosen(candidates, f"{place} is near a border: {', '.join(candidates)}. Which is it? ")
        if len(candidates) != 1 and provider in LOOKUPS:
            return None
        zone = zones.canonical(where)
    except CarbonDataError as error:
        raise Failure(str(error)) from None
    notice(f"{place} is in {zone}")
    return zone


def _chosen(candidates: tuple[str, ...], question: str) -> str:
    while True:
        said = input(question).strip().upper()
        if said in candidates:
            return said


def _located(chosen: SourceSettings, where: str) -> SourceSettings:
    """With the provider's own name for the place, where it was a place and the provider has one."""
    from scheduler.daemon.clock import SystemClock
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.locating import LOOKUPS, located
    from scheduler.grid.places import place_of

    if chosen.provider not in LOOKUPS or place_of(where) is None:
        return chosen
    try:
        return asyncio.run(located(replace(chosen, zone=where), SystemClock()))
    except CarbonDataError as error:
        raise Failure(str(error)) from None


def _source_settings(
    zone: str | None, provider: str | None, base_url: str | None, rows: tuple[ProviderRow, ...]
) -> SourceSettings:
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.registry import best_provider
    from scheduler.grid.settings import SourceSettings

    try:
        name = provider or best_provider(SourceSettings(zone=zone or UNNAMED))
        if provider and provider not in {row.name for row in rows}:
            raise Failure(f"{provider} does not cover {zone}; those that do: {', '.join(row.name for row in rows)}")
        keys = _asked_keys(next(row for row in rows if row.name == name))
        return SourceSettings(zone=zone or UNNAMED, provider=name, base_url=base_url, credentials=keys)
    except (ValueError, CarbonDataError) as error:
        raise Failure(str(error)) from None


def _asked_keys(row: ProviderRow) -> dict[str, str]:
    if not row.credentials:
        return {}
    if not _asks():
        raise Failure(f"{row.name} needs a key ({row.sign_up}); run this in a terminal, where it can be asked for")
    notice(f"keys of {row.title} are given out at {row.sign_up}")
    return {name: getpass.getpass(f"{name}: ") for name in row.credentials}


def _tried(chosen: SourceSettings) -> Trial:
    from scheduler.daemon.clock import SystemClock
    from scheduler.grid.trial import try_source

    return asyncio.run(try_source(chosen, SystemClock()))


def _settings_lines(chosen: SourceSettings, trial: Trial) -> list[str]:
    lines = ["[grid]", f'zone = "{trial.zone}"', f'provider = "{chosen.provider}"']
    if chosen.base_url:
        lines.append(f'base_url = "{chosen.base_url}"')
    if chosen.credentials:
        keys = default_paths().config / "keys.toml"
        lines.append(f'credentials_file = "{keys}"')
        lines.append(f"# {keys}, mode 0600: " + ", ".join(f'{name} = "..."' for name in chosen.credentials))
    return lines


def _cells(row: ProviderRow) -> list[Any]:
    reach = row.forecast_horizon
    return [row.name, row.state, figures.duration(reach.total_seconds()) if reach else "none", row.free, row.licence]


def _row(row: ProviderRow) -> dict[str, Any]:
    said = asdict(row)
    return {
        "source": said.pop("name"),
        "forecast_horizon_s": said.pop("forecast_horizon").total_seconds(),
        "resolution_s": said.pop("resolution").total_seconds(),
        **said,
    }


def _fields(trial: Trial) -> dict[str, Any]:
    moments = {"forecast_until": trial.forecast_until, "observed_until": trial.observed_until}
    return asdict(trial) | {name: moment.isoformat() if moment else None for name, moment in moments.items()}
