"""exact-window: each job in the lowest window of its own, in order of arrival (CATS; Carbon Aware SDK)."""

from __future__ import annotations

from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.alone import each_by_its_rule
from scheduler.planning.situation import Outcome, Situation
from scheduler.planning.windows import Room, cheapest_window


def exact_window(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, _lowest)


def _lowest(demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments | None:
    if demand.running:
        return room.goes_on(demand, situation.now)
    return cheapest_window(room, demand.work, outlook)
