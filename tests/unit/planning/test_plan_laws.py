"""Laws that policies keep, whatever the queue and the forecast: some are of all, some of ours alone."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.problems import job as a_job
from fakes.problems import lone_problems, problems
from fakes.problems import problem as a_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.places import FreePlaces, length_micros, to_micros
from scheduler.domain.plans import Placement, Plan, PlannableJob, PlanningProblem
from scheduler.planning import OURS, POLICIES, STEADY, plan
from scheduler.planning.settings import PLAIN

every_policy = pytest.mark.parametrize("policy", POLICIES)
every_policy_of_ours = pytest.mark.parametrize("policy", OURS)
ROUNDING = 1 + 1e-9


def grams(made: Plan) -> float:
    assert made.emissions is not None
    return made.emissions.grams


def held(job: PlannableJob, placement: Placement, problem: PlanningProblem) -> timedelta:
    """Time its places must be held for: its work and the switches of this placement."""
    suspended_now = job.running and placement.start > problem.now
    return job.remaining + job.switch.time * (placement.switches + suspended_now)


@every_policy
@given(problem=problems(priced=True))
@settings(max_examples=50)
def test_a_plan_never_holds_more_places_than_there_are(policy: str, problem: PlanningProblem) -> None:
    """At every moment at which something starts, the widths of what runs fit the pool."""
    made = plan(problem, policy)
    for moment in (i.start for p in made.placements for i in p.intervals):
        running = [p for p in made.placements if p.active_at(moment)]
        for pool, places in problem.capacity.items():
            assert sum(problem.job(p.job).width for p in running if problem.job(p.job).pool is pool) <= places


@every_policy
@given(problem=problems(priced=True))
@settings(max_examples=50)
def test_every_job_gets_its_work_done_and_pays_for_its_switches(policy: str, problem: PlanningProblem) -> None:
    made = plan(problem, policy)
    assert sorted(p.job for p in made.placements) == sorted(job.id for job in problem.jobs)
    for placement in made.placements:
        assert placement.busy == held(problem.job(placement.job), placement, problem)
        assert all(a.end < b.start for a, b in zip(placement.intervals, placement.intervals[1:], strict=False))


@every_policy
@given(problem=problems(priced=True))
@settings(max_examples=50)
def test_nothing_starts_before_it_may(policy: str, problem: PlanningProblem) -> None:
    """Not before now, its submission, its earliest start, or the end of what it waits for."""
    made = plan(problem, policy)
    for placement in made.placements:
        job = problem.job(placement.job)
        assert placement.start >= problem.now
        if not job.running:
            assert placement.start >= max(job.submitted_at, job.earliest_start)
            for ahead in job.after:
                before = made.placement(ahead)
                assert before is not None
                assert placement.start >= before.end


@every_policy
@given(problem=problems(priced=True))
@settings(max_examples=50)
def test_only_interruptible_jobs_are_interrupted_and_no_stretch_is_too_short(
    policy: str, problem: PlanningProblem
) -> None:
    made = plan(problem, policy)
    for placement in made.placements:
        job = problem.job(placement.job)
        if job.running and not job.interruptible:
            assert placement.intervals == (Interval(problem.now, problem.now + job.remaining),)
        if not job.interruptible:
            assert placement.switches == 0
        if placement.switches and policy in OURS:
            assert all(i.length >= job.min_run for i in placement.intervals)


@every_policy_of_ours
@given(problem=problems(priced=True), steadily=st.booleans())
@settings(max_examples=150)
def test_no_plan_is_worse_than_first_come_first_served(policy: str, problem: PlanningProblem, steadily: bool) -> None:
    """Each deadline that run-now meets is met; with as many late jobs there are never more emissions."""
    made = plan(problem, policy, STEADY) if steadily else plan(problem, policy)
    usual = plan(problem, "run-now")
    assert {p.job for p in made.placements if p.late} <= {p.job for p in usual.placements if p.late}
    if made.late_jobs == usual.late_jobs:
        assert grams(made) <= grams(usual) * ROUNDING


def could_begin_sooner(placement: Placement, made: Plan, problem: PlanningProblem) -> bool:
    """Whether there is room for all of its work before its planned start, the others being where they are."""
    job, free = problem.job(placement.job), FreePlaces(problem.capacity[Pool.GPU], to_micros(problem.now))
    for other in made.placements:
        for held in other.intervals if other is not placement else ():
            free.occupy(to_micros(held.start), to_micros(held.end), problem.job(other.job).width)
    begins = [problem.now] if job.running else [problem.now, job.submitted_at, job.earliest_start]
    begins += [before.end for before in made.placements if before.job in job.after and not job.running]
    return free.earliest(job.width, length_micros(job.remaining), to_micros(max(begins))) < to_micros(placement.start)


@every_policy
@given(problem=problems(priced=True), steadily=st.booleans())
@settings(max_examples=50)
def test_only_who_has_no_room_sooner_is_said_to_wait_for_places(
    policy: str, problem: PlanningProblem, steadily: bool
) -> None:
    """Or for the jobs it comes after. Who is to wait for cleaner power has room that he does not take."""
    made = plan(problem, policy, STEADY if steadily else PLAIN)
    for placement in made.placements:
        job, sooner = problem.job(placement.job), could_begin_sooner(placement, made, problem)
        if placement.reason in ("resources", "dependency") and not job.run_now:
            assert not sooner
        if placement.reason == "carbon-window" and not job.interruptible:
            assert sooner


@every_policy
@given(problem=problems(priced=True), seed=st.integers(0, 99))
@settings(max_examples=50)
def test_shuffling_the_queue_changes_no_plan(policy: str, problem: PlanningProblem, seed: int) -> None:
    jobs = list(problem.jobs)
    random.Random(seed).shuffle(jobs)
    assert plan(replace(problem, jobs=tuple(jobs)), policy) == plan(problem, policy)


@every_policy_of_ours
@given(problem=lone_problems(), minutes=st.integers(1, 900))
@settings(max_examples=100)
def test_more_slack_never_raises_a_lone_jobs_emissions(policy: str, problem: PlanningProblem, minutes: int) -> None:
    (job,) = problem.jobs
    patient = replace(job, finish_by=max(job.finish_by, problem.now + job.remaining) + timedelta(minutes=minutes))
    hasty, calm = plan(problem, policy), plan(replace(problem, jobs=(patient,)), policy)
    if not hasty.late_jobs:
        assert grams(calm) <= grams(hasty) * ROUNDING


@every_policy
@given(problem=problems(priced=True))
@settings(max_examples=50)
def test_without_a_forecast_jobs_run_in_order_and_nothing_is_claimed(policy: str, problem: PlanningProblem) -> None:
    made = plan(replace(problem, forecast=None), policy)
    usual = plan(problem, "run-now")
    assert [p.intervals for p in made.placements] == [p.intervals for p in usual.placements]
    assert made.emissions is None
    assert {p.reason for p in made.placements} <= {"no-forecast", "running"}


@every_policy_of_ours
@given(problem=lone_problems())
@settings(max_examples=50)
def test_a_steady_planner_keeps_its_own_plan(policy: str, problem: PlanningProblem) -> None:
    """Asked again at the same moment with the plan it announced, it announces it again."""
    announced = plan(problem, policy, STEADY)
    again = plan(problem, policy, STEADY, previous=announced)
    assert [p.intervals for p in again.placements] == [p.intervals for p in announced.placements]


@every_policy
def test_what_runs_is_not_held_back_by_when_it_might_have_begun(policy: str) -> None:
    """A running job of which its earliest start says later goes on: it has begun."""
    runner = a_job(1, hours=1, within=0, earliest_start=NOON + timedelta(minutes=45), running=True, interruptible=True)
    [placement] = plan(a_problem(replace(runner, run_now=True), values=[0.0]), policy).placements
    assert placement.start == NOON
