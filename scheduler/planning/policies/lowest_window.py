"""lowest-window: each job in one piece, where the expected intensity over its whole length is lowest.

The rule of the Carbon Aware SDK and CATS for one job, here for a queue that shares the places.
"""

from __future__ import annotations

from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook
from scheduler.planning.queue import plan_queue
from scheduler.planning.situation import Outcome, Situation
from scheduler.planning.windows import Room, cheapest_of, cheapest_window


def lowest_window(situation: Situation, outlook: Outlook) -> Outcome:
    return Outcome(plan_queue(situation, outlook, uninterrupted))


def uninterrupted(demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments | None:
    """The cheapest placement in one piece; for a running job, going on, or pausing once and paying for it."""
    going_on = room.goes_on(demand, situation.now)
    anew = cheapest_window(room, demand.work_from(situation.now + 1, situation.now), outlook, demand.wait_rate)
    return cheapest_of((going_on, anew), demand, outlook, situation.now)
