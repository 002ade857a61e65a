"""Large-neighbourhood search: lift a few jobs at once, put them back in another order, keep what is not worse.

Mends what placing one job at a time cannot: two jobs that would both gain by trading places.
"""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import Ints, Jobs
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.drawing import drawn, next_state
from scheduler.planning.decomposition.parts import MAX_SEGMENTS, copy_segments
from scheduler.planning.decomposition.placing import (
    Placements,
    cost_now,
    lift,
    lift_some,
    no_placements,
    put,
    put_back,
    put_best,
)
from scheduler.planning.decomposition.timeline import Timeline, tidy

MOST = 5
"""Jobs lifted at once."""
_TRIES, _TRIES_NEAR = 4, 24
"""Draws for each of them: of many jobs few are near."""
_TIDY_EVERY = 8
_EQUAL = 1 + 1e-12
_SEED = 20_261_123


@compiled
def shake(
    line: Timeline, jobs: Jobs, placed: Placements, candidates: Ints, rounds: int, enough_g: float, slip: float
) -> float:  # fmt: skip
    """Sum of the candidates' costs [g] after at most `rounds` trials, fewer once it is not above `enough_g`.

    What is worse than before is kept for a while, too, as long as it is no more than a share `slip`, which shrinks to
    nothing, above the best so far (record-to-record travel; Dueck, 1993).
    """
    total = 0.0
    for j in candidates:
        total += cost_now(line, jobs, placed, j, 0.0)
    if candidates.size < 2:
        return total
    chosen = np.empty(MOST, dtype=np.int64)
    numbers = np.empty(MOST, dtype=np.int64)
    segments = np.empty((MOST, MAX_SEGMENTS, 2), dtype=np.int64)
    state, best, least = _SEED, no_placements(placed.number.size), total
    if slip > 0:
        _copy_all(placed, candidates, best)
    for turn in range(rounds):
        if least <= enough_g:
            break
        if turn % _TIDY_EVERY == 0:
            for pool in range(line.size.size):
                tidy(line, pool)
        # Neighbours trade places; who is far away finds a place that nobody near had to give.
        count, state = choose_some(jobs, placed, candidates, chosen, state, turn % 2 == 0)
        old = 0.0
        for i in range(count):
            old += cost_now(line, jobs, placed, chosen[i], 0.0)
        lift_some(line, jobs, placed, chosen, count, segments, numbers)
        state = next_state(state)
        fade = 0.5 if drawn(state, 4) == 0 else 0.0
        new = 0.0
        for i in range(count):
            if np.isfinite(put_best(line, jobs, placed, chosen[i], fade)):
                new += cost_now(line, jobs, placed, chosen[i], 0.0)
            else:
                new = np.inf
                break
        if new <= old * _EQUAL or total + new - old <= least * (1 + slip * (1 - turn / rounds)):
            total += new - old
            if slip > 0 and total < least:
                _copy_all(placed, candidates, best)
            least = min(least, total)
            continue
        put_back(line, jobs, placed, chosen, count, segments, numbers)
    # Without a slip it is above the least by rounding at most, and nothing was remembered.
    if slip > 0 and total > least:
        for j in candidates:
            lift(line, jobs, placed, j)
        for j in candidates:
            put(line, jobs, placed, j, best.segments[j], best.number[j])
    return least


@lean
def _copy_all(placed: Placements, candidates: Ints, into: Placements) -> None:
    for j in candidates:
        into.number[j] = placed.number[j]
        copy_segments(placed.segments[j], placed.number[j], into.segments[j], 0)


@lean
def choose_some(
    jobs: Jobs, placed: Placements, candidates: Ints, chosen: Ints, state: int, near: bool
) -> tuple[int, int]:  # fmt: skip
    """(how many, next state): different jobs of one pool, in random order, whose windows overlap the first one's.

    Where `near` they lie less than half its length away from it.
    """
    state = next_state(state)
    wanted = 2 + drawn(state, min(MOST, candidates.size) - 1)
    state = next_state(state)
    first = candidates[drawn(state, candidates.size)]
    chosen[0], count = first, 1
    begin, end = jobs.lo[first], jobs.hi[first]
    if near:
        begin = placed.segments[first, 0, 0] - jobs.work[first] // 2
        end = placed.segments[first, placed.number[first] - 1, 1] + jobs.work[first] // 2
    for _ in range((_TRIES_NEAR if near else _TRIES) * MOST):
        if count == wanted:
            break
        state = next_state(state)
        j = candidates[drawn(state, candidates.size)]
        if near:
            meets = placed.segments[j, 0, 0] < end and begin < placed.segments[j, placed.number[j] - 1, 1]
        else:
            meets = jobs.lo[j] < end and begin < jobs.hi[j]
        fresh = True
        for i in range(count):
            fresh = fresh and chosen[i] != j
        if meets and fresh and jobs.pool[j] == jobs.pool[first]:
            chosen[count] = j
            count += 1
    state = next_state(state)
    swap = drawn(state, count)
    chosen[0], chosen[swap] = chosen[swap], chosen[0]
    return count, state
