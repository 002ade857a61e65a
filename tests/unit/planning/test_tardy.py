"""A job that must be late goes before those that can wait, and makes nobody else late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, problems
from fakes.problems import job as a_job
from fakes.problems import problem as a_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.plans import PlannableJob, PlanningProblem
from scheduler.planning import STEADY, PlanningSettings, plan
from scheduler.planning.settings import OFFLINE, PLAIN, RESERVED

CLEANER_AT_4_PM = [300.0] * 4 + [100.0] * 50
WITH_TIME = [a_job(number, hours=3, within=30, interruptible=True) for number in range(1, 6)]
TARDY = a_job(9, hours=6, within=5)

EVERY_GAIN, THOROUGH = (replace(how, hurries_late=True) for how in (PLAIN, OFFLINE))
either_way = pytest.mark.parametrize("how", [STEADY, EVERY_GAIN, THOROUGH])


def hours_held(problem: PlanningProblem, job: int, how: PlanningSettings = STEADY) -> list[tuple[float, float]]:
    placement = plan(problem, "carbonq", how).placement(job)
    assert placement is not None
    return [((span.start - NOON) / HOUR, (span.end - NOON) / HOUR) for span in placement.intervals]


def queue(*jobs: PlannableJob, gpus: int = 1, values: Sequence[float] = CLEANER_AT_4_PM) -> PlanningProblem:
    return a_problem(*jobs, gpus=gpus, values=values)


@either_way
@pytest.mark.parametrize("gpus", [1, 2])
def test_it_starts_at_once_where_all_others_can_wait(gpus: int, how: PlanningSettings) -> None:
    """It came last, and the others would all like the clean hours before it."""
    made = plan(queue(*WITH_TIME, TARDY, gpus=gpus), "carbonq", how)
    assert hours_held(queue(*WITH_TIME, TARDY, gpus=gpus), TARDY.id, how) == [(0, 6)]
    assert [placement.job for placement in made.placements if placement.late] == [TARDY.id]


@either_way
def test_running_it_is_not_interrupted_for_those_that_can_wait(how: PlanningSettings) -> None:
    """Clean hours come first, and there are fewer of them than work: with a pause all would emit less."""
    running = replace(TARDY, running=True, interruptible=True)
    later_dirtier = [100.0] * 6 + [600.0] * 8 + [50.0] * 60
    assert hours_held(queue(running, *WITH_TIME, values=later_dirtier), TARDY.id, how) == [(0, 6)]


@either_way
def test_it_waits_for_a_job_that_would_be_late_for_it(how: PlanningSettings) -> None:
    """But for none of the others, though these would be glad of any hour from 16 h on."""
    urgent = a_job(7, hours=4, within=4.5)
    made = plan(queue(TARDY, urgent, *WITH_TIME), "carbonq", how)
    assert [placement.job for placement in made.placements if placement.late] == [TARDY.id]
    ((start, end),) = hours_held(queue(TARDY, urgent, *WITH_TIME), TARDY.id, how)
    assert start <= 4.5
    assert end <= 10.5


@either_way
@pytest.mark.parametrize("values", [[100.0] * 8 + [300.0] * 40, CLEANER_AT_4_PM, [300.0] * 10 + [100.0] * 50])
def test_where_one_of_two_must_be_late_it_ends_as_soon_as_if_nobody_waited(
    values: list[float], how: PlanningSettings
) -> None:
    """Each could be in time for itself. The other four have a day, and could all be done before the second."""
    both = [a_job(number, hours=4, within=5) for number in (8, 9)]
    made = plan(queue(*WITH_TIME, *both, values=values), "carbonq", how)
    (late,) = (placement for placement in made.placements if placement.late)
    assert late.job in {8, 9}
    assert late.end <= NOON + 9 * HOUR


def test_of_two_that_which_is_due_first_goes_first() -> None:
    later, sooner = a_job(8, hours=6, within=5.5), a_job(9, hours=6, within=5)
    assert hours_held(queue(later, *WITH_TIME, sooner), 9) == [(0, 6)]
    assert hours_held(queue(later, *WITH_TIME, sooner), 8) == [(6, 12)]


def test_what_runs_goes_on_whatever_is_due_first() -> None:
    running = a_job(8, hours=6, within=5.5, running=True, interruptible=True)
    assert hours_held(queue(running, *WITH_TIME, TARDY), 8) == [(0, 6)]
    assert hours_held(queue(running, *WITH_TIME, TARDY), 9) == [(6, 12)]


@pytest.mark.parametrize("how", [STEADY, EVERY_GAIN])
def test_what_was_announced_of_others_does_not_stand_in_its_way(how: PlanningSettings) -> None:
    """Its submitter has moved the deadline from tomorrow to 17 h; others' places are held for less than that."""
    patient = replace(TARDY, finish_by=NOON + 40 * HOUR)
    announced = plan(queue(*WITH_TIME, patient), "carbonq", how)
    made = plan(queue(*WITH_TIME, TARDY), "carbonq", how, announced)
    placement = made.placement(TARDY.id)
    assert placement is not None
    assert placement.start == NOON


def test_behind_a_job_that_can_be_in_time_it_waits_for_that() -> None:
    """It is late by its predecessor, of which nothing but its own deadline is told."""
    ahead = a_job(8, hours=3, within=30)
    behind = replace(TARDY, after=(ahead.id,))
    problem = queue(*WITH_TIME, ahead, behind)
    made = plan(problem, "carbonq")
    first, second = made.placement(ahead.id), made.placement(behind.id)
    assert first is not None
    assert second is not None
    assert first.end <= second.start


def test_a_chain_that_cannot_be_in_time_is_hurried_from_its_beginning() -> None:
    ahead = a_job(8, hours=3, within=2)
    behind = replace(TARDY, after=(ahead.id,))
    assert hours_held(queue(*WITH_TIME, ahead, behind), ahead.id) == [(0, 3)]
    assert hours_held(queue(*WITH_TIME, ahead, behind), behind.id) == [(3, 9)]


def test_the_bound_is_that_of_plans_in_which_it_may_run_at_any_time() -> None:
    """At once it emits 600 g an hour for its first four; later it would emit 100."""
    made = plan(queue(*WITH_TIME, TARDY, values=[600.0] * 4 + [100.0] * 50), "carbonq", THOROUGH)
    assert made.emissions is not None
    assert made.lower_bound is not None
    assert made.lower_bound.grams <= 21 * 100
    assert made.emissions.grams == pytest.approx(4 * 600 + 17 * 100)


@pytest.mark.parametrize(("how", "start_h"), [(EVERY_GAIN, 0), (RESERVED, 19)])
def test_where_policies_are_compared_how_many_are_late_counts_and_not_how_late(
    how: PlanningSettings, start_h: float
) -> None:
    """A simulation's carbonq leaves it what the others do not want."""
    whole = [replace(job, interruptible=False) for job in WITH_TIME]
    assert hours_held(queue(*whole, TARDY), TARDY.id, how) == [(start_h, start_h + 6)]


@given(problem=problems(), how=st.sampled_from([STEADY, EVERY_GAIN]))
@settings(max_examples=100)
def test_hurrying_breaks_no_promise(problem: PlanningProblem, how: PlanningSettings) -> None:
    """Nobody is late whom first come, first served has in time, with as many late no more is emitted, and the bound
    holds."""
    made, usual = plan(problem, "carbonq", how), plan(problem, "run-now")
    late, usually = ({p.job for p in each.placements if p.late} for each in (made, usual))
    assert late <= usually
    assert made.emissions is not None
    assert usual.emissions is not None
    if len(late) == len(usually):
        assert made.emissions.grams <= usual.emissions.grams * (1 + 1e-9)
    if made.lower_bound is not None:
        assert made.lower_bound.grams <= made.emissions.grams * (1 + 1e-9)


@given(problem=problems())
@settings(max_examples=100)
def test_alone_in_the_queue_it_never_waits(problem: PlanningProblem) -> None:
    """Every job drawn, each for itself, its deadline an hour before it could end."""
    for job in problem.jobs:
        begin = NOON if job.running else max(NOON, job.earliest_start, job.submitted_at)
        lost = replace(job, after=(), finish_by=begin + job.remaining - HOUR)
        placement = plan(replace(problem, jobs=(lost,)), "carbonq", STEADY).placement(job.id)
        assert placement is not None
        assert placement.start == begin
        assert len(placement.intervals) == 1
