"""Why a job starts when it does, in one of a few closed words."""

from __future__ import annotations

from scheduler.planning.demand import Demand, Schedule
from scheduler.planning.situation import Situation


def why(demand: Demand, schedule: Schedule, situation: Situation, gains: bool) -> str:
    """A word of `Placement.reason`: what decided the start; `gains`: whether one that is later than usual may pay."""
    segments, usual = schedule[demand.id], situation.run_now[demand.id]
    start = segments[0][0]
    if demand.running and start == situation.now:
        return "running"
    if situation.outlook is None:
        return "no-forecast"
    if segments[-1][1] > demand.due or demand.due - demand.margin - demand.work <= situation.now:
        return "due"
    if gains and start > usual[0][0]:
        return "carbon-window"
    if demand.after and start == max(schedule[p][-1][1] for p in demand.after):
        return "dependency"
    return "resources" if start > demand.earliest else "run-now"
