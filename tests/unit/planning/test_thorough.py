"""Where a plan could be better it is sought again: while somebody is late for nothing, or offline, above the bound."""

from __future__ import annotations

import numpy as np
import pytest
from planner_speed import emitted_g, instance, late_jobs, queue_of

from scheduler.planning.decomposition.arrays import Jobs
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.joint import Effort, solve
from scheduler.planning.decomposition.searching import Queue, Trials, ends, searched
from scheduler.planning.decomposition.shaking import shake

pytestmark = pytest.mark.skipif(not COMPILED, reason="minutes in plain Python; install numba")


def a_week_of(jobs: int, load: float, draw: int) -> Queue:
    """Quarter-hours; a daily wave of intensity with noise."""
    return queue_of(*instance(jobs, 672, 15, draw, load))


def test_fewer_are_late_where_the_search_is_made_again() -> None:
    """Three crowded draws in which one search leaves fifteen jobs late."""
    queues = [a_week_of(60, 0.85, draw) for draw in (2, 7, 19)]
    assert sum(late_jobs(queue, solve(queue, Effort(0.002))) for queue in queues) <= 11


def test_a_thorough_search_goes_on_until_it_is_within_one_percent_of_the_bound() -> None:
    """A draw at 80 % load where the ordinary one ends just above it."""
    queue = a_week_of(300, 0.8, 4)
    usual, thorough = solve(queue, Effort(0.002)), solve(queue, Effort(0.002, thorough=True))
    assert thorough.bound_g >= usual.bound_g
    assert emitted_g(queue.pieces, queue.jobs, thorough) <= 1.01 * thorough.bound_g
    assert emitted_g(queue.pieces, queue.jobs, thorough) < emitted_g(queue.pieces, queue.jobs, usual)


def test_a_thorough_search_makes_the_same_plan_each_time() -> None:
    """Nobody's figures depend on luck."""
    one, other = (solve(a_week_of(60, 0.8, 1), Effort(0.002, thorough=True)) for _ in range(2))
    assert (one.placed.number == other.placed.number).all()
    assert one.bound_g == other.bound_g


def a_week_of_sweeps(draw: int) -> Queue:
    """Ten jobs each of six kinds."""
    pieces, jobs, gpus = instance(60, 672, 15, draw, 0.8)
    alike = np.arange(60) % 6
    return queue_of(pieces, Jobs._make((*(column[alike] for column in jobs[:-4]), *jobs[-4:])), gpus)


@pytest.mark.parametrize("slip", [0.0, 0.02])
@pytest.mark.parametrize("draw", [3, 26])
def test_shaken_jobs_are_where_they_are_said_to_cost_least(draw: int, slip: float) -> None:
    """Not where they were before: in the second draw the last change, of equal jobs, cost as much but for rounding."""
    queue = a_week_of_sweeps(draw)
    found = searched(queue, queue.jobs.hi, np.zeros_like(queue.pieces.places), 0.0, Trials(0))
    in_time, before_g = np.flatnonzero(ends(found.placed) <= found.jobs.hi), found.total_g
    late_g = before_g - shake(found.line, found.jobs, found.placed, in_time, 0, 0.0, slip)
    told_g = shake(found.line, found.jobs, found.placed, in_time, 500, 0.0, slip)
    assert found.total_g == pytest.approx(late_g + told_g, rel=1e-9)
    assert found.total_g <= before_g
