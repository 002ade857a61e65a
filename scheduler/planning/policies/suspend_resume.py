"""suspend-resume: interruptible jobs run in the cheapest stretches before their deadline and pay for each pause.

After "Let's Wait Awhile" (Wiesner et al., Middleware 2021), with switches priced and places shared.
"""

from __future__ import annotations

import numpy as np

from scheduler.domain.series import Floats
from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.lowest_window import uninterrupted
from scheduler.planning.queue import plan_queue
from scheduler.planning.situation import Outcome, Situation
from scheduler.planning.windows import Room, cheapest_of, cheapest_pauses

_THRESHOLDS = 24
_THRESHOLDS_OF_A_LONG_QUEUE = 8
_LONG_QUEUE = 100


def suspend_resume(situation: Situation, outlook: Outlook) -> Outcome:
    thresholds = _thresholds(
        outlook, _THRESHOLDS if len(situation.demands) < _LONG_QUEUE else _THRESHOLDS_OF_A_LONG_QUEUE
    )

    def choose(demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments | None:
        return in_parts_or_whole(demand, room, situation, outlook, thresholds)

    return Outcome(plan_queue(situation, outlook, choose))


def in_parts_or_whole(
    demand: Demand, room: Room, situation: Situation, outlook: Outlook, thresholds: Floats | None = None
) -> Segments | None:
    """The cheapest placement of one job; `thresholds`: levels to pause above, else those for a short queue."""
    whole = uninterrupted(demand, room, situation, outlook)
    if not demand.interruptible:
        return whole
    levels = _thresholds(outlook, _THRESHOLDS) if thresholds is None else thresholds
    parts = cheapest_pauses(room, demand, situation.now, outlook, levels)
    return cheapest_of((whole, parts), demand, outlook, situation.now)


def _thresholds(outlook: Outlook, count: int) -> Floats:
    """Levels worth trying, spread over the values that the forecast holds."""
    return np.unique(np.quantile(outlook.values, np.linspace(0, 1, count + 1)[1:], method="higher"))
