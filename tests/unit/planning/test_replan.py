"""A queue that has hardly changed is planned from its last plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.problems import HOUR, job, problem

from scheduler.domain.gpus import Pool
from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.planning import plan
from scheduler.planning.settings import PLAIN

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
