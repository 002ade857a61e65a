"""How long each job can still wait, and in which order jobs are to choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from scheduler.domain.plans import PlannableJob
from scheduler.planning.situation import Demand, predecessors_first


def latest_safe_start(job: PlannableJob) -> datetime:
    """Begun later than this and run without a pause, it misses its deadline."""
    return job.finish_by - job.remaining


def successors(demands: Iterable[Demand]) -> dict[int, list[Demand]]:
    """For each job, those that wait for it."""
    waiting: dict[int, list[Demand]] = {}
    for demand in demands:
        for predecessor in demand.after:
            waiting.setdefault(predecessor, []).append(demand)
    return waiting


def due_with_successors(demands: tuple[Demand, ...]) -> dict[int, int]:
    """When each job must have finished for itself and for those that wait for it."""
    waiting = successors(demands)
    due: dict[int, int] = {}
    for demand in reversed(predecessors_first(demands)):
        due[demand.id] = min([demand.due, *(due[s.id] - s.work for s in waiting.get(demand.id, []))])
    return due


def least_flexible_first(demands: tuple[Demand, ...], due: Mapping[int, int]) -> tuple[Demand, ...]:
    """By the time each can still wait; wide and long jobs before others that can wait as long."""
    reachable: dict[int, int] = {}
    slack: dict[int, int] = {}
    for demand in predecessors_first(demands):
        begin = max([demand.earliest, *(reachable[p] for p in demand.after)])
        reachable[demand.id] = begin + demand.work
        slack[demand.id] = due[demand.id] - reachable[demand.id]
    return predecessors_first(sorted(demands, key=lambda d: (slack[d.id], -d.width * d.work, d.submitted, d.id)))
