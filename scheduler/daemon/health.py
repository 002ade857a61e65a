"""What the daemon says of its own health."""

from __future__ import annotations

import os
from collections import Counter
from importlib.metadata import version

from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.parts import Parts
from scheduler.daemon.warm_up import FAILED
from scheduler.domain.gpus import Inventory
from scheduler.domain.lifecycle import JobState
from scheduler.ports import JobQuery
from scheduler.presenting.grid import grid_now
from scheduler.service_views.grid import Freshness, GridNow
from scheduler.service_views.site import AgentStatus, DaemonStatus, DatabaseStatus


def daemon_status(parts: Parts, desk: GridDesk, agent_pid: int | None) -> DaemonStatus:
    """Looks at everything; on the writer thread."""
    grid, inventory = grid_now(desk.case()), parts.live.inventory
    counts = Counter(job.state.value for job in parts.store.jobs(JobQuery()))
    database = _database(parts)
    return DaemonStatus(
        version=version("carbonq"),
        pid=os.getpid(),
        uid=os.getuid(),
        started_at=parts.live.started_at,
        now=parts.clock.now(),
        settings_file=str(parts.settings_file),
        state_dir=str(parts.paths.state),
        database=database,
        grid=grid,
        agent=AgentStatus(
            reachable=parts.live.agent_error is None,
            pid=agent_pid,
            host=inventory.host if inventory else None,
            launcher=parts.settings.worker.launcher,
            error=parts.live.agent_error,
        ),
        gpus=len(inventory.gpus) if inventory else None,
        cpu_slots=inventory.cpu_slots if inventory else None,
        meters=inventory.meters if inventory else None,
        jobs={state.value: counts[state.value] for state in JobState if counts[state.value]},
        warnings=_warnings(parts, grid, inventory),
    )


def status_line(parts: Parts) -> str:
    """One line for `systemctl status`."""
    shown = frozenset({JobState.RUNNING, JobState.QUEUED, JobState.SUSPENDED})
    by_state = Counter(job.state for job in parts.store.jobs(JobQuery(states=shown)))
    waiting = by_state[JobState.QUEUED] + by_state[JobState.SUSPENDED]
    return f"{by_state[JobState.RUNNING]} running, {waiting} waiting"


def _database(parts: Parts) -> DatabaseStatus:
    file = parts.paths.database
    # What was written last is in the log beside the file until that is taken in.
    sizes = [each.stat().st_size for each in (file, file.with_name(f"{file.name}-wal")) if each.exists()]
    size = sum(sizes) if sizes else None
    failing = (parts.live.storage_error,) if parts.live.storage_error is not None else ()
    return DatabaseStatus(url=str(file), size_bytes=size, problems=failing + parts.store.check())


def _warnings(parts: Parts, grid: GridNow, inventory: Inventory | None) -> tuple[str, ...]:
    found = []
    if os.getuid() == 0:
        found.append("the daemon runs as root, and so do its jobs; in user mode run it as yourself")
    if parts.live.fault is not None:
        found.append(
            f"the daemon fails each time it looks at the queue ({parts.live.fault}): what is planned or due may start, "
            "what is new may not be planned; its log has the details, please report them"
        )
    if parts.live.agent_error is not None:
        found.append(f"worker agent: {parts.live.agent_error}")
    if inventory is not None and inventory.degraded:
        found.append(inventory.degraded)
    for job, failing in parts.live.start_failures.keeping_on().items():
        found.append(f"job {job} does not start: {failing.words}; `carbonq cancel {job}` ends it")
    if parts.live.stand_in_because == FAILED:
        found.append(f"the queue is {FAILED}")
    if parts.live.price_problem is not None:
        found.append(parts.live.price_problem)
    if grid.freshness is Freshness.STALE:
        why = "; ".join(grid.because) or grid.last_error or "it has not been renewed"
        found.append(f"the forecast for {grid.zone} is stale ({grid.forecast_by}): {why}")
    if grid.freshness is Freshness.NONE:
        found.append("; ".join((f"{grid.zone}: {grid.forecast_by}", *grid.because)))
    return tuple(found)
