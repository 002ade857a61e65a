"""The joint plan and its bound, against an exact referee and against the laws of a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, forecast, job, problem, problems, series
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from scheduler.domain.gpus import Pool
from scheduler.domain.plans import Plan, PlanningProblem, SwitchCost
from scheduler.domain.prices import PowerPrice
from scheduler.domain.units import Power
from scheduler.planning import plan

NO_SWITCH = SwitchCost(timedelta(0))


def optimum_g(asked: PlanningProblem) -> float | None:
    """The best plan on whole hours that HiGHS finds, as a rule the optimum: starts of whole jobs, hours of others.

    Waiting is priced for whole jobs alone.
    """
    assert asked.forecast is not None
    rates = asked.forecast.expected.values
    columns: list[tuple[int, range, float]] = []
    for row, one in enumerate(asked.jobs):
        hours, last = int(one.remaining / HOUR), min(len(rates), int((one.finish_by - NOON) / HOUR))
        length = 1 if one.interruptible else hours
        for start in range(last - length + 1):
            grams = one.power.watts / 1000 * float(rates[start : start + length].sum())
            waiting = 0 if one.interruptible else one.patience_g_per_h * start
            columns.append((row, range(start, start + length), grams + waiting))
    work = np.zeros((len(asked.jobs), len(columns)))
    held = np.zeros((len(rates), len(columns)))
    for column, (row, hours_held, _) in enumerate(columns):
        work[row, column] = 1
        held[list(hours_held), column] = asked.jobs[row].width
    wanted = [one.remaining / HOUR if one.interruptible else 1 for one in asked.jobs]
    solved = milp(
        [grams for *_, grams in columns],
        integrality=np.ones(len(columns)),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(csr_array(work), wanted, wanted),
            LinearConstraint(csr_array(held), -np.inf, asked.capacity[Pool.GPU]),
        ],
        options={"time_limit": 3},
    )
    return None if solved.fun is None else float(solved.fun)


@st.composite
def hourly_problems(draw: st.DrawFn) -> PlanningProblem:
    """Ten jobs of whole hours on eight GPUs over two days, free switches: what the referee can solve exactly."""
    values = draw(st.lists(st.integers(20, 600), min_size=48, max_size=48))
    jobs = []
    for number in range(1, 11):
        hours, width = draw(st.integers(1, 8)), draw(st.sampled_from([1, 2, 4, 8]))
        within = min(48, hours + draw(st.integers(0, 40)))
        jobs.append(
            job(number, hours, within, width=width, power=Power(500 * width), interruptible=draw(st.booleans()),
                switch=NO_SWITCH, min_run=timedelta(0))
        )  # fmt: skip
    return PlanningProblem(NOON, tuple(jobs), {Pool.GPU: 8, Pool.CPU: 0}, forecast(values))


@given(asked=hourly_problems(), patience=st.sampled_from([0, 20, 500]), weight=st.sampled_from([0, 1000]))
@settings(max_examples=15)
def test_the_bound_is_never_above_the_exact_optimum_whatever_else_is_weighed(
    asked: PlanningProblem, patience: float, weight: float
) -> None:
    dear_at_night = PowerPrice(series([0.1] * 12 + [0.4] * 12), weight)
    impatient = tuple(replace(one, patience_g_per_h=patience) for one in asked.jobs)
    best, made = optimum_g(asked), plan(replace(asked, jobs=impatient, price=dear_at_night), "carbonq")
    if best is not None and not made.late_jobs:
        assert made.lower_bound is not None
        assert made.lower_bound.grams <= best * (1 + 1e-9)


def a_queue(draw: np.random.Generator, least_slack_h: int, more: Callable[[], dict[str, Any]]) -> PlanningProblem:
    """Twelve jobs of 1, 2 or 4 of 8 GPUs on two days that look like a real grid's; `more`: fields of each."""
    values = 300 + 150 * np.sin(np.arange(48) / 24 * 2 * np.pi + draw.uniform(0, 6)) + draw.normal(0, 20, 48)
    jobs = []
    for number in range(1, 13):
        hours, width = int(draw.integers(1, 9)), int(draw.choice([1, 2, 4]))
        within = min(48, hours + int(draw.integers(least_slack_h, 40)))
        jobs.append(job(number, hours, within, width=width, power=Power(500 * width), **more()))
    return PlanningProblem(NOON, tuple(jobs), {Pool.GPU: 8, Pool.CPU: 0}, forecast(np.maximum(values, 20)))


def test_on_small_instances_the_plan_is_within_a_percent_of_the_optimum() -> None:
    """Mean over seeded instances with the daily shape of a real grid."""
    draw, gaps = np.random.default_rng(5), []
    for _ in range(12):
        asked = a_queue(
            draw, 4, lambda: {"interruptible": bool(draw.integers(2)), "switch": NO_SWITCH, "min_run": timedelta(0)}
        )
        best, made = optimum_g(asked), plan(asked, "carbonq")
        assert best is not None and made.emissions is not None
        gaps.append(made.emissions.grams / best - 1)
    assert np.mean(gaps) < 0.01


@pytest.mark.parametrize("patience", [5, 40, 300])
def test_with_waiting_priced_the_plan_is_within_a_few_percent_of_the_optimum(patience: float) -> None:
    """Emissions and waiting together; the prices that guide the search know of emissions alone."""
    draw, gaps = np.random.default_rng(7), []
    for _ in range(12):
        asked = a_queue(draw, 12, lambda: {"patience_g_per_h": patience})
        best, made = optimum_g(asked), plan(asked, "carbonq")
        assert best is not None and made.emissions is not None and not made.late_jobs
        waited = sum((p.start - NOON) / HOUR for p in made.placements)
        gaps.append((made.emissions.grams + patience * waited) / best - 1)
    assert np.mean(gaps) < 0.03


@given(asked=problems())
@settings(max_examples=200)
def test_no_plan_for_the_same_deadlines_emits_less_than_the_bound(asked: PlanningProblem) -> None:
    """Neither ours nor that of any other policy with as many late jobs, to the second and with its switches paid."""
    assert_no_policy_is_below(asked, plan(asked, "carbonq"))


def assert_no_policy_is_below(asked: PlanningProblem, made: Plan) -> None:
    """None of those with nobody late, where `made` has nobody late and a bound."""
    if made.lower_bound is not None and not made.late_jobs:
        for policy in ("carbonq", "run-now", "lowest-window", "suspend-resume"):
            other = plan(asked, policy)
            if not other.late_jobs:
                assert other.emissions is not None
                assert made.lower_bound.grams <= other.emissions.grams * (1 + 1e-9) + 1e-9


def test_jobs_that_compete_are_planned_together() -> None:
    """Served in turn, the small job would take the clean hour that the big one needs more."""
    big = job(1, hours=1, within=3, power=Power(3000))
    small = job(2, hours=1, within=2, power=Power(100))
    values = [300, 100, 290]
    greedy, together = (plan(problem(big, small, values=values), name) for name in ("lowest-window", "carbonq"))
    assert greedy.emissions is not None and together.emissions is not None
    assert together.emissions.grams == pytest.approx(0.1 * 300 + 3 * 100)
    assert together.emissions.grams < greedy.emissions.grams


def test_a_bound_met_exactly_says_that_nothing_better_exists() -> None:
    made = plan(problem(job(1, within=4), values=[400, 300, 100, 200, 50]), "carbonq")
    assert made.emissions is not None and made.lower_bound is not None
    assert made.lower_bound.grams == pytest.approx(made.emissions.grams)


@pytest.mark.parametrize("interruptible", [False, True])
@pytest.mark.parametrize("cleanest", [0.0, 1.0])
def test_clean_hours_that_are_too_few_raise_the_bound_however_clean_they_are(
    interruptible: bool, cleanest: float
) -> None:
    """Each job for itself would emit next to nothing, and a share of next to nothing is no step towards the truth."""
    jobs = [job(n, hours=1, within=8, interruptible=interruptible) for n in range(1, 13)]
    made = plan(problem(*jobs, values=[cleanest] + [100.0] * 7, gpus=2), "carbonq")
    assert made.lower_bound is not None and made.emissions is not None
    assert made.emissions.grams == pytest.approx(2 * cleanest + 10 * 100)
    assert made.lower_bound.grams >= 0.99 * made.emissions.grams
