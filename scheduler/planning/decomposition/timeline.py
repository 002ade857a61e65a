"""Free places, intensity and price over time, piece by piece; pieces are cut as jobs are placed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import Floats, Ints
from scheduler.planning.decomposition.compiled import lean


class Timeline(NamedTuple):
    """Mutable arrays, a row a pool; only the first `size[pool]` pieces mean something, the last of them has no end."""

    size: Ints
    edges: Ints
    free: Ints
    rate: Floats
    price: Floats


END = np.iinfo(np.int64).max // 4
"""The edge after the last piece."""


def timeline_over(edges: Ints, rate: Floats, prices: Floats, capacity: Ints, room: int) -> Timeline:
    """All places free, and after the last edge a piece of mean intensity; room for `room` cuts in each pool."""
    pools, pieces = prices.shape
    shape = pools, pieces + room + 2
    made = Timeline(
        np.full(pools, pieces + 1), np.full(shape, END), np.zeros(shape, dtype=np.int64), np.zeros(shape),
        np.zeros(shape),
    )  # fmt: skip
    made.edges[:, : pieces + 1], made.free[:, : pieces + 1] = edges, capacity[:, None]
    made.rate[:, :pieces], made.rate[:, pieces] = rate, rate.mean()
    made.price[:, :pieces] = prices
    return made


@lean
def piece_at(line: Timeline, pool: int, moment: int) -> int:
    """The piece that holds `moment`."""
    low, high = 0, line.size[pool] - 1
    edges = line.edges[pool]
    while low < high:
        middle = (low + high + 1) // 2
        if edges[middle] <= moment:
            low = middle
        else:
            high = middle - 1
    return low


@lean
def hold(line: Timeline, pool: int, start: int, end: int, places: int) -> None:
    """Take `places` for [start, end), or give them back where `places` is negative."""
    first, last = _cut(line, pool, start), _cut(line, pool, end)
    for piece in range(first, last):
        line.free[pool, piece] -= places


@lean
def is_free(line: Timeline, pool: int, start: int, end: int, places: int) -> bool:
    """Whether so many places are free for all of [start, end)."""
    piece = piece_at(line, pool, start)
    while line.edges[pool, piece] < end:
        if line.free[pool, piece] < places:
            return False
        piece += 1
    return True


@lean
def tidy(line: Timeline, pool: int) -> None:
    """Join neighbours that do not differ."""
    edges, free, rate, price = line.edges[pool], line.free[pool], line.rate[pool], line.price[pool]
    kept = 0
    for i in range(1, line.size[pool]):
        if free[i] != free[kept] or rate[i] != rate[kept] or price[i] != price[kept]:
            kept += 1
            edges[kept], free[kept], rate[kept], price[kept] = edges[i], free[i], rate[i], price[i]
    for i in range(kept + 1, line.size[pool] + 1):
        edges[i] = END
    line.size[pool] = kept + 1


@lean
def has_room(line: Timeline, pool: int, cuts: int) -> bool:
    """Whether `cuts` more cuts fit, after tidying where they would not otherwise."""
    if line.size[pool] + cuts + 1 >= line.edges.shape[1]:
        tidy(line, pool)
    return bool(line.size[pool] + cuts + 1 < line.edges.shape[1])


@lean
def _cut(line: Timeline, pool: int, moment: int) -> int:
    """The piece that begins at `moment`, made where there is none."""
    piece = piece_at(line, pool, moment)
    if line.edges[pool, piece] == moment:
        return piece
    size = line.size[pool]
    for i in range(size, piece, -1):
        line.edges[pool, i] = line.edges[pool, i - 1]
        line.free[pool, i] = line.free[pool, i - 1]
        line.rate[pool, i] = line.rate[pool, i - 1]
        line.price[pool, i] = line.price[pool, i - 1]
    line.edges[pool, piece + 1] = moment
    line.size[pool] = size + 1
    return piece + 1
