"""The loopback grid with a made-up week of weather around a fake clock, for tests that want real HTTP."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from fakes.clock import NOON

from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.grid.loopback.dialect import FREE_KEY, KEY
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid
from scheduler.grid.loopback.server import LoopbackServer

__all__ = ["FREE_KEY", "KEY", "KEYS", "Fault", "LoopbackGrid", "LoopbackServer", "grid_server", "made_up_series"]

KEYS = {"watttime_user": "loopback", "watttime_password": KEY} | dict.fromkeys(
    ("eia", "electricity_maps", "entsoe", "openelectricity"), KEY
)
"""Good keys for every dialect."""
STEP = timedelta(minutes=5)


def made_up_series(around: datetime = NOON, days: int = 8) -> StepSeries:
    """Five-minute values from `days` before to `days` after: dirty in the evening, no two hours alike."""
    start = around - timedelta(days=days)
    return StepSeries.of(
        (Interval(start + n * STEP, start + (n + 1) * STEP), _intensity(start + n * STEP))
        for n in range(int(2 * timedelta(days=days) / STEP))
    )


def grid_server(
    now: Callable[[], datetime], series: StepSeries | None = None, lag: timedelta = timedelta(0)
) -> LoopbackServer:
    """Use as a context manager; `url('uk-neso')` is what that client's base_url must be."""
    return LoopbackServer(LoopbackGrid(series if series is not None else made_up_series(now()), now, lag=lag))


def _intensity(at: datetime) -> float:
    hours = at.timestamp() / 3600
    daily = 90 * math.cos((hours - 19) / 24 * 2 * math.pi)
    weekly = 40 * math.sin(hours / 24 / 7 * 2 * math.pi)
    return round(210 + daily + weekly + 5 * math.sin(hours), 1)
