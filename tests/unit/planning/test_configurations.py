"""The closer bound of few, wide jobs: what whole jobs side by side can hold, and windows divided branch by branch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, forecast, job, problem, problems
from hypothesis import given, settings
from test_decomposition import NO_SWITCH, assert_no_policy_is_below, hourly_problems, optimum_g

from scheduler.domain.plans import Plan, PlannableJob, PlanningProblem
from scheduler.domain.units import Power
from scheduler.planning import plan
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.settings import OFFLINE, PLAIN

pytestmark = pytest.mark.skipif(not COMPILED, reason="prices of places alone in plain Python; install numba")


def gap(made: Plan) -> float:
    """What the plan emits above its bound, as a share of it."""
    assert made.emissions is not None and made.lower_bound is not None
    return made.emissions.grams / made.lower_bound.grams - 1


def wide(number: int, hours: float, within: float, width: int, **changes: object) -> PlannableJob:
    """At 500 W a GPU, its switches free."""
    return job(number, hours, within, width=width, power=Power(500 * width), switch=NO_SWITCH, **changes)


@pytest.mark.parametrize("interruptible", [False, True])
@pytest.mark.parametrize(("width", "gpus"), [(2, 3), (3, 5), (5, 8)])
def test_jobs_that_do_not_fit_side_by_side_are_not_bounded_as_if_they_did(
    interruptible: bool, width: int, gpus: int
) -> None:
    """Prices of places let one and a half of them run in the clean hour; the plan with one an hour is proven best."""
    two = (wide(n, 1, 2, width, interruptible=interruptible) for n in (1, 2))
    made = plan(problem(*two, values=[300, 100, 500], gpus=gpus), "carbonq")
    assert made.emissions is not None
    assert made.emissions.grams == pytest.approx(0.5 * width * (300 + 100))
    assert gap(made) < 0.003


def test_no_more_jobs_of_a_width_are_counted_on_than_there_are() -> None:
    """Beside the job that takes six of eight GPUs only one narrow job is there to fill the rest."""
    big, small = wide(1, 2, 4, 6), wide(2, 2, 4, 3)
    made = plan(problem(big, small, values=[400, 400, 100, 100, 900], gpus=8), "carbonq")
    assert made.emissions is not None
    assert made.emissions.grams == pytest.approx(3 * 200 + 1.5 * 800)
    assert gap(made) < 0.003


@given(asked=hourly_problems())
@settings(max_examples=8)
def test_however_long_it_is_looked_for_the_bound_is_never_above_the_exact_optimum(asked: PlanningProblem) -> None:
    best = optimum_g(asked)
    for how in (PLAIN, OFFLINE):
        made = plan(asked, "carbonq", how)
        if best is not None and not made.late_jobs:
            assert made.lower_bound is not None
            assert made.lower_bound.grams <= best * (1 + 1e-9)


@given(asked=problems())
@settings(max_examples=60)
def test_no_policy_with_nobody_late_emits_less_than_the_bound_of_a_thorough_search(asked: PlanningProblem) -> None:
    """With jobs that run until the middle of an hour, that wait for others, and whose slots are half a minute."""
    assert_no_policy_is_below(asked, plan(asked, "carbonq", OFFLINE))


def wide_jobs(seed: int, interruptible: bool = True) -> PlanningProblem:
    """Twelve jobs of 1 to 8 of 8 GPUs on three days that look like a real grid's; every second one `interruptible`."""
    draw = np.random.default_rng(seed)
    values = 300 + 150 * np.sin(np.arange(72) / 24 * 2 * np.pi + draw.uniform(0, 6)) + draw.normal(0, 30, 72)
    jobs = []
    for n in range(1, 13):
        hours = float(draw.integers(2, 9))
        within = min(72.0, hours + float(draw.integers(12, 48)))
        may_pause = interruptible and n % 2 == 0
        jobs.append(wide(n, hours, within, int(draw.choice([1, 2, 3, 5, 8])), interruptible=may_pause))
    return problem(*jobs, values=np.maximum(values, 20).tolist(), gpus=8)


def test_a_thorough_search_proves_plans_of_few_wide_jobs_to_a_percent() -> None:
    """Prices of places alone leave several percent; the mean over seeded instances."""
    made = [plan(wide_jobs(seed), "carbonq", OFFLINE) for seed in range(6)]
    assert not any(each.late_jobs for each in made)
    assert np.mean([gap(each) for each in made]) < 0.01


def test_more_time_brings_plan_and_bound_nearer_to_each_other() -> None:
    """Whole jobs; time is counted in branches here."""

    def within(seed: int, branches: int) -> Plan:
        def started() -> Callable[[], bool]:
            made = count()
            return lambda: next(made) < branches

        return plan(wide_jobs(seed, interruptible=False), "carbonq", replace(OFFLINE, time_limit=started))

    short = [plan(wide_jobs(seed, interruptible=False), "carbonq", OFFLINE) for seed in (1, 2, 6)]
    long = [within(seed, 100) for seed in (1, 2, 6)]
    assert min(gap(each) for each in short) > 0.005
    assert max(gap(each) for each in long) < 0.0025
    assert total_g(long) < total_g(short)


def total_g(plans: Sequence[Plan]) -> float:
    return sum(each.emissions.grams for each in plans if each.emissions is not None)


def test_hours_that_are_closed_do_not_drive_prices_up_until_rounding_breaks_the_bound() -> None:
    """All places are held for an hour; both jobs are late, so nothing but prices keeps their answers from it."""
    held = wide(3, 1, 1, 1, running=True, run_now=True)
    late = [wide(n, hours, hours, 1) for n, hours in ((1, 56 / 60), (2, 1 / 60))]
    half_hours = replace(problem(*late, held), forecast=forecast([0, 1, 0], HOUR / 2))
    made = plan(half_hours, "carbonq")
    assert made.late_jobs == 2
    assert made.lower_bound is not None and made.emissions is not None
    assert made.lower_bound.grams <= made.emissions.grams * (1 + 1e-9)


def test_half_of_an_hour_with_eight_places_is_no_hour_with_seven() -> None:
    """Two GPUs are held until half past, so the mean is a whole number; the wide job may use the other half."""
    held = wide(1, 0.5, 1, 2, running=True)
    whole_machine, narrow = wide(2, 0.5, 1, 8), [wide(n, 1, 5, 4) for n in (3, 4)]
    made = plan(problem(held, whole_machine, *narrow, values=[100, 300, 300, 200, 400], gpus=8), "carbonq")
    assert not made.late_jobs
    assert made.emissions is not None and made.lower_bound is not None
    assert made.placements[1].start == NOON + HOUR / 2
    assert made.lower_bound.grams <= made.emissions.grams * (1 + 1e-9)


def test_a_machine_that_has_shrunk_under_a_running_job_has_no_less_than_nothing_free() -> None:
    """Four of six held GPUs are gone; prices for less than nothing would rise without end, and the bound with them."""
    held = wide(1, 1.5, 3, 6, running=True)
    made = plan(
        problem(held, wide(2, 1, 6, 2), wide(3, 1, 6, 1), values=[100, 300, 200, 400, 150, 500], gpus=2), "carbonq"
    )
    assert made.emissions is not None
    assert made.lower_bound is None or made.lower_bound.grams <= made.emissions.grams * (1 + 1e-9)
