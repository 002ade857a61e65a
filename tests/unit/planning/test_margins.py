"""Time kept before a deadline because a job may run longer than expected: where it can be, and harmful to nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, problems
from fakes.problems import job as a_job
from fakes.problems import problem as a_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.plans import Placement, Plan, PlanningProblem
from scheduler.planning import STEADY, PlanningSettings, plan
from scheduler.planning.settings import PLAIN

every_joint_policy = pytest.mark.parametrize("policy", ["carbonq", "suspend-resume", "lowest-window"])
either_way = pytest.mark.parametrize("how", [PLAIN, STEADY])
ROUNDING = 1 + 1e-9
FALLING = [300.0, 290, 280, 270, 260, 250, 200, 150, 100, 50]
"""The later the cleaner: whoever may waits for the last hour."""


@st.composite
def uncertain_problems(draw: st.DrawFn) -> PlanningProblem:
    problem = draw(problems())
    jobs = tuple(replace(job, margin=timedelta(minutes=draw(st.integers(0, 600)))) for job in problem.jobs)
    return replace(problem, jobs=jobs)


def placement(made: Plan, job: int) -> Placement:
    found = made.placement(job)
    assert found is not None
    return found


def grams(made: Plan) -> float:
    assert made.emissions is not None
    return made.emissions.grams


@every_joint_policy
@either_way
def test_a_job_ends_its_margin_before_its_deadline(policy: str, how: PlanningSettings) -> None:
    """An hour of work that may take three: begun so late that three hours are left, whatever comes cheaper later."""
    sure, unsure = a_job(1, hours=1, within=10), a_job(1, hours=1, within=10, margin=2 * HOUR)
    assert placement(plan(a_problem(sure, values=FALLING), policy), 1).end > NOON + 9 * HOUR
    made = placement(plan(a_problem(unsure, values=FALLING), policy, how), 1)
    assert NOON + 7 * HOUR < made.end <= NOON + 8 * HOUR


@every_joint_policy
@either_way
def test_an_announced_plan_is_moved_when_its_job_proves_less_sure(policy: str, how: PlanningSettings) -> None:
    """No hysteresis stands against a deadline."""
    sure = a_problem(a_job(1, hours=1, within=10), values=FALLING)
    announced = plan(sure, policy, how)
    unsure = replace(sure, jobs=(replace(sure.jobs[0], margin=4 * HOUR),))
    assert placement(plan(unsure, policy, how, announced), 1).end <= NOON + 6 * HOUR


@every_joint_policy
@either_way
def test_a_job_whose_deadline_is_too_near_starts_at_once_and_is_not_late(policy: str, how: PlanningSettings) -> None:
    unsure = a_job(1, hours=2, within=6, margin=9 * HOUR)
    made = placement(plan(a_problem(unsure, values=FALLING), policy, how), 1)
    assert (made.start, made.late, made.reason) == (NOON, False, "due")


@every_joint_policy
def test_a_margin_is_given_up_before_another_job_is_late(policy: str) -> None:
    """One GPU, two jobs: the second has to run in the first two hours, which the first would keep for itself."""
    unsure, hasty = a_job(1, hours=2, within=5, margin=3 * HOUR), a_job(2, hours=2, within=2)
    made = plan(a_problem(unsure, hasty, values=FALLING), policy)
    assert made.late_jobs == 0
    assert placement(made, 2).start == NOON


@every_joint_policy
def test_what_waits_for_an_uncertain_job_leaves_it_room(policy: str) -> None:
    """The second must begin by the eighth hour to have its own margin, and the first must have ended by then."""
    first = a_job(1, hours=1, within=10)
    second = a_job(2, hours=1, within=10, margin=HOUR, after=(1,))
    made = plan(a_problem(first, second, values=FALLING, gpus=2), policy)
    assert placement(made, 1).end <= placement(made, 2).start
    assert placement(made, 2).end <= NOON + 9 * HOUR


@every_joint_policy
@given(problem=uncertain_problems(), steadily=st.booleans())
@settings(max_examples=100)
def test_with_margins_no_plan_is_worse_than_first_come_first_served(
    policy: str, problem: PlanningProblem, steadily: bool
) -> None:
    """Each deadline that run-now meets is met; with as many late jobs there are never more emissions."""
    made, usual = plan(problem, policy, STEADY if steadily else PLAIN), plan(problem, "run-now")
    assert {p.job for p in made.placements if p.late} <= {p.job for p in usual.placements if p.late}
    if made.late_jobs == usual.late_jobs:
        assert grams(made) <= grams(usual) * ROUNDING


@given(problem=uncertain_problems())
@settings(max_examples=100)
def test_the_bound_is_that_of_the_deadlines_alone(problem: PlanningProblem) -> None:
    """A margin is a wish of ours: what it costs is no part of what cannot be undercut."""
    made = plan(problem, "carbonq")
    certain = plan(replace(problem, jobs=tuple(replace(j, margin=timedelta(0)) for j in problem.jobs)), "carbonq")
    assert made.lower_bound is None or made.lower_bound.grams <= grams(made) * ROUNDING
    if made.lower_bound is not None and made.late_jobs == certain.late_jobs == 0:
        assert made.lower_bound.grams <= grams(certain) * ROUNDING


@every_joint_policy
@given(problem=uncertain_problems())
@settings(max_examples=60)
def test_a_margin_makes_no_job_late(policy: str, problem: PlanningProblem) -> None:
    certain = replace(problem, jobs=tuple(replace(job, margin=timedelta(0)) for job in problem.jobs))
    assert plan(problem, policy).late_jobs <= plan(certain, policy).late_jobs
