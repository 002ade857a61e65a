"""`carbonq grid setup` and `serve-recorded`: what concerns the grid and needs no daemon."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli import figures, options, times
from scheduler.cli.failures import EXIT_FAULT, EXIT_OK, Failure
from scheduler.cli.output import notice, say, say_json
from scheduler.cli.table import Column, table
from scheduler.paths import default_paths

if TYPE_CHECKING:
    from scheduler.grid.registry import ProviderRow
    from scheduler.grid.settings import SourceSettings
    from scheduler.grid.trial import Trial

FILE_HELP = "start,carbon_intensity_g_per_kwh; times in UTC."
COLUMNS = (
    Column("PROVIDER"),
    Column("STATE"),
    Column("FORECAST"),
    Column("FREE", cut=True),
    Column("LICENCE", cut=True, rank=1),
)


def setup(
    zone: Annotated[
        str | None, typer.Option("--zone", help="Where the machine is: GB, DE, London, US-CISO, ...")
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
    rows = tuple(row for row in providers(where) if row.state != "not for this zone")
    chosen = _source_settings(where, provider, base_url, rows)
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


def serve_recorded(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="start,carbon_intensity_g_per_kwh", show_default=False)
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8017,
    begin: Annotated[str | None, typer.Option("--from", help="When the series begins; else half is past.")] = None,
    own_time: Annotated[bool, typer.Option("--own-time", help="Move nothing: the series is of today.")] = False,
    speed: Annotated[float, typer.Option("--speed", min=1e-6, max=1e6, help="Seconds of the series in one.")] = 1.0,
    lag: Annotated[str | None, typer.Option("--lag", help="How late values come, in the series' time.")] = None,
    forecast_error_pct: Annotated[
        float, typer.Option("--forecast-error", help="Forecasts are off by so many %.")
    ] = 0.0,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Something that goes wrong; may be repeated.")
    ] = None,
) -> None:
    """Serve a series as every provider would, on this machine, to try carbonq without keys or network.

    Answers in each provider's own dialect, quirks included; the key is `loopback-key`, WattTime's user `loopback`.
    Ctrl-C stops it.
    """
    from scheduler.daemon.clock import SystemClock
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.loopback.serving import Served, how_to_use, open_server

    anchor = times.moment(begin, "--from", times.now())[0] if begin else None
    late = times.length(lag, "--lag") if lag else timedelta(0)
    served = Served(file, port, anchor, own_time, speed, late, forecast_error_pct / 100, _faults(fault or []))
    try:
        server = open_server(served, SystemClock())
    except CarbonDataError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"--port: {port} cannot be used: {error.strerror}") from None
    say("\n".join(how_to_use(server)))
    notice("serving; Ctrl-C stops it")
    server.serve_forever()


def _faults(names: list[str]) -> list[Any]:
    from scheduler.grid.loopback.faults import Fault

    known = {fault.value: fault for fault in Fault}
    for name in names:
        if name not in known:
            raise Failure(f"--fault: there is no '{name}'; known: {', '.join(known)}")
    return [known[name] for name in names]


# --- setup, step by step -----------------------------------------------------------------------------------------
def _asked_zone() -> str:
    """As the time zone suggests; a person at a terminal may say otherwise."""
    from scheduler.grid.time_zone import country_of_time_zone, machine_time_zone

    time_zone = machine_time_zone(os.environ)
    guess = country_of_time_zone(time_zone) if time_zone else None
    if sys.stdin.isatty():
        said = input(f"Where is the machine? A country, region or postcode{f' [{guess}]' if guess else ''}: ").strip()
        guess = said or guess
    if not guess:
        raise Failure("say where the machine is: --zone GB (or DE, London, GB-RG10, US-CISO, ...)")
    return guess


def _source_settings(
    zone: str, provider: str | None, base_url: str | None, rows: tuple[ProviderRow, ...]
) -> SourceSettings:
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.registry import best_provider
    from scheduler.grid.settings import SourceSettings

    try:
        name = provider or best_provider(SourceSettings(zone=zone))
        if provider and provider not in {row.name for row in rows}:
            raise Failure(f"{provider} does not cover {zone}; those that do: {', '.join(row.name for row in rows)}")
        keys = _asked_keys(next(row for row in rows if row.name == name))
        return SourceSettings(zone=zone, provider=name, base_url=base_url, credentials=keys)
    except (ValueError, CarbonDataError) as error:
        raise Failure(str(error)) from None


def _asked_keys(row: ProviderRow) -> dict[str, str]:
    if not row.credentials:
        return {}
    if not sys.stdin.isatty():
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
