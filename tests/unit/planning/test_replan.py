"""A queue that has hardly changed is planned from its last plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, job, problem

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.domain.units import Power
from scheduler.planning import plan
from scheduler.planning.settings import PLAIN, STEADY

DAY = [
    300,
    280,
    250,
    200,
    120,
    90,
    80,
    85,
    110,
    180,
    240,
    290,
    310,
    300,
    260,
    210,
    150,
    100,
    95,
    120,
    170,
    230,
    270,
    300,
]


@pytest.fixture(scope="module")
def asked() -> PlanningProblem:
    """More work for the clean hours than they hold."""
    jobs = [job(n, hours=2 + n % 2, within=20 + n, interruptible=n % 3 == 0) for n in range(1, 21)]
    return problem(*jobs, values=DAY * 2, gpus=3)


@pytest.fixture(scope="module")
def announced(asked: PlanningProblem) -> Plan:
    return plan(asked, "carbonq", PLAIN)


def test_a_newcomer_finds_its_place_among_the_others(asked: PlanningProblem, announced: Plan) -> None:
    newcomer = job(21, hours=1, within=30)
    grown = replace(asked, jobs=(*asked.jobs, newcomer))
    again, anew = plan(grown, "carbonq", PLAIN, announced), plan(grown, "carbonq", PLAIN)
    assert again.placement(21) is not None
    assert again.late_jobs == 0
    assert again.emissions is not None and anew.emissions is not None and again.lower_bound is not None
    assert again.lower_bound.grams <= again.emissions.grams <= 1.01 * anew.emissions.grams


def test_a_turned_forecast_turns_the_plan(asked: PlanningProblem, announced: Plan) -> None:
    turned = replace(asked, forecast=problem(values=[400 - value for value in DAY * 2]).forecast)
    kept, anew = plan(turned, "carbonq", PLAIN, announced), plan(turned, "carbonq", PLAIN)
    assert kept.emissions is not None and anew.emissions is not None
    assert kept.lower_bound is not None and anew.lower_bound is not None
    assert kept.emissions.grams <= 1.01 * anew.emissions.grams
    assert kept.lower_bound.grams >= 0.99 * anew.lower_bound.grams


def test_a_plan_tells_what_places_are_worth_and_the_next_begins_there(asked: PlanningProblem, announced: Plan) -> None:
    worth = announced.place_prices[Pool.GPU]
    assert worth.values.max() > 0
    assert worth.values[DAY.index(80)] > worth.values[DAY.index(310)]
    later = plan(replace(asked, now=asked.now + HOUR), "carbonq", PLAIN, announced)
    assert later.late_jobs == 0


def test_a_bound_that_nobody_reads_is_not_claimed(asked: PlanningProblem) -> None:
    assert plan(asked, "carbonq", replace(PLAIN, told=False)).lower_bound is None


@pytest.mark.parametrize(("hours", "gpus"), [(2, 2), (2, 4), (3, 4)])
def test_equal_jobs_do_not_change_places_when_somebody_else_comes(hours: float, gpus: int) -> None:
    """All that was announced stays, however the joint plan deals out what is worth the same."""
    jobs = [job(n, hours=hours, within=20) for n in range(1, 13)]
    told = plan(problem(*jobs, values=DAY * 2, gpus=gpus), "carbonq", STEADY)
    for number in range(13, 17):
        jobs.append(job(number, hours=1 / 3600, within=20, power=Power(1)))
        again = plan(problem(*jobs, values=DAY * 2, gpus=gpus), "carbonq", STEADY, told)
        assert [start_of(again, p.job) for p in told.placements] == [p.start for p in told.placements]
        told = again


def start_of(made: Plan, number: int) -> datetime:
    placement = made.placement(number)
    assert placement is not None
    return placement.start


@pytest.mark.parametrize(("gain", "moved"), [(0.05, False), (0.10, True)])
def test_jobs_move_in_each_others_places_only_where_all_of_them_together_gain_enough(gain: float, moved: bool) -> None:
    """Job 1 can go to the cleaner hour once job 2 makes room, which gains job 2 nothing."""
    jobs = (job(1, power=Power(1000), within=3), job(2, power=Power(1), within=3))
    told = plan(problem(*jobs, values=[90, 100, 500], gpus=1), "carbonq", STEADY)
    assert start_of(told, 1) == NOON
    turned = problem(*jobs, values=[100, 100 * (1 - gain), 500], gpus=1)
    assert start_of(plan(turned, "carbonq", STEADY, told), 1) == (NOON + HOUR if moved else NOON)


def test_a_job_that_waited_for_places_only_starts_once_they_are_free() -> None:
    told = plan(problem(job(1, hours=3), job(2, hours=1), values=[100] * 30, gpus=1), "carbonq", STEADY)
    [last] = [p for p in told.placements if p.start > NOON]
    alone = problem(
        *(job(p.job, hours=3 if p.job == 1 else 1) for p in told.placements if p is last), values=[100] * 30
    )
    [now] = plan(alone, "carbonq", STEADY, told).placements
    assert now.start == NOON


@pytest.mark.parametrize("policy", ["carbonq", "suspend-resume"])
def test_what_runs_by_the_users_wish_is_not_planned_to_pause(policy: str) -> None:
    """A job of `--now` goes on, interruptible or not; its places are nobody else's."""
    runs = job(1, hours=2, interruptible=True, running=True, run_now=True)
    made = plan(
        problem(runs, job(2, hours=1, run_now=True), values=[300, 300, 300, 50, 50, 50], gpus=1), policy, STEADY
    )
    first, second = made.placement(1), made.placement(2)
    assert first is not None and first.intervals == (Interval(NOON, NOON + 2 * HOUR),)
    assert second is not None and second.start == NOON + 2 * HOUR
