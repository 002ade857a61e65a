"""Late jobs before all: others give way, several at once, to a job that found no room in time."""

from __future__ import annotations

import numpy as np
import pytest
from planner_speed import instance

from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.joint import Effort, Held, Joint, Queue, solve

NONE = np.zeros(0, dtype=np.int64)
SLOTS, GPUS = 672, 8


def planned(draw: int) -> tuple[Queue, Joint]:
    """20 jobs of 1, 2, 4 or 8 GPUs on 8 of them."""
    pieces, jobs, _ = instance(20, SLOTS, 15, draw)
    pieces = pieces._replace(places=np.vstack((np.full(SLOTS, float(GPUS)), np.zeros(SLOTS))))
    ease = (jobs.hi - jobs.lo - jobs.work) / jobs.work * (1 + jobs.divisible)
    order = np.argsort(ease, kind="stable")
    queue = Queue(pieces, jobs, np.array([GPUS, 0]), Held(NONE, NONE, NONE, NONE), order, 20)
    return queue, solve(queue, Effort(0.002))


def late_jobs(queue: Queue, made: Joint) -> int:
    ends = made.placed.segments[np.arange(20), made.placed.number - 1, 1]
    return int((ends > queue.jobs.hi).sum())


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
