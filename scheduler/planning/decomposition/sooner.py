"""A job in several segments whose user prices waiting: the cheapest set for each of a few latest ends, and the best."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Ints
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.parts import cheapest_parts, copy_segments
from scheduler.planning.decomposition.timeline import Timeline, piece_at

_ENDS = 6
"""Latest ends tried, evenly from the soonest on. They do not depend on the price: a higher one never ends later."""


@compiled
def cheapest_parts_waited_for(
    line: Timeline, pool: int, lo: int, hi: int, work: int, width: int, grams: float, fade: float, switch: int,
    extra_s: float, min_run: int, going: bool, wait: float, on_time: int, segments: Ints,
) -> tuple[int, float]:  # fmt: skip
    """As `cheapest_parts`, with `wait` [g/s] to pay for every second by which the job ends after `on_time`."""
    number, cost = cheapest_parts(
        line, pool, lo, hi, work, width, grams, fade, switch, extra_s, min_run, going, segments
    )  # fmt: skip
    if wait <= 0 or number == 0:
        return number, cost
    end_sooner(line, pool, width, segments, number)
    latest = segments[number - 1, 1]
    soonest = soonest_end_in_parts(line, pool, lo, latest, work, width, switch, min_run, going)
    cost += wait * (latest - on_time) * PER_SECOND
    tried = np.empty_like(segments)
    for k in range(_ENDS):
        until = soonest + (latest - soonest) * k // _ENDS
        count, found = cheapest_parts(
            line, pool, lo, until, work, width, grams, fade, switch, extra_s, min_run, going, tried
        )  # fmt: skip
        if count == 0:
            continue
        end_sooner(line, pool, width, tried, count)
        found += wait * (tried[count - 1, 1] - on_time) * PER_SECOND
        if found <= cost:
            number, cost = count, found
            copy_segments(tried, count, segments, 0)
    return number, cost


@lean
def end_sooner(line: Timeline, pool: int, width: int, segments: Ints, number: int) -> None:
    """Move the last of several segments to where the stretch that it lies in begins, for that costs nothing."""
    if number < 2:
        return
    start, end = segments[number - 1, 0], segments[number - 1, 1]
    piece = piece_at(line, pool, start)
    if not _alike(line, pool, piece, piece_at(line, pool, end - 1)):
        return
    first = piece
    while first > 0 and line.free[pool, first - 1] >= width and _alike(line, pool, first - 1, piece):
        first -= 1
    begin = max(segments[number - 2, 1] + 1, line.edges[pool, first])
    if begin < start:
        segments[number - 1, 0], segments[number - 1, 1] = begin, begin + end - start


@lean
def _alike(line: Timeline, pool: int, first: int, last: int) -> bool:
    """Whether intensity and price stay the same from one piece to another."""
    for i in range(first + 1, last + 1):
        if line.rate[pool, i] != line.rate[pool, first] or line.price[pool, i] != line.price[pool, first]:
            return False
    return True


@lean
def soonest_end_in_parts(
    line: Timeline, pool: int, lo: int, hi: int, work: int, width: int, switch: int, min_run: int, going: bool
) -> int:  # fmt: skip
    """When the job ends that runs wherever there is room for more than a switch; `hi` where that is no sooner."""
    piece, begin, left, begun = piece_at(line, pool, lo), lo, work, going
    while begin < hi and piece < line.size[pool]:
        if line.free[pool, piece] < width:
            piece += 1
            begin = line.edges[pool, piece]
            continue
        end = begin
        while piece < line.size[pool] and line.free[pool, piece] >= width:
            piece += 1
            end = line.edges[pool, piece]
        paid = switch if begun and not (going and begin == lo) else 0
        if end - begin >= paid + max(min_run, 1):
            if end - begin >= paid + left:
                return min(hi, begin + paid + max(left, min_run))
            left -= end - begin - paid
            begun = True
        begin = end
    return hi
