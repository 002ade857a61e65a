"""Why a job starts when it does, in one of a few closed words."""

from __future__ import annotations

from scheduler.domain.units import JOULES_PER_KWH, Emissions
from scheduler.planning.demand import Demand, Schedule
from scheduler.planning.openings import Openings
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import Situation

_EQUAL = 1 - 1e-9


def why(
    demand: Demand, schedule: Schedule, situation: Situation, openings: Openings, emitted: Emissions | None
) -> str:  # fmt: skip
    """A word of `Placement.reason`: what decided the start; `openings` are those of the schedule."""
    segments = schedule[demand.id]
    start = segments[0][0]
    if demand.running and start == situation.now:
        return "running"
    if situation.outlook is None:
        return "no-forecast"
    if segments[-1][1] > demand.due or demand.due - demand.margin - demand.work <= situation.now:
        return "due"
    opening = None if demand.run_now else openings.before(demand)
    if opening is not None and _is_let_pass(opening, demand, situation.outlook, emitted):
        return "carbon-window"
    if demand.after and start == max(schedule[p][-1][1] for p in demand.after):
        return "dependency"
    return "resources" if start > demand.earliest else "run-now"


def _is_let_pass(opening: tuple[int, int], demand: Demand, outlook: Outlook, emitted: Emissions | None) -> bool:
    """Whether it is for what it would have emitted that a job does not begin there.

    Where there is room for a part of it alone, that it would have to pause may be why as well.
    """
    length = opening[1] - opening[0]
    if length >= demand.work:
        return True
    there_g = demand.watts * demand.work * outlook.between(*opening) / length / JOULES_PER_KWH
    return emitted is not None and emitted.grams < there_g * _EQUAL
