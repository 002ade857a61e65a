"""Planning problems to test with: written by hand, or drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from fakes.clock import NOON
from hypothesis import strategies as st

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.gpus import Pool
from scheduler.domain.plans import ExpectedWork, PlannableJob, PlanningProblem, SwitchCost
from scheduler.domain.series import StepSeries
from scheduler.domain.units import Energy, Power

KEY = SeriesKey("test", "XX")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def forecast(values: Sequence[float], step: timedelta = HOUR, start: datetime = NOON) -> CarbonForecast:
    return CarbonForecast(KEY, start, start, series(values, step, start))


def series(values: Sequence[float], step: timedelta = HOUR, start: datetime = NOON) -> StepSeries:
    """Values one after another from `start`, each holding for `step`."""
    edges = start.timestamp() + np.arange(len(values) + 1) * step.total_seconds()
    return StepSeries(edges[:-1], edges[1:], np.array(values, dtype=np.float64))


def job(number: int = 1, hours: float = 1, within: float = 24, **changes: object) -> PlannableJob:
    """One GPU at 1 kW for `hours`, to be finished `within` hours of noon; `changes` replace any field."""
    fields: dict[str, object] = {
        "id": number,
        "submitted_at": NOON,
        "pool": Pool.GPU,
        "width": 1,
        "remaining": hours * HOUR,
        "power": Power(1000),
        "finish_by": NOON + within * HOUR,
        "earliest_start": NOON,
        "switch": SwitchCost(2 * MINUTE),
    }
    return PlannableJob(**(fields | changes))  # type: ignore[arg-type]


def expected(hours: float, start: float, within: float, places: float = 1.0, pool: Pool = Pool.GPU) -> ExpectedWork:
    """Places at 1 kW each for `hours`, from `start` to `within` hours after noon."""
    return ExpectedWork(pool, NOON + start * HOUR, NOON + within * HOUR, hours * HOUR, places, Power(1000))


def problem(
    *jobs: PlannableJob, values: Sequence[float] | None = None, gpus: int = 1, cpus: int = 1
) -> PlanningProblem:
    known = None if values is None else forecast(values)
    return PlanningProblem(NOON, tuple(jobs), {Pool.GPU: gpus, Pool.CPU: cpus}, known)


@st.composite
def problems(draw: st.DrawFn, max_jobs: int = 7, priced: bool = False) -> PlanningProblem:
    """Queues with running, urgent, impatient and dependent jobs, and forecasts with any step, some too short.

    `priced`: some jobs have a waiting price.
    """
    gpus = draw(st.integers(1, 4))
    step = draw(st.sampled_from([0.5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR]))
    values = draw(st.lists(st.integers(0, 600), min_size=1, max_size=40))
    jobs: list[PlannableJob] = []
    held = 0
    for number in range(1, draw(st.integers(1, max_jobs)) + 1):
        width = draw(st.integers(1, gpus))
        running = held + width <= gpus and draw(st.integers(0, 3)) == 0
        held += width * running
        remaining = timedelta(minutes=draw(st.integers(1, 300)))
        slack = timedelta(minutes=draw(st.one_of(st.integers(-30, 60), st.integers(0, 1500))))
        ahead = draw(st.sets(st.sampled_from([j.id for j in jobs]), max_size=2)) if jobs and not running else set()
        jobs.append(
            job(
                number,
                submitted_at=NOON - timedelta(minutes=draw(st.integers(0, 600))),
                pool=Pool.GPU,
                width=width,
                remaining=remaining,
                power=Power(draw(st.integers(1, 3000))),
                finish_by=NOON + remaining + slack,
                earliest_start=NOON + timedelta(minutes=draw(st.sampled_from([-60, 0, 0, 45]))),
                interruptible=draw(st.booleans()),
                running=running,
                run_now=draw(st.integers(0, 4)) == 0,
                switch=SwitchCost(
                    timedelta(seconds=draw(st.integers(0, 300))), Energy(draw(st.sampled_from([0, 5e4])))
                ),
                min_run=timedelta(minutes=draw(st.sampled_from([0, 5, 30]))),
                after=tuple(sorted(ahead)),
                patience_g_per_h=draw(st.sampled_from([0, 0, 0, 5, 300])) if priced else 0,
            )
        )
    return PlanningProblem(NOON, tuple(jobs), {Pool.GPU: gpus, Pool.CPU: 1}, forecast(values, step))


@st.composite
def lone_problems(draw: st.DrawFn) -> PlanningProblem:
    """One job on a machine of its own."""
    whole = draw(problems(max_jobs=1))
    (only,) = whole.jobs
    return PlanningProblem(whole.now, (only,), whole.capacity, whole.forecast)
