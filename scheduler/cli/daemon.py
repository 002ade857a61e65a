"""`carbonq daemon`: run the scheduler in the foreground, with its worker agent beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from scheduler.cli import options
from scheduler.cli.failures import EXIT_FAULT, Failure
from scheduler.cli.output import say_json
from scheduler.paths import default_paths

app = options.command_app()


@app.command()
def daemon(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file (TOML) instead of the user's.")] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="Grid zone: GB, DE, FR, ... (grid.zone)")] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", help="Who is asked for intensity. (grid.provider)")
    ] = None,
    pue: Annotated[
        float | None, typer.Option("--pue", help="Power usage effectiveness of the site. (site.pue)")
    ] = None,
    policy: Annotated[str | None, typer.Option("--policy", help="How jobs are placed. (planning.policy)")] = None,
    cpu_slots: Annotated[
        int | None, typer.Option("--cpu-slots", help="Jobs without a GPU that may run at once. (worker.cpu_slots)")
    ] = None,
    agent_socket: Annotated[
        Path | None, typer.Option("--agent-socket", help="Use the worker agent that listens there; start none.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
    as_json: options.Json = False,
) -> None:
    """Run the scheduler in the foreground.

    SIGTERM or Ctrl-C stops it; jobs that run go on without it. With --json one value is printed when it has stopped;
    its log is on stderr either way.
    """
    if config is not None and not config.is_file():
        raise Failure(f"--config: there is no file {config}")
    from scheduler.config import load_settings
    from scheduler.domain.errors import CarbonqError, SettingsError

    flags = _flags(zone=zone, provider=provider, pue=pue, policy=policy, cpu_slots=cpu_slots)
    try:
        # A slip in the settings is said before the rest of the daemon, which takes seconds, is loaded.
        load_settings(config or default_paths().settings_file, os.environ, flags)
        from scheduler.bootstrap import DaemonOptions, run_daemon

        run_daemon(DaemonOptions(config, flags, verbose, agent_socket))
    except SettingsError as error:
        raise Failure(_listed(error.mistakes), "settings") from None
    except CarbonqError as error:
        # Not 2, which systemd takes for good: another daemon may end, a lock be released, a disk be given room.
        raise Failure(f"the daemon cannot go on: {error}", "daemon", EXIT_FAULT) from None
    if as_json:
        say_json({"stopped": True})


def _flags(**given: Any) -> dict[str, dict[str, Any]]:
    """By section, as scheduler.config reads them."""
    sections = {"zone": "grid", "provider": "grid", "pue": "site", "policy": "planning", "cpu_slots": "worker"}
    flags: dict[str, dict[str, Any]] = {}
    for key, value in given.items():
        if value is not None:
            flags.setdefault(sections[key], {})[key] = value
    return flags


def _listed(mistakes: tuple[str, ...]) -> str:
    if len(mistakes) == 1:
        return f"the settings are wrong: {mistakes[0]}"
    return "\n  ".join([f"the settings are wrong in {len(mistakes)} places:", *mistakes])
