"""Several jobs and what they owe each other."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, MINUTE, forecast, job, problem

from scheduler.domain.errors import RequestError
from scheduler.domain.gpus import Pool
from scheduler.domain.plans import PlanningProblem, SwitchCost
from scheduler.domain.units import Power
from scheduler.planning import OURS, STEADY, latest_safe_start, plan

DUCK = [300, 250, 120, 100, 110, 260, 400, 420]


def test_two_jobs_that_want_the_same_hour_share_what_is_there() -> None:
    made = plan(problem(job(1, within=8), job(2, within=8), values=DUCK), "lowest-window")
    starts = sorted(p.start for p in made.placements)
    assert starts == [NOON + 3 * HOUR, NOON + 4 * HOUR]


def test_the_job_that_can_wait_least_chooses_first() -> None:
    """The later arrival with the nearer deadline gets the one hour in which it can still make it."""
    patient, pressed = job(1, hours=2, within=8), job(2, hours=2, within=4)
    made = plan(problem(patient, pressed, values=DUCK), "lowest-window")
    placement = made.placement(2)
    assert placement is not None
    assert placement.start == NOON + 2 * HOUR
    assert made.late_jobs == 0


def test_the_latest_safe_start_leaves_time_for_the_work() -> None:
    assert latest_safe_start(job(hours=3, within=8)) == NOON + 5 * HOUR


def test_cpu_slots_and_gpus_do_not_compete() -> None:
    made = plan(problem(job(1, within=8), job(2, within=8, pool=Pool.CPU), values=DUCK), "lowest-window")
    assert {p.start for p in made.placements} == {NOON + 3 * HOUR}


def test_a_job_waits_for_those_it_comes_after() -> None:
    first, second = job(1, within=8), job(2, within=8, after=(1,))
    made = plan(problem(first, second, values=[500, 100, 100, 500, 500, 500, 500, 500]), "lowest-window")
    assert [p.start for p in made.placements] == [NOON + HOUR, NOON + 2 * HOUR]


def test_a_dependency_outside_the_problem_has_been_met() -> None:
    made = plan(problem(job(2, within=8, after=(1,)), values=DUCK), "lowest-window")
    assert made.placements[0].start == NOON + 3 * HOUR


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        plan(problem(job(1, after=(2,)), job(2, after=(1,)), values=DUCK), "run-now")


def test_run_now_starts_at_once_though_others_wait_for_cleaner_power() -> None:
    """The place that a patient job ahead of it leaves free is used."""
    patient, pressed = job(1, hours=2, within=8), job(2, within=8, run_now=True)
    made = plan(problem(patient, pressed, values=DUCK), "lowest-window")
    placement = made.placement(2)
    assert placement is not None
    assert (placement.start, placement.reason) == (NOON, "run-now")


def test_a_job_wider_than_the_machine_is_left_out_with_its_dependants_and_named() -> None:
    """A GPU may have gone; the rest of the queue is planned all the same."""
    made = plan(problem(job(1, width=2), job(2, after=(1,)), job(3), values=DUCK), "lowest-window")
    assert [p.job for p in made.placements] == [3]
    assert "job 1 needs 2 GPUs and the machine has 1" in made.notes
    assert "job 2 waits for job 1, which cannot be planned" in made.notes


def test_a_running_job_keeps_its_places_though_the_machine_has_shrunk() -> None:
    made = plan(problem(job(1, width=2, running=True), job(2, within=8), values=DUCK), "run-now")
    assert [p.start for p in made.placements] == [NOON, NOON + HOUR]


def test_an_unknown_policy_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(RequestError, match="lowest-window"):
        plan(problem(job()), "psychic")


def test_a_thousand_jobs_over_a_week_are_planned_together() -> None:
    """Quarter-hours, half of the jobs interruptible: each has a place, and nobody is late who need not be."""
    draw = random.Random(7)
    week = [200 + 150 * ((h * 7) % 24) / 24 for h in range(7 * 24 * 4)]
    jobs = [
        job(
            n, length := draw.uniform(0.2, 12), width=draw.choice([1, 2, 4]), power=Power(500),
            within=length + draw.uniform(0, 150), interruptible=n % 2 == 0,
        )
        for n in range(1, 1001)
    ]  # fmt: skip
    known = PlanningProblem(NOON, tuple(jobs), {Pool.GPU: 96, Pool.CPU: 0}, forecast(week, 15 * MINUTE))
    usual = plan(known, "run-now")
    for policy in OURS:
        made = plan(known, policy)
        assert len(made.placements) == 1000 and made.late_jobs <= usual.late_jobs


# --- hysteresis ------------------------------------------------------------------------------------------------
def test_a_start_is_not_delayed_for_less_than_three_percent() -> None:
    slightly = problem(job(within=8), values=[100, 98, 98, 98, 98, 98, 98, 98])
    assert plan(slightly, "lowest-window").placements[0].start == NOON + HOUR
    assert plan(slightly, "lowest-window", STEADY).placements[0].start == NOON


def test_a_start_is_delayed_for_more_than_three_percent() -> None:
    clearly = problem(job(within=8), values=[100, 96, 98, 98, 98, 98, 98, 98])
    assert plan(clearly, "lowest-window", STEADY).placements[0].start == NOON + HOUR


@pytest.mark.parametrize(("better", "start"), [(95, 2), (93, 5)])
def test_an_announced_plan_moves_for_six_percent_and_not_for_less(better: float, start: int) -> None:
    announced = plan(problem(job(within=8), values=[300, 200, 100, 200, 200, 200, 200, 200]), "lowest-window", STEADY)
    assert announced.placements[0].start == NOON + 2 * HOUR
    later = problem(job(within=8), values=[300, 200, 100, 200, 200, better, 200, 200])
    again = plan(later, "lowest-window", STEADY, previous=announced)
    assert again.placements[0].start == NOON + start * HOUR


def test_a_running_job_keeps_to_what_was_announced_of_it() -> None:
    """Half an hour in, what is left of its stretch is what stays."""
    announced = plan(problem(job(hours=2, within=8), values=DUCK), "lowest-window", STEADY)
    assert announced.placements[0].start == NOON + 3 * HOUR
    later = NOON + 3.5 * HOUR
    half_done = job(hours=1.5, within=8, running=True, interruptible=True)
    again = plan(replace(problem(half_done, values=DUCK), now=later), "suspend-resume", STEADY, previous=announced)
    assert again.placements[0].intervals[0].start == later
    assert again.placements[0].end == NOON + timedelta(hours=5)


@pytest.mark.parametrize("switch", [0, 2])
def test_one_job_that_fits_only_around_another_is_planned_in_parts_whatever_its_deadline(switch: int) -> None:
    """Ten minutes before a job of the whole machine and the rest after it, due at no edge of the forecast."""
    cost = SwitchCost(switch * MINUTE)
    running = job(4, 1 / 6, 1 / 6, running=True, run_now=True, switch=cost)
    whole_machine = job(1, 1 / 6, 1 / 6, width=4, run_now=True, switch=cost)
    around = job(3, 1 / 3, 35 / 60, interruptible=True, switch=cost)
    made = plan(problem(running, whole_machine, around, values=[300, 200, 100], gpus=4), "carbonq")
    placement = made.placement(3)
    assert placement is not None and not placement.late
    before, after = placement.intervals
    assert before.end <= NOON + 10 * MINUTE and after.start >= NOON + 20 * MINUTE
