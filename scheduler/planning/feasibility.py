"""How long each job can still wait, and in which order jobs are to choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from scheduler.domain.plans import PlannableJob
from scheduler.planning.demand import Demand, predecessors_first
from scheduler.planning.situation import Situation


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
    if not any(demand.after for demand in demands):
        return {demand.id: demand.due for demand in demands}
    waiting = successors(demands)
    due: dict[int, int] = {}
    for demand in reversed(predecessors_first(demands)):
        due[demand.id] = min([demand.due, *(due[s.id] - s.work for s in waiting.get(demand.id, []))])
    return due


def wanted_ends(situation: Situation, due: Mapping[int, int]) -> dict[int, int]:
    """By when each job is to end so that it, and those that wait for it, may run longer than expected.

    That is its due time less its margin, but no earlier than first come, first served ends it: that can be done.
    """
    wanted = dict(due)
    if not any(demand.margin for demand in situation.demands):
        return wanted
    waiting = successors(situation.demands)
    for demand in reversed(predecessors_first(situation.demands)):
        usual = situation.run_now[demand.id][-1][1]
        others = [wanted[s.id] - s.work for s in waiting.get(demand.id, [])]
        wanted[demand.id] = min(due[demand.id], max(min([demand.due - demand.margin, *others]), usual))
    return wanted


def least_flexible_first(demands: tuple[Demand, ...], due: Mapping[int, int]) -> tuple[Demand, ...]:
    """By the time each can still wait; wide and long jobs before others that can wait as long."""
    slack = _slack(demands, due)
    return predecessors_first(sorted(demands, key=lambda d: (slack[d.id], -d.width * d.work, d.submitted, d.id)))


def hardest_to_place_first(demands: tuple[Demand, ...], due: Mapping[int, int]) -> tuple[Demand, ...]:
    """By slack in lengths of the job: a long job with a day to spare has fewer places to go than a short one.

    Interruptible jobs, which fill gaps, count as twice as flexible. Halves the gap that is left after placing in turn.
    """
    slack = _slack(demands, due)
    ease = {d.id: slack[d.id] / d.work * (2 if d.interruptible else 1) for d in demands}
    return predecessors_first(sorted(demands, key=lambda d: (ease[d.id], -d.width * d.work, d.submitted, d.id)))


def _slack(demands: tuple[Demand, ...], due: Mapping[int, int]) -> dict[int, int]:
    """The time each job can still wait, and those it waits for before it; negative where it must be late."""
    if not any(demand.after for demand in demands):
        return {demand.id: due[demand.id] - demand.earliest - demand.work for demand in demands}
    reachable: dict[int, int] = {}
    for demand in predecessors_first(demands):
        begin = max([demand.earliest, *(reachable[p] for p in demand.after)])
        reachable[demand.id] = begin + demand.work
    return {demand.id: due[demand.id] - reachable[demand.id] for demand in demands}
