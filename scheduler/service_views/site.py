"""The machine and its daemon: GPUs and CPU slots, and the health that `carbonq doctor` reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.gpus import Pool
from scheduler.service_views.grid import GridNow


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRow:
    """One place where a job can run: a GPU, or a CPU slot on a machine without any."""

    id: str
    """The GPU's UUID, or `cpu-0`, `cpu-1`, ..."""
    pool: Pool
    name: str
    memory_bytes: int | None
    power_limit_w: float | None
    power_w: float | None
    job: int | None
    """The job that holds it now."""
    other_pids: tuple[int, ...]
    """Processes on it that are not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    url: str
    """Without its password."""
    size_bytes: int | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """The worker agent, as the daemon last saw it."""

    reachable: bool
    pid: int | None
    host: str | None
    launcher: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """All that `carbonq doctor` can learn from a daemon that answers."""

    version: str
    pid: int
    uid: int
    started_at: datetime
    now: datetime
    settings_file: str
    """Which the daemon reads when it starts, whether it is there or not."""
    state_dir: str
    database: DatabaseStatus
    grid: GridNow
    agent: AgentStatus
    gpus: int | None
    """None, as the next two, until the agent has answered for the first time."""
    cpu_slots: int | None
    meters: tuple[str, ...] | None
    """Metering methods available here, best first."""
    jobs: dict[str, int]
    """Number of jobs by state, states without any left out."""
    warnings: tuple[str, ...]
