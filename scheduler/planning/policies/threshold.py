"""threshold, weekly-threshold: run while the intensity is among the lowest 30 % of the next day, or week.

What may not pause starts once it is that low; at the last moment a job runs anyway. The rule of thumb behind many
scripts; with pauses it is Ecovisor's (Souza et al., ASPLOS 2023), as GAIA (ASPLOS 2024) has it in its comparison.
"""

from __future__ import annotations

import numpy as np

from scheduler.domain.places import Micros
from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.alone import Rule, begun_at, each_by_its_rule, intensity_at, quantile_until, walked
from scheduler.planning.situation import Outcome, Situation
from scheduler.planning.windows import Room

_SHARE = 0.3
_DAY = 86_400_000_000
_ROUNDING = 1 + 1e-12


def threshold(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, _below(situation, outlook, _DAY))


def weekly_threshold(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, _below(situation, outlook, 7 * _DAY))


def _below(situation: Situation, outlook: Outlook, over: int) -> Rule:
    level = quantile_until(_SHARE, situation.now, situation.now + over, outlook) * _ROUNDING

    def first_below(demand: Demand, starts: Micros, situation: Situation, outlook: Outlook) -> int:
        low = np.flatnonzero(intensity_at(starts, outlook) <= level)
        return int(starts[low[0] if low.size else -1])

    def below(demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments | None:
        if demand.interruptible:
            return walked(demand, room, situation, outlook, lambda done, running: level)
        return begun_at(first_below)(demand, room, situation, outlook)

    return below
