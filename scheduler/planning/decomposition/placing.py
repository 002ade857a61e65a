"""Jobs placed one after another in what is left, and placed again while the prices fade."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Ints, Jobs
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.parts import MAX_SEGMENTS, copy_segments
from scheduler.planning.decomposition.sooner import cheapest_parts_waited_for
from scheduler.planning.decomposition.timeline import Timeline, has_room, hold, is_free
from scheduler.planning.decomposition.whole import cheapest_whole, cost_of, soonest_whole

_BETTER, _EQUAL = 1 - 1e-9, 1 + 1e-12
"""A job is moved later for more than rounding only."""


class Placements(NamedTuple):
    """Mutable: job j holds its places in segments[j, :number[j]], [start, end) each; none while it is unplaced."""

    number: Ints
    segments: Ints


@compiled
def no_placements(jobs: int) -> Placements:
    return Placements(np.zeros(jobs, dtype=np.int64), np.zeros((jobs, MAX_SEGMENTS, 2), dtype=np.int64))


@compiled
def place_in_turn(line: Timeline, jobs: Jobs, placed: Placements, order: Ints, fade: float) -> int:
    """Place each unplaced job where it is cheapest and in time; the number of those that have no such place."""
    left = 0
    for j in order:
        if placed.number[j] == 0:
            put_best(line, jobs, placed, j, fade)
            left += placed.number[j] == 0
    return left


@lean
def place_soonest(line: Timeline, jobs: Jobs, placed: Placements, order: Ints) -> None:
    """Place each unplaced job as soon as there is room, in time or not."""
    for j in order:
        if placed.number[j] == 0:
            pool, lo = jobs.pool[j], _earliest(jobs, placed, j)
            has_room(line, pool, 2)
            work = jobs.work[j] + (jobs.switch[j] if jobs.going[j] else 0)
            start = soonest_whole(line, pool, lo, jobs.work[j], jobs.width[j])
            if not (jobs.going[j] and start == lo):
                start = soonest_whole(line, pool, lo, work, jobs.width[j])
                placed.segments[j, 0, 1] = start + work
            else:
                placed.segments[j, 0, 1] = start + jobs.work[j]
            placed.segments[j, 0, 0] = start
            placed.number[j] = 1
            hold(line, pool, start, placed.segments[j, 0, 1], jobs.width[j])


@compiled
def hold_announced(line: Timeline, jobs: Jobs, placed: Placements, announced: Placements, order: Ints) -> None:
    """Place each job as was announced, as far as that is still to come, does its work, fits and is in time."""
    left = np.empty((MAX_SEGMENTS, 2), dtype=np.int64)
    for j in order:
        number = _still_to_come(jobs, announced, j, left)
        if number == 0 or not has_room(line, jobs.pool[j], 2 * MAX_SEGMENTS):
            continue
        fits = left[0, 0] >= _earliest(jobs, placed, j) and left[number - 1, 1] <= _latest(jobs, placed, j)
        for k in range(number):
            fits = fits and is_free(line, jobs.pool[j], left[k, 0], left[k, 1], jobs.width[j])
        if fits:
            put(line, jobs, placed, j, left, number)


@lean
def _still_to_come(jobs: Jobs, announced: Placements, j: int, left: Ints) -> int:
    """(number of segments, in `left`) what is left of the announced ones; the last of them does what work is over."""
    number = 0
    for k in range(announced.number[j]):
        if announced.segments[j, k, 1] > jobs.lo[j]:
            left[number, 0] = max(announced.segments[j, k, 0], jobs.lo[j])
            left[number, 1] = announced.segments[j, k, 1]
            number += 1
    for last in range(number - 1, -1, -1):
        needed = jobs.work[j] + last * jobs.switch[j]
        if jobs.going[j] and left[0, 0] > jobs.lo[j]:
            needed += jobs.switch[j]
        for k in range(last):
            needed -= left[k, 1] - left[k, 0]
        if needed > (jobs.switch[j] if last > 0 else 0):
            left[last, 1] = left[last, 0] + needed
            return last + 1 if jobs.divisible[j] or last == 0 else 0
    return 0


@compiled
def improve(line: Timeline, jobs: Jobs, placed: Placements, order: Ints, fade: float) -> int:
    """Lift each job that is in time and let it choose again among the others; the number that moved."""
    moved = 0
    before = np.empty((MAX_SEGMENTS, 2), dtype=np.int64)
    for j in order:
        number = placed.number[j]
        if placed.segments[j, number - 1, 1] > jobs.hi[j]:
            continue
        copy_segments(placed.segments[j], number, before, 0)
        old = cost_now(line, jobs, placed, j, fade)
        lift(line, jobs, placed, j)
        new = put_best(line, jobs, placed, j, fade)
        if new < old * _BETTER:
            moved += 1
            continue
        if new <= old * _EQUAL and placed.segments[j, 0, 0] < before[0, 0]:
            # As good, and sooner: nobody is kept waiting for nothing.
            continue
        if placed.number[j] > 0:
            lift(line, jobs, placed, j)
        put(line, jobs, placed, j, before, number)
    return moved


@compiled
def put_best(line: Timeline, jobs: Jobs, placed: Placements, j: int, fade: float) -> float:
    """Place the job where it is cheapest and in time: the cost [g], or infinity where it stays unplaced."""
    for k in range(jobs.before_from[j], jobs.before_from[j + 1]):
        if placed.number[jobs.before[k]] == 0:
            return np.inf
    pool, width, grams = jobs.pool[j], jobs.width[j], jobs.grams[j]
    lo, hi = _earliest(jobs, placed, j), _latest(jobs, placed, j)
    work, switch = jobs.work[j], jobs.switch[j]
    chosen = np.empty((MAX_SEGMENTS, 2), dtype=np.int64)
    again = work + switch if jobs.going[j] else work
    wait, on_time = jobs.wait[j], jobs.lo[j] + work
    start, cost = cheapest_whole(line, pool, lo, hi, again, width, grams, fade, wait)
    cost += wait * (lo + again - on_time) * PER_SECOND
    length = again
    if jobs.going[j] and lo + work <= hi and soonest_whole(line, pool, lo, work, width) == lo:
        going_on = cost_of(line, pool, lo, lo + work, width, grams, fade) + wait * (lo + work - on_time) * PER_SECOND
        if start <= lo or going_on <= cost:
            start, cost, length = lo, going_on, work
    number = 0
    if jobs.divisible[j] and hi - lo > work and has_room(line, pool, 2 * MAX_SEGMENTS):
        number, in_parts = cheapest_parts_waited_for(
            line, pool, lo, hi, work, width, grams, fade, switch, jobs.switch_extra_s[j], jobs.min_run[j],
            jobs.going[j], wait, on_time, chosen,
        )  # fmt: skip
        if number < 2 or in_parts >= cost:
            number = 0
        else:
            cost = in_parts
    if number == 0 and start >= 0 and has_room(line, pool, 2):
        chosen[0, 0], chosen[0, 1] = start, start + length
        number = 1
    if number == 0:
        return np.inf
    put(line, jobs, placed, j, chosen, number)
    return cost


@lean
def put(line: Timeline, jobs: Jobs, placed: Placements, j: int, segments: Ints, number: int) -> None:
    """Where it was once, or where there is room; what trials have cut meanwhile is tidied where it is in the way."""
    has_room(line, jobs.pool[j], 2 * number)
    placed.number[j] = number
    copy_segments(segments, number, placed.segments[j], 0)
    for k in range(number):
        hold(line, jobs.pool[j], segments[k, 0], segments[k, 1], jobs.width[j])


@lean
def lift(line: Timeline, jobs: Jobs, placed: Placements, j: int) -> None:
    for k in range(placed.number[j]):
        hold(line, jobs.pool[j], placed.segments[j, k, 0], placed.segments[j, k, 1], -jobs.width[j])
    placed.number[j] = 0


@lean
def lift_some(
    line: Timeline, jobs: Jobs, placed: Placements, which: Ints, count: int, segments: Ints, numbers: Ints
) -> None:
    """Lift the first `count` of `which`, and remember where they were: what `put_back` asks for."""
    for i in range(count):
        numbers[i] = placed.number[which[i]]
        copy_segments(placed.segments[which[i]], numbers[i], segments[i], 0)
        lift(line, jobs, placed, which[i])


@lean
def put_back(
    line: Timeline, jobs: Jobs, placed: Placements, which: Ints, count: int, segments: Ints, numbers: Ints
) -> None:
    """The first `count` of `which`, wherever a trial has left them, where they were: the i-th in segments[i]."""
    for i in range(count):
        if placed.number[which[i]] > 0:
            lift(line, jobs, placed, which[i])
    for i in range(count):
        put(line, jobs, placed, which[i], segments[i], numbers[i])


@lean
def total_cost(line: Timeline, jobs: Jobs, placed: Placements) -> float:
    """Of all placements, waiting included [g], prices left out."""
    total = 0.0
    for j in range(jobs.lo.size):
        total += cost_now(line, jobs, placed, j, 0.0)
    return total


@lean
def cost_now(line: Timeline, jobs: Jobs, placed: Placements, j: int, fade: float) -> float:
    total = 0.0
    for k in range(placed.number[j]):
        start, end = placed.segments[j, k, 0], placed.segments[j, k, 1]
        total += cost_of(line, jobs.pool[j], start, end, jobs.width[j], jobs.grams[j], fade)
        if jobs.switch_extra_s[j] > 0 and (k > 0 or (jobs.going[j] and start > jobs.lo[j])):
            a_second = cost_of(line, jobs.pool[j], start, start + 1_000_000, jobs.width[j], jobs.grams[j], fade)
            total += jobs.switch_extra_s[j] * a_second
    if placed.number[j] > 0:
        end = placed.segments[j, placed.number[j] - 1, 1]
        total += jobs.wait[j] * (end - jobs.lo[j] - jobs.work[j]) * PER_SECOND
    return total


@lean
def _earliest(jobs: Jobs, placed: Placements, j: int) -> int:
    """When the job may begin, seen from those it waits for."""
    lo = jobs.lo[j]
    for k in range(jobs.before_from[j], jobs.before_from[j + 1]):
        ahead = jobs.before[k]
        lo = max(lo, placed.segments[ahead, placed.number[ahead] - 1, 1])
    return int(lo)


@lean
def _latest(jobs: Jobs, placed: Placements, j: int) -> int:
    """When the job must have ended, seen from those that wait for it."""
    hi = jobs.hi[j]
    for k in range(jobs.behind_from[j], jobs.behind_from[j + 1]):
        follower = jobs.behind[k]
        if placed.number[follower] > 0:
            hi = min(hi, placed.segments[follower, 0, 0])
    return int(hi)
