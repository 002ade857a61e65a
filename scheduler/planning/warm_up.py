"""Every inner loop of the joint planner run once: numba compiles it, or loads what it compiled before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.gpus import Pool
from scheduler.domain.plans import ExpectedWork, PlannableJob, PlanningProblem, SwitchCost
from scheduler.domain.series import StepSeries
from scheduler.domain.units import Energy, Power
from scheduler.planning.planner import plan
from scheduler.planning.settings import STEADY

POLICY = "carbonq"
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_HOURS, _GPUS = 24, 2


def warm_up() -> None:
    """Plan small made-up queues, from nothing and from a last plan. About 30 s of processor time where nothing is
    compiled yet, 1.5 s where it is."""
    ordinary = [_job(number) for number in range(1, 7)]
    # One that holds its place for good, one that may be suspended, one that waits for another.
    queue = _problem(*ordinary, _job(7, running=True), _job(8, running=True), _job(9, after=(1,)))
    first = plan(queue, POLICY, STEADY)
    late = _job(10, remaining=2 * _HOURS * _HOUR)
    plan(replace(queue, jobs=(*queue.jobs, late)), POLICY, STEADY, first)
    plan(replace(queue, expected=_expected()), POLICY, STEADY, first)
    plan(_problem(_job(1)), POLICY)
    # Two that cannot run side by side, and hours that both would like: more than prices of places can prove.
    plan(_problem(_job(1, width=_GPUS), _job(3)), POLICY)


def _problem(*jobs: PlannableJob) -> PlanningProblem:
    hours = np.array([_NOON.timestamp() + 3600 * n for n in range(_HOURS + 1)], dtype=np.float64)
    values = np.array([100.0 + 20 * (n % 7) for n in range(_HOURS)], dtype=np.float64)
    series = StepSeries(hours[:-1], hours[1:], values)
    forecast = CarbonForecast(SeriesKey("made up", "XX"), _NOON, _NOON, series)
    return PlanningProblem(_NOON, jobs, {Pool.GPU: _GPUS, Pool.CPU: 1}, forecast)


def _expected() -> tuple[ExpectedWork, ...]:
    later, at_most = _NOON + 2 * _HOUR, _NOON + 18 * _HOUR
    work = ExpectedWork(Pool.GPU, later, at_most, 4 * _HOUR, 0.5, Power(500))
    return work, replace(work, finish_by=later + 6 * _HOUR)


def _job(number: int, **changes: object) -> PlannableJob:
    """Every second one can be interrupted."""
    fields: dict[str, object] = {
        "id": number,
        "submitted_at": _NOON,
        "pool": Pool.GPU,
        "width": 1,
        "remaining": 3 * _HOUR,
        "power": Power(500),
        "finish_by": _NOON + 20 * _HOUR,
        "earliest_start": _NOON,
        "switch": SwitchCost(timedelta(minutes=2), Energy(1000)),
        "interruptible": number % 2 == 0,
    }
    return PlannableJob(**(fields | changes))  # type: ignore[arg-type]
