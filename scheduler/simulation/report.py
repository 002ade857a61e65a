"""What came of a simulation, in the figures of `carbonq simulate --json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.plans import PlanningProblem
from scheduler.domain.queue_replay import Arrival, first_come_first_served
from scheduler.domain.units import JOULES_PER_KWH
from scheduler.planning import PlanningSettings, plan
from scheduler.planning.settings import PLAIN
from scheduler.simulation.forecasters import Perfect
from scheduler.simulation.job_state import JobState
from scheduler.simulation.run import Simulation, finish_by, too_short
from scheduler.simulation.world import SimulatedJob, World

_NOTHING_PCT = 1e-6
"""No more than the bound was lowered by for rounding: there was nothing to save, and no share of it."""


def run_now_emissions_g(world: World) -> float:
    """First come, first served on the same GPUs, each job for its true length [gCO2eq].

    RequestError where the last ends after the series: what it emits there is not known.
    """
    return sum(world.emissions_g(job.power_w, held) for job, held in _run_now(world))


def run_now_energy_cost(world: World) -> float | None:
    """What power costs first come, first served [unit of money]; None without a price."""
    return _sum_known(world.energy_cost(job.power_w, held) for job, held in _run_now(world))


def _run_now(world: World) -> list[tuple[SimulatedJob, tuple[Interval]]]:
    arrivals = (
        Arrival(n, job.submitted_at, Pool.GPU, job.gpus, job.duration, job.submitted_at)
        for n, job in enumerate(world.jobs)
    )
    starts = first_come_first_served(arrivals, {Pool.GPU: world.gpus})
    held = [Interval(starts[n], starts[n] + job.duration) for n, job in enumerate(world.jobs)]
    for job, each in zip(world.jobs, held, strict=True):
        if each.end > world.span.end:
            raise too_short("run-now", job, world.span.end)
    return [(job, (each,)) for job, each in zip(world.jobs, held, strict=True)]


def lower_bound_g(world: World, settings: PlanningSettings = PLAIN) -> float | None:
    """What no plan could have beaten, had all been known from the beginning [gCO2eq]; None where none is proven.

    `settings` say how long it is looked for.
    """
    if not world.jobs:
        return 0.0
    now = min(job.submitted_at for job in world.jobs)
    jobs = tuple(
        JobState(n, job, finish_by(job, job.duration), job.duration).truly() for n, job in enumerate(world.jobs, 1)
    )
    known = Perfect(world.actual).at(now)
    made = plan(PlanningProblem(now, jobs, {Pool.GPU: world.gpus, Pool.CPU: 0}, known), "carbonq", settings)
    return None if made.lower_bound is None else made.lower_bound.grams * world.pue


def figures(
    done: Simulation, world: World, run_now_g: float, bound_g: float | None, run_now_cost: float | None = None
) -> Mapping[str, object]:
    """One object of the JSON array; with what power costs where a price of it is given."""
    emitted = sum(world.emissions_g(s.job.power_w, tuple(s.held)) for s in done.states)
    saved, attainable = _percent(run_now_g - emitted, run_now_g), None
    if bound_g is not None:
        attainable = _percent(run_now_g - bound_g, run_now_g)
    waits = [_wait(state).total_seconds() for state in done.states] or [0.0]
    plans_ms = [1000 * seconds for seconds in done.plan_seconds] or [0.0]
    return {
        "policy": done.policy,
        "jobs": len(done.states),
        "completed": sum(state.finished for state in done.states),
        "deadline_misses": sum(_missed(state) for state in done.states),
        "energy_kwh": sum(s.job.power_w * _held_s(s) for s in done.states) / JOULES_PER_KWH,
        "emissions_g": emitted,
        "run_now_emissions_g": run_now_g,
        "saved_pct": saved,
        "lower_bound_g": bound_g,
        "attainable_pct": attainable,
        "share_of_attainable": saved / attainable if attainable is not None and attainable > _NOTHING_PCT else None,
        "mean_wait_s": float(np.mean(waits)),
        "p95_wait_s": float(np.percentile(waits, 95)),
        "switches": sum(state.switches for state in done.states),
        "gpu_utilisation": _utilisation(done, world),
        "plans": len(done.plan_seconds),
        "plan_ms_p50": float(np.median(plans_ms)),
        "plan_ms_max": max(plans_ms),
        **(_costs(done, world, run_now_cost) if world.price is not None else {}),
    }


def _costs(done: Simulation, world: World, run_now_cost: float | None) -> Mapping[str, object]:
    assert world.price is not None
    return {
        "energy_cost": _sum_known(world.energy_cost(s.job.power_w, tuple(s.held)) for s in done.states),
        "run_now_energy_cost": run_now_cost,
        "currency": world.price.currency,
    }


def _sum_known(amounts: Iterable[float | None]) -> float | None:
    """None where one is unknown."""
    known = list(amounts)
    return None if None in known else sum(amount for amount in known if amount is not None)


def schedule_rows(done: Simulation) -> list[tuple[str, datetime, datetime, int]]:
    """(job, start, end, gpus) of every segment, in order of start."""
    rows = [(s.job.name, i.start, i.end, s.job.gpus) for s in done.states for i in s.held]
    return sorted(rows, key=lambda row: (row[1], row[0]))


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0


def _wait(state: JobState) -> timedelta:
    """Time from submission to the end that the job did not hold its GPUs."""
    return state.end - state.job.submitted_at - timedelta(seconds=_held_s(state))


def _missed(state: JobState) -> bool:
    return state.job.deadline is not None and state.end > state.job.deadline


def _held_s(state: JobState) -> float:
    return sum(i.length.total_seconds() for i in state.held)


def _utilisation(done: Simulation, world: World) -> float:
    """Share of the GPUs' time that jobs held, from the first submission to the last end."""
    if not done.states:
        return 0.0
    begin = min(state.job.submitted_at for state in done.states)
    span_s = (max(state.end for state in done.states) - begin).total_seconds()
    return sum(_held_s(s) * s.job.gpus for s in done.states) / (span_s * world.gpus)
