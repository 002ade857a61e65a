"""threshold, weekly-threshold: start once the intensity is among the lowest 30 % of the next day, or week.

At the last moment a job starts anyway. The rule of thumb behind many scripts, compared in GAIA (ASPLOS 2024).
"""

from __future__ import annotations

import numpy as np

from scheduler.domain.places import Micros
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.alone import StartRule, begun_at, each_by_its_rule, intensity_at, quantile_until
from scheduler.planning.situation import Demand, Outcome, Situation

_SHARE = 0.3
_DAY = 86_400_000_000


def threshold(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, begun_at(_below(situation, outlook, _DAY)))


def weekly_threshold(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, begun_at(_below(situation, outlook, 7 * _DAY)))


def _below(situation: Situation, outlook: Outlook, over: int) -> StartRule:
    level = quantile_until(_SHARE, situation.now, situation.now + over, outlook)

    def first_below(demand: Demand, starts: Micros, situation: Situation, outlook: Outlook) -> int:
        low = np.flatnonzero(intensity_at(starts, outlook) <= level * (1 + 1e-12))
        return int(starts[low[0] if low.size else -1])

    return first_below
