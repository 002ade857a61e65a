"""The cheapest uninterrupted placement of one job in the places that others leave."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND
from scheduler.planning.decomposition.compiled import lean
from scheduler.planning.decomposition.timeline import Timeline, piece_at

_TIE = 1 - 1e-12
"""Among placements that cost the same the earliest is taken, and rounding must not decide."""


@lean
def cheapest_whole(
    line: Timeline, pool: int, lo: int, hi: int, work: int, width: int, grams: float, fade: float, wait: float
) -> tuple[int, float]:
    """(start, cost under the faded prices, and of beginning later than `lo` [g]); start -1 where nothing fits.

    Exact in continuous time.
    """
    edges, free = line.edges[pool], line.free[pool]
    rate, price, per_place = line.rate[pool], line.price[pool], fade * width
    start, head = lo, piece_at(line, pool, lo)
    best_start, best = -1, np.inf
    while start + work <= hi:
        cost, at, tail = wait * (start - lo), start, head
        while at < start + work and free[tail] >= width:
            until = min(start + work, edges[tail + 1])
            cost += (until - at) * (grams * rate[tail] + per_place * price[tail])
            at = until
            tail += 1
        if at < start + work:
            start, head = edges[tail + 1], tail + 1
            continue
        tail -= 1
        if cost < best * _TIE:
            best_start, best = start, cost
        while start + work < hi:
            if start + work == edges[tail + 1]:
                tail += 1
                if free[tail] < width:
                    break
            step = min(edges[head + 1] - start, edges[tail + 1] - start - work, hi - work - start)
            gained = grams * rate[tail] + per_place * price[tail]
            cost += step * (gained - grams * rate[head] - per_place * price[head] + wait)
            start += step
            if start == edges[head + 1]:
                head += 1
            if cost < best * _TIE:
                best_start, best = start, cost
        if start + work >= hi:
            break
        start, head = edges[tail + 1], tail + 1
    return best_start, best * PER_SECOND


@lean
def soonest_whole(line: Timeline, pool: int, lo: int, work: int, width: int) -> int:
    """The first start from `lo` on; -1 where the pool never has the places."""
    edges, free = line.edges[pool], line.free[pool]
    start, piece = lo, piece_at(line, pool, lo)
    while piece < line.size[pool]:
        if free[piece] < width:
            start = edges[piece + 1]
        elif edges[piece + 1] >= start + work:
            return start
        piece += 1
    return -1


@lean
def cost_of(line: Timeline, pool: int, start: int, end: int, width: int, grams: float, fade: float) -> float:
    """Cost of holding [start, end) under the faded prices [g]."""
    piece, at, cost = piece_at(line, pool, start), start, 0.0
    while at < end:
        until = min(end, line.edges[pool, piece + 1])
        cost += (until - at) * (grams * line.rate[pool, piece] + fade * width * line.price[pool, piece])
        at = until
        piece += 1
    return cost * PER_SECOND
