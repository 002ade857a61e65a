"""Random draws of the search."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from planner_speed import instance, queue_of

from scheduler.planning.decomposition.drawing import drawn, next_state
from scheduler.planning.decomposition.placing import no_placements
from scheduler.planning.decomposition.shaking import MOST, choose_some

HOUR_US = 3_600_000_000


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_what_is_drawn_does_not_decide_what_is_drawn_next(count: int) -> None:
    """Also of 2^k things, where a generator's low bits go round in a circle of that length."""
    state, last, seen = 1, 0, set()
    for _ in range(40 * count * count):
        state = next_state(state)
        now = drawn(state, count)
        seen.add((last, now))
        last = now
    assert seen >= set(permutations(range(count), 2))


def test_each_is_drawn_about_as_often() -> None:
    state, often = 1, [0] * 5
    for _ in range(10_000):
        state = next_state(state)
        often[drawn(state, 5)] += 1
    assert all(1_800 < times < 2_200 for times in often)


def test_half_of_the_trials_are_among_neighbours() -> None:
    """Twenty jobs of an hour, one after the other: near are those less than half an hour away, and some are drawn."""
    queue = queue_of(*instance(20, 96, 60, seed=1))
    jobs = queue.jobs._replace(pool=np.zeros_like(queue.jobs.pool), work=np.full(20, HOUR_US))
    placed = no_placements(20)
    placed.number[:] = 1
    placed.segments[:, 0, 0] = np.arange(20) * HOUR_US
    placed.segments[:, 0, 1] = placed.segments[:, 0, 0] + HOUR_US
    chosen, state, met = np.empty(MOST, dtype=np.int64), 1, set()
    for _ in range(200):
        count, state = choose_some(jobs, placed, np.arange(20), chosen, state, True)
        assert np.ptp(chosen[:count]) <= 2
        met |= set(chosen[:count].tolist()) if count > 1 else set()
    assert met == set(range(20))
