"""What the waiting price changed: where one job would run without it, the others being where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from scheduler.domain.places import FreePlaces, from_micros, to_micros
from scheduler.domain.plans import Placement, Plan, PlannableJob, PlanningProblem
from scheduler.domain.units import Emissions
from scheduler.planning.cost import emissions_g
from scheduler.planning.policies.suspend_resume import in_parts_or_whole
from scheduler.planning.settings import PLAIN
from scheduler.planning.situation import situation_from
from scheduler.planning.windows import Room

_QUICK = 500
"""Jobs of a plan up to which it is found out; in a longer one it would keep people waiting."""


def without_its_price(problem: PlanningProblem, plan: Plan, job_id: int) -> tuple[datetime, Emissions] | None:
    """(when it would end, what it would emit, PUE not included); None where nothing better is found, or looked for."""
    job, placement = problem.job(job_id), plan.placement(job_id)
    if placement is None or placement.late or job.run_now or len(plan.placements) > _QUICK:
        return None
    free_of_price = replace(job, patience_g_per_h=0.0, after=())
    situation = situation_from(replace(problem, jobs=(free_of_price,), expected=(), price=None), PLAIN, None)
    if situation.outlook is None or placement.emissions is None or not situation.demands:
        return None
    [demand], outlook = situation.demands, situation.outlook
    free = FreePlaces(problem.capacity.get(job.pool, 0), situation.now)
    for other in _others(problem, plan, job):
        for held in other.intervals:
            free.occupy(to_micros(held.start), to_micros(held.end), problem.job(other.job).width)
    begin = max([demand.earliest, *(to_micros(p.end) for p in plan.placements if p.job in job.after)])
    behind = {each.id for each in problem.jobs if job_id in each.after}
    end = min([demand.due, *(to_micros(p.start) for p in plan.placements if p.job in behind)])
    room = Room(*free.stretches(demand.width, begin, max(begin, end)))
    best = in_parts_or_whole(demand, room, situation, outlook) if room.starts.size else None
    if best is None or emissions_g(demand, best, outlook, situation.now) >= placement.emissions.grams:
        return None
    return from_micros(best[-1][1]), Emissions(emissions_g(demand, best, outlook, situation.now))


def _others(problem: PlanningProblem, plan: Plan, job: PlannableJob) -> Iterator[Placement]:
    """Placements in the same pool."""
    pools = {each.id: each.pool for each in problem.jobs}
    return (p for p in plan.placements if p.job != job.id and pools[p.job] is job.pool)
