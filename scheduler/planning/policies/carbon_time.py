"""carbon-time: the start that saves most for each hour until the job is done (GAIA, ASPLOS 2024)."""

from __future__ import annotations

import numpy as np

from scheduler.domain.places import Micros
from scheduler.planning.demand import Demand
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.alone import begun_at, each_by_its_rule
from scheduler.planning.situation import Outcome, Situation


def carbon_time(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, begun_at(_most_saved_an_hour))


def _most_saved_an_hour(demand: Demand, starts: Micros, situation: Situation, outlook: Outlook) -> int:
    emitted = outlook.integral_to(starts + demand.work) - outlook.integral_to(starts)
    return int(starts[np.argmax((emitted[0] - emitted) / (starts + demand.work - situation.now))])
