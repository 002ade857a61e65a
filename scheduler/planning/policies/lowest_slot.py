"""lowest-slot: start in the slot with the lowest intensity, whatever comes after it (GAIA, ASPLOS 2024)."""

from __future__ import annotations

import numpy as np

from scheduler.domain.places import Micros
from scheduler.planning.demand import Demand
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.alone import begun_at, each_by_its_rule, intensity_at
from scheduler.planning.situation import Outcome, Situation


def lowest_slot(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, begun_at(_in_the_lowest))


def _in_the_lowest(demand: Demand, starts: Micros, situation: Situation, outlook: Outlook) -> int:
    return int(starts[np.argmin(intensity_at(starts, outlook))])
