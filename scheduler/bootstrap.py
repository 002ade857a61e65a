"""Settings to a wired daemon: the one file that knows every room."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from socket import socket
from typing import Any

from tzlocal import get_localzone

from scheduler.api.app import create_app
from scheduler.api.callers import owner_only, whoever_connects
from scheduler.api.server import ApiServer, bind
from scheduler.config import Settings, load_settings
from scheduler.daemon.agent_keeper import AgentKeeper, agent_command
from scheduler.daemon.cleaning import Cleaner
from scheduler.daemon.clock import SystemClock
from scheduler.daemon.daemon import Daemon
from scheduler.daemon.dispatcher import Dispatcher
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.grid_poller import GridPoller
from scheduler.daemon.live import Live
from scheduler.daemon.local_service import LocalService
from scheduler.daemon.logging_setup import set_up_logging
from scheduler.daemon.notify import ServiceNotifier
from scheduler.daemon.parts import Parts
from scheduler.daemon.price_desk import PriceDesk
from scheduler.daemon.review import Reviewer
from scheduler.daemon.settlement import Settler
from scheduler.daemon.warm_up import WarmUp, warm_up_command
from scheduler.daemon.writer import Writer
from scheduler.dispatch.replanning import Trigger
from scheduler.domain.errors import CarbonDataError, SettingsError
from scheduler.executors.agent_socket import AgentExecutor
from scheduler.grid.chain import Chain
from scheduler.grid.keys import load_keys, without_keys
from scheduler.grid.provider_views import provider_views
from scheduler.grid.registry import open_chain
from scheduler.grid.series_file import read_prices
from scheduler.grid.settings import SourceSettings
from scheduler.grid.time_zone import country_of_time_zone, machine_time_zone
from scheduler.inherited_socket import inherited_socket
from scheduler.paths import Paths, default_paths
from scheduler.planning import COMPILED, WARMED_UP, warm_up
from scheduler.ports import Clock, Store
from scheduler.storage import FileSecretSpool, open_store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """What the command line may say; None leaves it to the settings."""

    settings_file: Path | None = None
    flags: Mapping[str, Mapping[str, Any]] | None = None
    verbose: bool = False
    agent_socket: Path | None = None
    """An agent that somebody else keeps; without one the daemon keeps its own."""


def run_daemon(options: DaemonOptions) -> None:
    """Run until SIGTERM or SIGINT. CarbonqError where it cannot start; nothing has been changed then."""
    # A watchdog ends a daemon that hangs with SIGABRT: the log then says where each thread was.
    faulthandler.enable(2)
    environ = dict(os.environ)
    paths = default_paths(environ)
    settings = load_settings(_settings_file(options, paths), environ, options.flags)
    set_up_logging(options.verbose, under_systemd="JOURNAL_STREAM" in environ)
    _make_directories(paths, own_agent=options.agent_socket is None)
    asyncio.run(_run(_with_launcher(settings, environ), paths, options, environ))


async def _run(settings: Settings, paths: Paths, options: DaemonOptions, environ: Mapping[str, str]) -> None:
    clock = SystemClock()
    source, notes = _open_source(settings, clock, environ)
    handed_over = _handed_over(environ)
    listener = handed_over or bind(paths.api_socket)
    writer = Writer()
    store = await writer(open_store, paths.database)
    await _remember_forecasts(source, store, writer)
    agent_socket = options.agent_socket or paths.agent_socket
    executor = AgentExecutor(agent_socket, paths.locks)
    live = Live(started_at=clock.now())
    spool, settings_file = FileSecretSpool(paths.secrets), _settings_file(options, paths)
    parts = Parts(settings, paths, clock, store, spool, writer, executor, live, settings_file)

    poller = GridPoller(
        source,
        store,
        writer,
        clock,
        settings.grid.poll,
        lambda: dispatcher.wake(Trigger.FORECAST),
        members=source.members,
    )
    desk = GridDesk(poller, store, clock, settings.planning.stale_after, notes)
    source.fall_back_on_history(lambda said: writer(desk.sees_ahead, said))
    settler = Settler(parts, desk)
    reviewer = Reviewer(parts, desk, settler)
    cleaner = Cleaner(parts)
    dispatcher = Dispatcher(parts, desk.forecast, settler.wake, PriceDesk(settings.planning, read_prices))
    keeper = None
    if options.agent_socket is None:
        command = agent_command(agent_socket, paths.runs, settings.worker.cpu_slots, settings.worker.launcher)
        keeper = AgentKeeper(command, without_keys(environ), paths.state / "agent.log")
    warming = None
    if COMPILED and settings.planning.policy in WARMED_UP:
        log, ready = paths.state / "warm_up.log", lambda: dispatcher.wake(Trigger.PLANNER)
        warming = WarmUp(warm_up_command(), without_keys(environ), log, live, warm_up, ready)

    credentials = load_keys(settings.grid.credentials_file, environ)
    service = LocalService(
        parts,
        dispatcher,
        desk,
        settler,
        reviewer,
        cleaner,
        providers=lambda now: provider_views(now, credentials),
        agent_pid=lambda: keeper.pid if keeper else None,
        time_zone=_time_zone(),
    )
    app = create_app(service, whoever_connects if handed_over else owner_only)
    server = ApiServer(app, listener)
    notifier = ServiceNotifier(environ)
    if os.getuid() == 0 and options.agent_socket is None:
        logger.warning("running as root, and so will the jobs: in user mode run the daemon as yourself")
    await Daemon(
        parts, dispatcher, desk, settler, reviewer, cleaner, keeper, warming, notifier, server.serve, server.stop
    ).run()


def _settings_file(options: DaemonOptions, paths: Paths) -> Path:
    return (options.settings_file or paths.settings_file).absolute()


def _open_source(settings: Settings, clock: Clock, environ: Mapping[str, str]) -> tuple[Chain, tuple[str, ...]]:
    """The source as set, and what a reader should know of how it was chosen; SettingsError where it cannot be."""
    grid = settings.grid
    zone, notes = (grid.zone, ()) if grid.zone else _guessed_zone(environ, grid.file is not None)
    try:
        chosen = SourceSettings(
            zone=zone,
            provider=grid.provider,
            base_url=grid.base_url,
            timeout=grid.timeout,
            credentials=load_keys(grid.credentials_file, environ),
            file=grid.file,
            forecast_file=grid.forecast_file,
            origin=grid.origin,
            anchor=grid.anchor,
            speed=grid.speed,
            g_per_kwh=grid.g_per_kwh,
            lag=grid.lag,
            kind=grid.kind,
            accounting=grid.accounting,
            basis=grid.basis,
        )
        return open_chain(chosen, clock), notes
    except (ValueError, CarbonDataError) as error:
        raise SettingsError((f"grid: {error}",)) from error


async def _remember_forecasts(source: Chain, store: Store, writer: Writer) -> None:
    """The chain is told whose forecast was good before the restart, so that an outage spans it unnoticed."""
    for key in source.keys:
        newest = await writer(store.latest_forecast, key)
        if newest is not None:
            source.remember(newest)


def _guessed_zone(environ: Mapping[str, str], recorded: bool) -> tuple[str, tuple[str, ...]]:
    time_zone = machine_time_zone(environ)
    country = country_of_time_zone(time_zone) if time_zone else None
    if country is not None:
        return country, (f"zone {country} is guessed from the time zone {time_zone}; set grid.zone to be sure",)
    if recorded:
        return "recorded", ()
    raise SettingsError(
        (
            "grid.zone is not set and the machine's time zone does not tell the country; start with "
            "`carbonq daemon --zone GB` (or DE, FR, ...), or write it into the settings file",
        )
    )


def _handed_over(environ: Mapping[str, str]) -> socket | None:
    """The API's socket where systemd keeps it: its mode and group say who may call."""
    try:
        return inherited_socket(environ)
    except ValueError as error:
        raise SettingsError((str(error),)) from error


def _with_launcher(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """`auto` made definite: in a unit of the user's systemd runs need units too, else a restart of ours ends them."""
    if settings.worker.launcher != "auto":
        return settings
    chosen = "systemd-user" if "MANAGERPID" in environ and "NOTIFY_SOCKET" in environ else "fork"
    return settings.model_copy(update={"worker": settings.worker.model_copy(update={"launcher": chosen})})


def _make_directories(paths: Paths, own_agent: bool) -> None:
    folders = [paths.state, paths.runtime, paths.locks, paths.secrets]
    try:
        for folder in [*folders, paths.runs] if own_agent else folders:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(
            (f"{error.filename} cannot be made ({error.strerror}); check who owns its parent",)
        ) from error


def _time_zone() -> tzinfo:
    """The machine's own, for sentences that name a time; UTC where its name is not one."""
    try:
        return get_localzone()
    except (LookupError, ValueError, OSError):
        return UTC
