"""What a job is said to wait for: places only where there are none for it, given what runs and is planned beside it."""

from __future__ import annotations

from fakes.clock import NOON
from fakes.problems import HOUR, job, problem

from scheduler.domain.gpus import Pool
from scheduler.domain.plans import Plan
from scheduler.planning import STEADY, plan

DIRTY_THEN_CLEAN = [300, 290, 200, 310, 320, 300, 300, 80, 80, 80, 80, 300, 300, 300, 300, 300]


def reasons(made: Plan) -> dict[int, str]:
    return {placement.job: placement.reason for placement in made.placements}


def test_a_job_beside_an_empty_place_waits_for_cleaner_power() -> None:
    """Though first come, first served would begin it later, for then those before it would not wait."""
    patient = job(1, hours=4, within=24, pool=Pool.CPU)
    impatient = job(2, hours=4, within=24, pool=Pool.CPU, running=True, run_now=True)
    asked = problem(patient, impatient, job(3, within=3, pool=Pool.CPU), values=DIRTY_THEN_CLEAN, cpus=2)
    made = plan(asked, "carbonq")
    placed = made.placement(3)
    assert placed is not None and (placed.start, placed.run_now_start) == (NOON + 2 * HOUR, NOON + 4 * HOUR)
    assert reasons(made) == {1: "carbon-window", 2: "running", 3: "carbon-window"}


def test_a_job_that_begins_as_soon_as_a_place_is_free_waits_for_places() -> None:
    """Even where it is cleaner by then: it could not have begun before."""
    asked = problem(job(1, hours=2, within=2, running=True), job(2, within=12), values=[300, 300, 80, 300])
    assert reasons(plan(asked, "carbonq", STEADY)) == {1: "running", 2: "resources"}


def test_a_gap_that_is_too_short_is_no_room() -> None:
    """Two hours of work, and one free before a job that is planned already."""
    ahead = job(1, within=2, earliest_start=NOON + HOUR)
    asked = problem(ahead, job(2, hours=2, within=5), values=[300, 80, 200, 200, 400])
    assert reasons(plan(asked, "carbonq")) == {1: "run-now", 2: "resources"}


def test_a_gap_is_room_for_a_part_of_a_job_that_may_pause() -> None:
    """It does not take the hour that is free at once, which is dirty; where that is clean it does."""
    ahead = job(1, within=2, earliest_start=NOON + HOUR)
    waits = job(2, hours=2, within=6, interruptible=True)
    dirty, clean = (
        plan(problem(ahead, waits, values=[first, 80, 100, 100, 400, 400]), "carbonq") for first in (300, 50)
    )
    assert reasons(dirty)[2] == "carbon-window"
    assert reasons(clean)[2] == "run-now"


def test_a_policy_without_pauses_lets_no_part_of_a_gap_pass() -> None:
    """First come, first served waits for room for the whole, whatever is free and however clean."""
    ahead = job(1, within=2, earliest_start=NOON + HOUR)
    waits = job(2, hours=2, within=6, interruptible=True, submitted_at=NOON)
    asked = problem(ahead, waits, values=[50, 80, 100, 100, 400, 400])
    assert reasons(plan(asked, "run-now"))[2] == "resources"


def test_who_comes_after_others_waits_for_them_and_for_cleaner_power_only_beyond_their_end() -> None:
    """That they wait for it is not its own waiting."""
    asked = problem(job(1, within=4), job(2, within=4, after=(1,)), values=[400, 400, 100, 100])
    assert reasons(plan(asked, "carbonq")) == {1: "carbon-window", 2: "dependency"}
    asked = problem(job(1, within=1), job(2, within=4, after=(1,)), values=[400, 400, 100, 100])
    assert reasons(plan(asked, "carbonq")) == {1: "due", 2: "carbon-window"}


def test_who_is_not_to_wait_waits_for_no_power() -> None:
    asked = problem(job(1, hours=2, within=2, running=True), job(2, within=9, run_now=True), values=[300, 300, 80, 80])
    assert reasons(plan(asked, "carbonq"))[2] == "resources"
