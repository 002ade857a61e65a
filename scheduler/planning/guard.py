"""No plan is worse than first come, first served: the promise every policy keeps."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.planning.cost import emissions_of
from scheduler.planning.demand import Schedule
from scheduler.planning.situation import Situation


def first_sound(schedules: Iterable[Schedule], situation: Situation) -> Schedule:
    """The first that keeps the promise; run-now itself where none does."""
    return next((s for s in schedules if no_worse_than_run_now(s, situation)), situation.run_now)


def no_worse_than_run_now(schedule: Schedule, situation: Situation) -> bool:
    """Each job in time that run-now has in time, and with as many late ones no more emissions, whatever is weighed."""
    late, usually_late = late_jobs(schedule, situation), late_jobs(situation.run_now, situation)
    if late - usually_late or not _in_turn(schedule, situation):
        return False
    return len(late) < len(usually_late) or _emissions_g(schedule, situation) <= sum(situation.run_now_g)


def late_jobs(schedule: Schedule, situation: Situation) -> set[int]:
    return {d.id for d in situation.demands if schedule[d.id][-1][1] > d.due}


def _in_turn(schedule: Schedule, situation: Situation) -> bool:
    """Whether every job begins after those it waits for have ended."""
    return all(schedule[d.id][0][0] >= schedule[p][-1][1] for d in situation.demands for p in d.after)


def _emissions_g(schedule: Schedule, situation: Situation) -> float:
    if situation.outlook is None:
        return 0.0
    return sum(emissions_of(situation.demands, schedule, situation.outlook, situation.now))
