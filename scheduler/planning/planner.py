"""The port of this room: a problem and a policy's name in, a plan out."""

from __future__ import annotations

from dataclasses import replace

from scheduler.domain.errors import RequestError
from scheduler.domain.intervals import Interval
from scheduler.domain.places import from_micros
from scheduler.domain.plans import Placement, Plan, PlanningProblem
from scheduler.domain.units import Emissions
from scheduler.planning.cost import emissions_g
from scheduler.planning.policies import HEED_PRICES, POLICIES
from scheduler.planning.preference import preferred
from scheduler.planning.reasons import why
from scheduler.planning.settings import PLAIN, PlanningSettings
from scheduler.planning.situation import Demand, Outcome, Segments, Situation, situation_from


def plan(
    problem: PlanningProblem,
    policy: str,
    settings: PlanningSettings = PLAIN,
    previous: Plan | None = None,
) -> Plan:
    """One placement for every job that fits the machine; `previous` matters only to a policy with hysteresis."""
    if policy not in POLICIES:
        raise RequestError(f"there is no policy '{policy}'; choose one of {', '.join(POLICIES)}")
    situation = situation_from(problem, settings, previous)
    outcome = _outcome(situation, policy)
    return Plan(
        policy=policy,
        made_at=problem.now,
        placements=tuple(_placement(demand, outcome, situation) for demand in situation.demands),
        forecast_issued_at=problem.forecast.issued_at if problem.forecast is not None else None,
        lower_bound=None if outcome.lower_bound_g is None else Emissions(outcome.lower_bound_g),
        notes=(*_notes(situation), *outcome.notes),
        expected=tuple(_room_for(d, outcome.schedule[d.id]) for d in situation.expected if d.id in outcome.schedule),
        place_prices=outcome.place_prices,
    )


def _outcome(situation: Situation, policy: str) -> Outcome:
    if situation.outlook is None or situation.weighed is None or not situation.demands:
        return Outcome(situation.run_now)
    outcome = POLICIES[policy](situation, situation.outlook)
    if policy not in HEED_PRICES or not situation.weighs_more_than_emissions:
        return outcome
    # Planned by emissions first: that proves the bound, and it is there where the guard forbids what money would like.
    schedules = [outcome.schedule]
    if situation.weighed is not situation.outlook:
        unproven = replace(situation, settings=replace(situation.settings, prove=False))
        schedules.append(POLICIES[policy](unproven, situation.weighed).schedule)
    return preferred(outcome, [*schedules, situation.run_now], situation, situation.weighed)


def _placement(demand: Demand, outcome: Outcome, situation: Situation) -> Placement:
    segments, run_now = outcome.schedule[demand.id], situation.run_now[demand.id]
    return Placement(
        job=demand.id,
        intervals=_intervals(segments),
        emissions=_emissions(demand, segments, situation),
        run_now_emissions=_emissions(demand, run_now, situation),
        run_now_start=from_micros(run_now[0][0]),
        late=segments[-1][1] > demand.due,
        reason=why(demand, outcome.schedule, situation),
        place_price_g_per_h=outcome.job_prices.get(demand.id),
        energy_cost=_energy_cost(demand, segments, situation),
        run_now_energy_cost=_energy_cost(demand, run_now, situation),
    )


def _room_for(demand: Demand, segments: Segments) -> Placement:
    """Room left for work that is only expected: nothing is claimed of it."""
    return Placement(
        job=demand.id,
        intervals=_intervals(segments),
        emissions=None,
        run_now_emissions=None,
        run_now_start=from_micros(demand.earliest),
        late=False,
        reason="expected",
    )


def _intervals(segments: Segments) -> tuple[Interval, ...]:
    return tuple(Interval(from_micros(start), from_micros(end)) for start, end in segments)


def _emissions(demand: Demand, segments: Segments, situation: Situation) -> Emissions | None:
    if situation.outlook is None:
        return None
    return Emissions(emissions_g(demand, segments, situation.outlook, situation.now))


def _energy_cost(demand: Demand, segments: Segments, situation: Situation) -> float | None:
    """Money by the same rule as grams: a price for each kWh is to it what intensity is to emissions."""
    return None if situation.prices is None else emissions_g(demand, segments, situation.prices, situation.now)


def _notes(situation: Situation) -> tuple[str, ...]:
    priced = situation.prices.notes if situation.prices is not None else ()
    if situation.outlook is None:
        return ("no forecast: jobs run in order and nothing is claimed", *priced, *situation.left_out.values())
    return (*situation.outlook.notes, *priced, *situation.notes, *situation.left_out.values())
