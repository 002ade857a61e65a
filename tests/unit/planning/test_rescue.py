"""Late jobs before all: others give way, several at once, to a job that found no room in time."""

from __future__ import annotations

import numpy as np
import pytest
from fakes.clock import NOON
from fakes.problems import HOUR
from fakes.problems import job as a_job
from fakes.problems import problem as a_problem
from planner_speed import instance, late_jobs, queue_of

from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.planning import plan
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.joint import Effort, Joint, solve
from scheduler.planning.decomposition.searching import Queue
from scheduler.planning.settings import OFFLINE, RESERVED, PlanningSettings

SLOTS, GPUS = 672, 8


def planned(draw: int) -> tuple[Queue, Joint]:
    """20 jobs of 1, 2, 4 or 8 GPUs on 8 of them."""
    pieces, jobs, _ = instance(20, SLOTS, 15, draw)
    pieces = pieces._replace(places=np.vstack((np.full(SLOTS, float(GPUS)), np.zeros(SLOTS))))
    queue = queue_of(pieces, jobs, GPUS)
    return queue, solve(queue, Effort(0.002))


@pytest.mark.skipif(not COMPILED, reason="minutes in plain Python; install numba")
def test_wide_jobs_that_give_way_together_save_others_from_being_late() -> None:
    """A draw in which placing in turn, in whichever of five orders, leaves five jobs late, and one is enough."""
    assert late_jobs(*planned(28)) <= 1


@pytest.mark.skipif(not COMPILED, reason="minutes in plain Python; install numba")
def test_nothing_is_proven_of_a_plan_that_ends_beyond_what_is_known() -> None:
    """Each job takes all GPUs and four times as long: the last is over after the week."""
    queue, made = planned(4)
    crowded = queue._replace(jobs=queue.jobs._replace(width=np.full(20, GPUS), work=queue.jobs.work * 4))
    made = solve(crowded, Effort(0.002))
    ends = made.placed.segments[np.arange(20), made.placed.number - 1, 1]
    assert ends.max() > queue.pieces.edges[-1]
    assert made.bound_g == -np.inf


def late(made: Plan) -> set[int]:
    return {placement.job for placement in made.placements if placement.late}


@pytest.fixture
def crowded() -> PlanningProblem:
    """On the half that is not held two long jobs are due in nine hours and need eleven, a short one in four."""
    held = a_job(1, hours=18.99, width=8, within=19, interruptible=True, running=True)
    short = a_job(2, hours=0.6, width=8, within=4, interruptible=True)
    long = a_job(3, hours=5, width=8, within=9, interruptible=True, running=True)
    lost = a_job(4, hours=6, width=8, within=9, interruptible=True)
    return a_problem(held, short, long, lost, gpus=16, values=[300.0, 290, 310, 305, 300] * 12)


@pytest.mark.parametrize("how", [RESERVED, OFFLINE])
def test_a_running_job_gives_way_to_a_short_one_that_would_be_late(
    crowded: PlanningProblem, how: PlanningSettings
) -> None:
    """First come, first served has two late: what runs is not interrupted. One of them need not be."""
    assert late(plan(crowded, "run-now")) == {2, 4}
    assert late(plan(crowded, "carbonq", how)) == {4}


@pytest.mark.skipif(not COMPILED, reason="minutes in plain Python; install numba")
def test_where_somebody_must_be_late_the_others_still_wait_for_clean_hours() -> None:
    """No price is high enough for all to be in time; searched by such prices it was a fifth above the bound."""
    draw = np.random.default_rng(8)
    values = 200 + 100 * np.sin(np.arange(240) / 24 * 2 * np.pi) + draw.normal(0, 30, 240)
    jobs = []
    for n in range(1, 21):
        start, hours = float(draw.integers(0, 96)), float(draw.integers(2, 24))
        earliest = NOON + start * HOUR
        width = int(draw.choice([1, 2, 4, 8]))
        jobs.append(a_job(n, hours, start + hours + 36, earliest_start=earliest, width=width, interruptible=True))
    made = plan(a_problem(*jobs, values=np.maximum(values, 20).tolist(), gpus=8), "carbonq", OFFLINE)
    assert made.late_jobs > 0
    assert made.emissions is not None and made.lower_bound is not None
    assert made.emissions.grams <= 1.1 * made.lower_bound.grams
