"""The parts that the daemon's rooms share, wired in bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scheduler.config import Settings
from scheduler.daemon.live import Live
from scheduler.daemon.writer import Writer
from scheduler.paths import Paths
from scheduler.ports import Clock, Executor, SecretSpool, Store


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    paths: Paths
    clock: Clock
    store: Store
    spool: SecretSpool
    writer: Writer
    executor: Executor
    live: Live
    settings_file: Path
    """Where the settings came from, if it is there; whole, so that others find it too."""
