"""The port of this room: a problem and a policy's name in, a plan out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scheduler.domain.errors import RequestError
from scheduler.domain.intervals import Interval
from scheduler.domain.places import from_micros
from scheduler.domain.plans import Placement, Plan, PlanningProblem
from scheduler.domain.units import Emissions
from scheduler.planning.cost import emissions_of
from scheduler.planning.demand import Schedule, Segments
from scheduler.planning.openings import Openings
from scheduler.planning.policies import HEED_PRICES, POLICIES
from scheduler.planning.preference import preferred
from scheduler.planning.reasons import why
from scheduler.planning.settings import PLAIN, PlanningSettings
from scheduler.planning.situation import Outcome, Situation, situation_from


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
        placements=_placements(outcome, situation, previous),
        forecast_issued_at=problem.forecast.issued_at if problem.forecast is not None else None,
        lower_bound=None if outcome.lower_bound_g is None else Emissions(outcome.lower_bound_g),
        notes=(*_notes(situation), *outcome.notes),
        place_prices=outcome.place_prices,
        micros=outcome.schedule,
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
        untold = replace(situation, settings=replace(situation.settings, told=False))
        schedules.append(POLICIES[policy](untold, situation.weighed).schedule)
    return preferred(outcome, [*schedules, situation.run_now], situation, situation.weighed)


def _placements(outcome: Outcome, situation: Situation, previous: Plan | None) -> tuple[Placement, ...]:
    schedule, run_now = outcome.schedule, situation.run_now
    emitted, usually_emitted = (_emissions(each, situation) for each in (schedule, run_now))
    cost, usual_cost = (_energy_costs(each, situation) for each in (schedule, run_now))
    announced = {p.job: p for p in previous.placements} if previous is not None else {}
    made, openings = [], Openings(schedule, situation)
    for k, demand in enumerate(situation.demands):
        segments = schedule[demand.id]
        kept = announced.get(demand.id) if situation.previous.get(demand.id) == segments else None
        if kept is not None and not situation.settings.told:
            made.append(kept)
            continue
        placement = Placement(
            demand.id, kept.intervals if kept else _intervals(segments), emitted[k], usually_emitted[k],
            from_micros(run_now[demand.id][0][0]), segments[-1][1] > demand.due,
            why(demand, schedule, situation, openings, emitted[k]),
            outcome.job_prices.get(demand.id), cost[k], usual_cost[k],
        )  # fmt: skip
        made.append(placement)
    return tuple(made)


def _intervals(segments: Segments) -> tuple[Interval, ...]:
    return tuple(Interval(from_micros(start), from_micros(end)) for start, end in segments)


def _emissions(schedule: Schedule, situation: Situation) -> Sequence[Emissions | None]:
    """Of each demand; None without an outlook, or where nobody is told."""
    if situation.outlook is None or not situation.settings.told:
        return [None] * len(situation.demands)
    if schedule is situation.run_now:
        return [Emissions(g) for g in situation.run_now_g]
    return [Emissions(g) for g in emissions_of(situation.demands, schedule, situation.outlook, situation.now)]


def _energy_costs(schedule: Schedule, situation: Situation) -> Sequence[float | None]:
    """Money by the same rule as grams: a price for each kWh is to it what intensity is to emissions."""
    if situation.prices is None:
        return [None] * len(situation.demands)
    return emissions_of(situation.demands, schedule, situation.prices, situation.now)


def _notes(situation: Situation) -> tuple[str, ...]:
    priced = situation.prices.notes if situation.prices is not None else ()
    if situation.outlook is None:
        return ("no forecast: jobs run in order and nothing is claimed", *priced, *situation.left_out.values())
    return (*situation.outlook.notes, *priced, *situation.notes, *situation.left_out.values())
