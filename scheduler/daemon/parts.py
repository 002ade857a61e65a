"""The parts that the daemon's rooms share, wired in bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

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
