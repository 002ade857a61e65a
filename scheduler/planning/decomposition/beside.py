"""Jobs choosing again beside the fluid of what is expected: each change is judged by what both then emit."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs
from scheduler.planning.decomposition.bed import Bed, keep, restore, take_room
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.drawing import drawn, next_state
from scheduler.planning.decomposition.flowing import flow, worths
from scheduler.planning.decomposition.parts import MAX_SEGMENTS
from scheduler.planning.decomposition.placing import Placements, cost_now, lift_some, put_back, put_best
from scheduler.planning.decomposition.shaking import MOST, choose_some
from scheduler.planning.decomposition.timeline import Timeline, tidy

_EQUAL, _WORTH_A_ROUND = 1 + 1e-12, 1 - 1e-5
_AT_PRESENT = 0.7
"""Share of what a place is worth to the fluid as it flows at present, in its price; the rest is what all jobs and the
fluid together make of it. The first holds for the first place only, the second knows nothing of where jobs are now."""
_FADES = (1.0, 1.0, 1.0, 1.0, 0.5, 1.5)
"""Of the fluid's prices, one drawn for each trial."""


@compiled
def improve_beside(
    line: Timeline, jobs: Jobs, placed: Placements, order: Ints, edges: Ints, prices: Floats, bed: Bed, rounds: int,
    trials: int, enough_g: float, seed: int,
) -> float:  # fmt: skip
    """Let each job choose again in order, for some rounds, then a few at a time: what the fluid emits then [g].

    Those in `order` are in time and stay so; `seed` says who is drawn. No more once jobs and fluid together are not
    above `enough_g`.
    """
    for j in range(jobs.lo.size):
        _take(edges, bed, jobs, placed, j, 1)
    sums = np.zeros(2)
    for j in range(jobs.lo.size):
        sums[0] += cost_now(line, jobs, placed, j, 0.0)
    sums[1] = flow(bed)
    chosen, numbers = np.empty(MOST, dtype=np.int64), np.empty(MOST, dtype=np.int64)
    segments = np.empty((MOST, MAX_SEGMENTS, 2), dtype=np.int64)
    for _ in range(rounds):
        before = sums[0] + sums[1]
        for j in order:
            if sums[0] + sums[1] <= enough_g:
                break
            chosen[0] = j
            _try(line, jobs, placed, chosen, 1, edges, prices, bed, 1.0, sums, numbers, segments)
        if sums[0] + sums[1] >= before * _WORTH_A_ROUND:
            break
    state = seed
    for _ in range(trials if order.size > 1 else 0):
        if sums[0] + sums[1] <= enough_g:
            break
        count, state = choose_some(jobs, placed, order, chosen, state, False)
        state = next_state(state)
        fade = _FADES[drawn(state, len(_FADES))]
        _try(line, jobs, placed, chosen, count, edges, prices, bed, fade, sums, numbers, segments)
    return float(sums[1])


@lean
def _try(
    line: Timeline, jobs: Jobs, placed: Placements, chosen: Ints, count: int, edges: Ints, prices: Floats, bed: Bed,
    fade: float, sums: Floats, numbers: Ints, segments: Ints,
) -> None:  # fmt: skip
    """Lift those chosen and let them choose in turn; all is as before where that emits more. `sums`: jobs, fluid."""
    pool = jobs.pool[chosen[0]]
    for i in range(line.size[pool]):
        line.price[pool, i] = 0.0
    tidy(line, pool)
    keep(bed)
    old = 0.0
    for i in range(count):
        old += cost_now(line, jobs, placed, chosen[i], 0.0)
        _take(edges, bed, jobs, placed, chosen[i], -1)
    lift_some(line, jobs, placed, chosen, count, segments, numbers)
    least_flowing = flow(bed)
    worths(bed)
    new, moved = 0.0, False
    for i in range(count):
        j = chosen[i]
        _price(line, pool, edges, prices, bed, jobs.width[j])
        if not np.isfinite(put_best(line, jobs, placed, j, fade)):
            new = np.inf
            break
        new += cost_now(line, jobs, placed, j, 0.0)
        least_flowing += _take(edges, bed, jobs, placed, j, 1)
        moved = moved or not _same(placed, j, segments[i], numbers[i])
    # Once the jobs are in its way again the fluid loses at least what their places were worth: often that tells enough.
    if moved and new + least_flowing <= (old + sums[1]) * _EQUAL:
        flowing = flow(bed)
        if new + flowing <= (old + sums[1]) * _EQUAL:
            sums[0] += new - old
            sums[1] = flowing
            return
    for i in range(count):
        _take(edges, bed, jobs, placed, chosen[i], -1)
    put_back(line, jobs, placed, chosen, count, segments, numbers)
    for i in range(count):
        _take(edges, bed, jobs, placed, chosen[i], 1)
    restore(bed)


@lean
def _same(placed: Placements, j: int, segments: Ints, number: int) -> bool:
    same = bool(placed.number[j] == number)
    for k in range(number):
        same = same and placed.segments[j, k, 0] == segments[k, 0] and placed.segments[j, k, 1] == segments[k, 1]
    return same


@lean
def _price(line: Timeline, pool: int, edges: Ints, prices: Floats, bed: Bed, width: int) -> None:
    """To a job so wide a place costs what the fluid loses that must give way to it; what is free costs nothing."""
    count = edges.size - 1
    piece, price = -1, 0.0
    for i in range(line.size[pool]):
        start, moved = line.edges[pool, i], False
        while piece < count and (piece < 0 or edges[piece + 1] <= start):
            piece += 1
            moved = True
        if piece == count:
            price = 0.0
        elif moved:
            row, price = bed.row[pool * count + piece], 0.0
            if row >= 0:
                free = bed.now.left[row] / ((edges[piece + 1] - edges[piece]) * PER_SECOND)
                price = _AT_PRESENT * bed.worth[row] + (1.0 - _AT_PRESENT) * prices[pool, piece]
                price *= min(1.0, max(0.0, 1.0 - free / width))
        line.price[pool, i] = price


@lean
def _take(edges: Ints, bed: Bed, jobs: Jobs, placed: Placements, j: int, times: int) -> float:
    """The room of all its segments, or give it back where `times` is -1; what it is worth to the fluid at least [g]."""
    worth, places = 0.0, times * jobs.width[j]
    for k in range(placed.number[j]):
        start, end = placed.segments[j, k, 0], placed.segments[j, k, 1]
        worth += take_room(edges, bed, jobs.pool[j], start, end, places)
    return worth
