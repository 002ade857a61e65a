"""Where a plan could be better it is sought again: while somebody is late for nothing, or offline, above the bound."""

from __future__ import annotations

import pytest
from planner_speed import emitted_g, instance, late_jobs, queue_of

from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.joint import Effort, solve
from scheduler.planning.decomposition.searching import Queue

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
