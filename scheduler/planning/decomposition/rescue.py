"""Room in time for a job that found none: a few of those in its way are lifted, it chooses first, and they again.

Placing in turn, in whatever order, misses plans in which the others give way only a little; late jobs come before all.
"""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import Ints, Jobs
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.drawing import drawn, next_state
from scheduler.planning.decomposition.parts import MAX_SEGMENTS
from scheduler.planning.decomposition.placing import Placements, lift, lift_some, put_back, put_best
from scheduler.planning.decomposition.timeline import Timeline, tidy

_MOST = 12
"""Jobs lifted at once."""
_TRIALS = 100
"""For all unplaced jobs together."""
_PLACES = 64
"""Beginnings from which the job is tried to be placed."""
_SEED = 20_261_128


@compiled
def rescue(line: Timeline, jobs: Jobs, placed: Placements, order: Ints) -> int:
    """Place unplaced jobs in time among the others, which stay in time; the number that found room."""
    found, state, left = 0, _SEED, _TRIALS
    in_the_way = np.empty(order.size, dtype=np.int64)
    for j in order:
        if placed.number[j] > 0 or jobs.hi[j] - jobs.lo[j] < jobs.work[j]:
            continue
        count = _overlapping(jobs, placed, order, j, in_the_way)
        while left > 0 and count > 0 and placed.number[j] == 0:
            left -= 1
            for pool in range(line.size.size):
                tidy(line, pool)
            state = _try(line, jobs, placed, j, in_the_way, count, state)
        found += placed.number[j] > 0
    return found


@lean
def _overlapping(jobs: Jobs, placed: Placements, order: Ints, j: int, into: Ints) -> int:
    """(how many, in `into`) placed jobs of the same pool that hold places in the window of job j."""
    count = 0
    for k in order:
        if k == j or jobs.pool[k] != jobs.pool[j]:
            continue
        for s in range(placed.number[k]):
            if placed.segments[k, s, 0] < jobs.hi[j] and placed.segments[k, s, 1] > jobs.lo[j]:
                into[count] = k
                count += 1
                break
    return count


@compiled
def _try(
    line: Timeline, jobs: Jobs, placed: Placements, j: int, in_the_way: Ints, count: int, state: int
) -> int:  # fmt: skip
    """One trial with some of those in the way, drawn at random; all is as before where it fails. The next state."""
    state = next_state(state)
    wanted = 1 + drawn(state, min(_MOST, count))
    numbers = np.empty(wanted, dtype=np.int64)
    segments = np.empty((wanted, MAX_SEGMENTS, 2), dtype=np.int64)
    for i in range(wanted):
        state = next_state(state)
        other = i + drawn(state, count - i)
        in_the_way[i], in_the_way[other] = in_the_way[other], in_the_way[i]
    lift_some(line, jobs, placed, in_the_way, wanted, segments, numbers)
    state = next_state(state)
    lo = jobs.lo[j]
    if drawn(state, 4) > 0:
        state = next_state(state)
        # Its cheapest place may be the one that the others cannot do without.
        jobs.lo[j] = lo + (jobs.hi[j] - jobs.work[j] - lo) * drawn(state, _PLACES) // _PLACES
    fits = np.isfinite(put_best(line, jobs, placed, j, 0.0))
    jobs.lo[j] = lo
    for i in range(wanted):
        fits = fits and np.isfinite(put_best(line, jobs, placed, in_the_way[i], 0.0))
    if fits:
        return state
    if placed.number[j] > 0:
        lift(line, jobs, placed, j)
    put_back(line, jobs, placed, in_the_way, wanted, segments, numbers)
    return state
