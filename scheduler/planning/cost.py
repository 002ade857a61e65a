"""What a placement is expected to emit."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.domain.units import JOULES_PER_KWH
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import Demand, Schedule, Segments

_HOUR = 3_600_000_000
_GLANCE = 1_000_000
"""A second: the energy of a switch beyond its time is weighed with the intensity at its beginning."""


def emissions_g(demand: Demand, segments: Segments, outlook: Outlook, now: int) -> float:
    """Expected emissions of the whole placement [gCO2eq], switches included, PUE not."""
    return power_weighted(demand.watts, segments, outlook) + _switch_energy_g(demand, segments, outlook, now)


def weighed_g(demand: Demand, segments: Segments, outlook: Outlook, now: int) -> float:
    """What a placement is chosen by: what it emits by the given outlook, and the price of its delay [g]."""
    return emissions_g(demand, segments, outlook, now) + waiting_g(demand, segments)


def waiting_g(demand: Demand, segments: Segments) -> float:
    """The price of ending later than the job could, begun at its earliest start and run without a pause [g]."""
    return demand.patience_g_per_h * ((segments[-1][1] - demand.earliest - demand.work) / _HOUR)


def power_weighted(watts: float, segments: Segments, outlook: Outlook) -> float:
    return watts * sum(outlook.between(start, end) for start, end in segments) / JOULES_PER_KWH


def schedule_emissions_g(demands: Iterable[Demand], schedule: Schedule, outlook: Outlook, now: int) -> float:
    return sum(emissions_g(demand, schedule[demand.id], outlook, now) for demand in demands)


def _switch_energy_g(demand: Demand, segments: Segments, outlook: Outlook, now: int) -> float:
    if not demand.switch_joules:
        return 0.0
    resumes = [start for start, _ in segments[1:]]
    if demand.running and segments[0][0] > now:
        resumes.append(segments[0][0])
    return sum(demand.switch_joules * outlook.between(t, t + _GLANCE) for t in resumes) / JOULES_PER_KWH
