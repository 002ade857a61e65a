"""What a placement is expected to emit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain

import numpy as np

from scheduler.domain.units import JOULES_PER_KWH
from scheduler.planning.demand import Demand, Schedule, Segments
from scheduler.planning.outlook import Outlook

_HOUR = 3_600_000_000
_GLANCE = 1_000_000
"""A second: the energy of a switch beyond its time is weighed with the intensity at its beginning."""


def emissions_g(demand: Demand, segments: Segments, outlook: Outlook, now: int) -> float:
    """Expected emissions of the whole placement [gCO2eq], switches included, PUE not."""
    return power_weighted(demand.watts, segments, outlook) + _switch_energy_g(demand, segments, outlook, now)


def weighed_g(demand: Demand, segments: Segments, outlook: Outlook, now: int) -> float:
    """What a placement is chosen by: what it emits by the given outlook, and the price of its delay [g]."""
    return emissions_g(demand, segments, outlook, now) + waiting_g(demand, segments)


def all_weighed_g(demands: Sequence[Demand], schedule: Schedule, outlook: Outlook, now: int) -> float:
    """`weighed_g` of all together."""
    return sum(weighed_g(demand, schedule[demand.id], outlook, now) for demand in demands)


def waiting_g(demand: Demand, segments: Segments) -> float:
    """The price of ending later than the job could, begun at its earliest start and run without a pause [g]."""
    return demand.patience_g_per_h * ((segments[-1][1] - demand.earliest - demand.work) / _HOUR)


def power_weighted(watts: float, segments: Segments, outlook: Outlook) -> float:
    return watts * sum(outlook.between(start, end) for start, end in segments) / JOULES_PER_KWH


def emissions_of(demands: Sequence[Demand], schedule: Schedule, outlook: Outlook, now: int) -> list[float]:
    """`emissions_g` of each demand's placement, all at once: a tenth of the time."""
    if not demands:
        return []
    placed = [schedule[demand.id] for demand in demands]
    spans = np.array(list(chain.from_iterable(chain.from_iterable(placed))), dtype=np.int64).reshape(-1, 2)
    first = np.array([0, *accumulate(map(len, placed[:-1]))])
    until = outlook.integral_to(spans)
    integrals = until[:, 1] - until[:, 0]
    watts = np.array([demand.watts for demand in demands])
    grams: list[float] = (watts * np.add.reduceat(integrals, first) / JOULES_PER_KWH).tolist()
    for k, demand in enumerate(demands):
        if demand.switch_joules:
            grams[k] += _switch_energy_g(demand, placed[k], outlook, now)
    return grams


def _switch_energy_g(demand: Demand, segments: Segments, outlook: Outlook, now: int) -> float:
    if not demand.switch_joules:
        return 0.0
    resumes = [start for start, _ in segments[1:]]
    if demand.running and segments[0][0] > now:
        resumes.append(segments[0][0])
    return sum(demand.switch_joules * outlook.between(t, t + _GLANCE) for t in resumes) / JOULES_PER_KWH
