"""`carbonq grid serve-recorded`: a series from a file, served as every provider would, to try things without keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.domain.intervals import from_epoch
from scheduler.domain.series import StepSeries
from scheduler.grid import series_file
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid
from scheduler.grid.loopback.server import LoopbackServer
from scheduler.grid.recorded import Replay
from scheduler.ports import Clock


@dataclass(frozen=True, slots=True)
class Served:
    """What to serve, and how well. Lengths are in the time of the series."""

    file: Path
    port: int = 0
    """0 takes any that is free."""
    anchor: datetime | None = None
    """When the series begins; without one, so that half of it has been seen by now."""
    in_its_own_time: bool = False
    """Nothing is moved: the series is of today."""
    speed: float = 1.0
    lag: timedelta = timedelta(0)
    """How long after its end a value is published."""
    forecast_error: float = 0.0
    """By how much every forecast is off, as a share of the value."""
    faults: Sequence[Fault] = ()


def open_server(served: Served, clock: Clock) -> LoopbackServer:
    """A server that is ready to be entered, or to serve for ever; CarbonDataInvalid names what is wrong in the file."""
    series = series_file.read_series(served.file)
    replay = _replay(served, series, clock.now())
    grid = LoopbackGrid(
        replay.on_wall(series),
        clock.now,
        lag=replay.length_on_wall(served.lag),
        forecast_error=served.forecast_error,
    )
    server = LoopbackServer(grid, served.port)
    for fault in served.faults:
        server.faults.turn_on(fault)
    return server


def _replay(served: Served, series: StepSeries, now: datetime) -> Replay:
    first, last = from_epoch(float(series.starts[0])), from_epoch(float(series.ends[-1]))
    if served.in_its_own_time:
        return Replay(first, first)
    return Replay(first, served.anchor or now - (last - first) / 2 / served.speed, served.speed)


def how_to_use(server: LoopbackServer) -> tuple[str, ...]:
    """One line a provider: what to set so that it is asked here."""
    return tuple(f"{name}: grid.provider = '{name}', grid.base_url = '{server.url(name)}'" for name in server.dialects)
