"""A planning problem made ready to compute with: whole microseconds, one order, the run-now schedule beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import inf

from scheduler.domain.carbon import SignalKind
from scheduler.domain.gpus import Pool
from scheduler.domain.places import from_micros, to_micros
from scheduler.domain.plans import ExpectedWork, Plan, PlannableJob, PlanningProblem
from scheduler.domain.series import StepSeries
from scheduler.planning.cost import emissions_of
from scheduler.planning.demand import Demand, Schedule, Segments, predecessors_first
from scheduler.planning.early_places import EarlyPlaces
from scheduler.planning.money import price_outlook, weighed_outlook
from scheduler.planning.outlook import Outlook, outlook_from
from scheduler.planning.settings import PlanningSettings

PlacePrices = Mapping[Pool, StepSeries]
"""What a place is worth to others over time [gCO2eq/h]."""

LOOK_AHEAD = timedelta(days=14)
"""Beyond the forecast's end by this much, one guess is as good as another: nothing waits longer for clean power."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy answers."""

    schedule: Schedule
    """Of the demands."""
    lower_bound_g: float | None = None
    """No schedule with the same jobs in time can emit less [gCO2eq]."""
    notes: tuple[str, ...] = ()
    job_prices: Mapping[int, float] = field(default_factory=dict)
    """By job: what others would save with one of its places for an hour [gCO2eq]."""
    place_prices: PlacePrices = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """What policies see. `demands` are in order of arrival (ties by number), whatever order the problem had."""

    now: int
    demands: tuple[Demand, ...]
    capacity: Mapping[Pool, int]
    outlook: Outlook | None
    run_now: Schedule
    run_now_g: Sequence[float]
    """What that is expected to emit, of each demand [gCO2eq]; empty without an outlook."""
    settings: PlanningSettings
    previous: Schedule
    previous_at: int | None
    """When that plan was made; None: it is the first."""
    left_out: Mapping[int, str]
    """Why a job has no place in any schedule."""
    place_prices: PlacePrices = field(default_factory=dict)
    """Of the previous plan."""
    expected: tuple[ExpectedWork, ...] = ()
    """It may be left room, and is in no schedule."""
    prices: Outlook | None = None
    """What a kWh costs [unit of money]; None where nobody asked for money."""
    weighed: Outlook | None = None
    """Intensity, and money at its weight [g/kWh]; `outlook` itself where money has none."""
    notes: tuple[str, ...] = ()
    """What was asked for and is not done."""

    @property
    def weighs_more_than_emissions(self) -> bool:
        return self.weighed is not self.outlook or any(d.patience_g_per_h > 0 for d in self.demands)


def situation_from(problem: PlanningProblem, settings: PlanningSettings, previous: Plan | None) -> Situation:
    """The problem as policies see it; ValueError where jobs wait for each other in a circle or share a number."""
    problem, notes = _in_grams(problem)
    now = to_micros(problem.now)
    known = {job.id for job in problem.jobs}
    if len(known) < len(problem.jobs):
        raise ValueError("two jobs of a planning problem share a number")
    demands = _in_order([_demand(job, now, known) for job in problem.jobs])
    left_out = _left_out(demands, problem.capacity)
    demands = tuple(demand for demand in demands if demand.id not in left_out)
    run_now = first_come(now, demands, problem.capacity)
    until = max((max(d.due, run_now[d.id][-1][1]) for d in demands), default=now)
    outlook = outlook_from(problem.forecast, problem.now, from_micros(until))
    run_now_g = [] if outlook is None else emissions_of(demands, run_now, outlook, now)
    prices = None if problem.price is None else price_outlook(problem.price, problem.now, from_micros(until))
    return Situation(
        now, demands, problem.capacity, outlook, run_now, run_now_g, settings,
        previous.segments if previous is not None else {},
        None if previous is None else to_micros(previous.made_at), left_out,
        previous.place_prices if previous is not None else {}, problem.expected, prices,
        weighed_outlook(outlook, problem.price, problem.now, from_micros(until)), notes,
    )  # fmt: skip


def first_come(now: int, demands: Iterable[Demand], capacity: Mapping[Pool, int]) -> Schedule:
    """First come, first served: what runs goes on, and each other job in turn takes the earliest time that fits it."""
    free = {pool: EarlyPlaces(capacity.get(pool, 0), now) for pool in Pool}
    schedule: dict[int, Segments] = {}
    for demand in sorted(demands, key=lambda d: not d.running):
        begin = demand.earliest
        if demand.after:
            begin = max([begin, *(schedule[p][-1][1] for p in demand.after)])
        if demand.running:
            start = now
            free[demand.pool].occupy(start, start + demand.work, demand.width)
        else:
            start = free[demand.pool].take_earliest(demand.width, demand.work, begin)
        schedule[demand.id] = ((start, start + demand.work),)
    return schedule


def _in_grams(problem: PlanningProblem) -> tuple[PlanningProblem, tuple[str, ...]]:
    """Without prices in grams where the forecast is an index: its numbers are no grams to hold them against."""
    forecast, price = problem.forecast, problem.price
    weighed = any(job.patience_g_per_h for job in problem.jobs) or (price is not None and price.weight_g_per_unit)
    if forecast is None or forecast.key.kind is not SignalKind.INDEX or not weighed:
        return problem, ()
    jobs = tuple(replace(job, patience_g_per_h=0.0) for job in problem.jobs)
    price = price and replace(price, weight_g_per_unit=0.0)
    note = "an index has no grams: waiting and money, priced in grams, are not weighed"
    return replace(problem, jobs=jobs, price=price), (note,)


def _demand(job: PlannableJob, now: int, known: set[int]) -> Demand:
    submitted, earliest, finish_by, work, switch, min_run, margin = job.micros
    if work <= 0 or job.width <= 0:
        raise ValueError(f"job {job.id} needs no time or no places; leave it out of the problem")
    if not 0 <= job.patience_g_per_h < inf:
        raise ValueError(f"job {job.id} has a waiting price of {job.patience_g_per_h} g/h; it is 0 or more")
    after = tuple(p for p in job.after if p in known) if job.after and not job.running else ()
    # What runs has begun, so nothing holds it back any more.
    earliest = now if job.running else max(now, earliest, submitted)
    return Demand(
        job.id, submitted, job.pool, job.width, work, job.power.watts, earliest, finish_by, job.may_pause,
        job.running, job.run_now, switch, job.switch.energy.joules, min_run, after, job.patience_g_per_h, margin,
    )  # fmt: skip


def _in_order(demands: list[Demand]) -> tuple[Demand, ...]:
    """By arrival, but never before a job they wait for."""
    by_arrival = sorted(demands, key=lambda d: (d.submitted, d.id))
    return predecessors_first(by_arrival)


def _left_out(demands: Iterable[Demand], capacity: Mapping[Pool, int]) -> dict[int, str]:
    """Jobs that no pool can hold, and those that wait for one of them."""
    reasons: dict[int, str] = {}
    for demand in demands:
        places = capacity.get(demand.pool, 0)
        lost = next((p for p in demand.after if p in reasons), None) if reasons else None
        if demand.width > places and not demand.running:
            unit = "GPUs" if demand.pool is Pool.GPU else "CPU slots"
            reasons[demand.id] = f"job {demand.id} needs {demand.width} {unit} and the machine has {places}"
        elif lost is not None:
            reasons[demand.id] = f"job {demand.id} waits for job {lost}, which cannot be planned"
    return reasons
