"""Work that is only expected, beside the jobs that are there: like a fluid, any share of it runs in any free place.

Nobody will ever carry out where it flows; what counts is what it costs to be in its way. What it emits depends only on
how much of it runs in which piece, so the least is found exactly: while fluid in a dirty piece can move, by a chain of
portions that each give way, into a cleaner piece with room, it is moved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.compiled import lean

PARTS = 64
"""Of a place: portions are so many parts wide, where whole numbers are asked for."""
_TINY = 1e-6
"""Places x seconds that are not worth moving."""
_HOUR = 3_600_000_000
_DIRTIER = 1e-9
"""Share by which a piece is dirtier than another for more than rounding; with money weighed both may be below zero."""


class Fluid(NamedTuple):
    """A row for each portion, those that are least free to move first."""

    lo: Ints
    hi: Ints
    length: Ints
    """For so long, spread over [lo, hi), it holds its parts of places."""
    parts: Ints
    grams: Floats
    """Emissions of one place in a second at 1 g/kWh [g]."""
    pool: Ints


class Bed(NamedTuple):
    """Mutable: where the fluid may flow, and flows. Pieces of all pools in one row: those of pool p begin at p * count.

    Amounts are in places x seconds.
    """

    room: Floats
    """(pieces) what jobs leave free."""
    left: Floats
    """What the fluid leaves free of that; below zero until it has given way to a job."""
    most: Floats
    """(portions, pieces) how much of it fits into that piece."""
    held: Floats
    short: Floats
    """(portions) what found no room."""
    first: Ints
    last: Ints
    """The pieces of each portion's window: [first, last)."""
    cleanest: Ints
    """All pieces, the cleanest first."""
    rate: Floats
    grams: float
    """Of every portion: the mean."""
    dearest: float
    """The intensity at which what finds no room is taken to run [g/kWh]."""
    held_before: Floats
    left_before: Floats
    short_before: Floats
    queue: Ints
    """What follows is scratch: pieces reached; by which piece a portion, and by which portion a piece was reached."""
    by_piece: Ints
    by_portion: Ints


def with_portions(pieces: Pieces, jobs: Jobs, fluid: Fluid) -> tuple[Pieces, Jobs]:
    """The jobs, and behind them the portions as jobs, all in parts of places: what prices are to be found for."""
    count = fluid.lo.size
    none, no = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    grams = fluid.grams * fluid.parts / PARTS
    portions = (
        fluid.lo, fluid.hi, fluid.length, fluid.parts, grams, fluid.pool, ~no, none, none * 0.0, none, no, none * 0.0,
    )  # fmt: skip
    in_parts = jobs._replace(width=jobs.width * PARTS)
    both = [np.concatenate(pair) for pair in zip(in_parts[:-4], portions, strict=True)]
    # Links between jobs are no matter of prices.
    unlinked = np.zeros(jobs.lo.size + count + 1, dtype=np.int64)
    return pieces._replace(places=pieces.places * PARTS), Jobs._make((*both, none[:0], unlinked, none[:0], unlinked))


def coarser(pieces: Pieces, prices: Floats) -> tuple[Pieces, Floats]:
    """Pieces that lie in one hour joined to one, and their mean prices: what comes is not known more finely."""
    hour = pieces.edges[:-1] // _HOUR
    first = np.flatnonzero(np.append(True, hour[1:] != hour[:-1]))
    lengths = np.diff(pieces.edges).astype(np.float64)
    joined = np.add.reduceat(lengths, first)
    places, rate, means = (
        np.add.reduceat(each * lengths, first, axis=-1) / joined for each in (pieces.places, pieces.rate, prices)
    )
    return Pieces(np.append(pieces.edges[first], pieces.edges[-1]), rate, places), means


def bed_under(pieces: Pieces, fluid: Fluid, prices: Floats) -> Bed:
    """With all places free; each portion in turn flows to where it is cheapest under `prices` [g/s for each place]."""
    portions, count = fluid.lo.size, pieces.places.size
    rate, grams = np.tile(pieces.rate, len(pieces.places)), float(fluid.grams.mean())
    bed = Bed(
        np.empty(count), np.empty(count), np.empty((portions, count)), np.zeros((portions, count)), np.empty(portions),
        _zeros(portions), _zeros(portions), rate.argsort(kind="stable"), rate, grams, float(rate.max()),
        np.zeros((portions, count)), np.empty(count), np.zeros(portions), _zeros(count), _zeros(portions),
        _zeros(count),
    )  # fmt: skip
    _fill(pieces, fluid, bed)
    _pour(bed, (grams * rate + prices.ravel()).argsort(kind="stable"))
    return bed


@lean
def _fill(pieces: Pieces, fluid: Fluid, bed: Bed) -> None:
    """All places free, and how much of each portion fits where."""
    edges, count = pieces.edges, pieces.rate.size
    for pool in range(pieces.places.shape[0]):
        for piece in range(count):
            room = pieces.places[pool, piece] * ((edges[piece + 1] - edges[piece]) * PER_SECOND)
            bed.room[pool * count + piece] = room
            bed.left[pool * count + piece] = room
            bed.left_before[pool * count + piece] = room
    for e in range(fluid.lo.size):
        bed.short[e] = fluid.length[e] * fluid.parts[e] * (PER_SECOND / PARTS)
        bed.last[e] = bed.most.shape[1]
        for piece in range(bed.most.shape[1]):
            bed.most[e, piece] = 0.0
        first, own = True, fluid.pool[e] * count
        for piece in range(count):
            held = min(edges[piece + 1], fluid.hi[e]) - max(edges[piece], fluid.lo[e])
            if held > 0:
                bed.most[e, own + piece] = held * (fluid.parts[e] * (PER_SECOND / PARTS))
                bed.first[e] = own + piece if first else bed.first[e]
                bed.last[e] = own + piece + 1
                first = False


def _zeros(count: int) -> Ints:
    return np.zeros(count, dtype=np.int64)


@lean
def _pour(bed: Bed, order: Ints) -> None:
    for e in range(bed.short.size):
        for piece in order:
            some = min(bed.short[e], bed.most[e, piece], bed.left[piece])
            if some > 0:
                bed.held[e, piece] += some
                bed.left[piece] -= some
                bed.short[e] -= some
                if bed.short[e] <= 0:
                    break


@lean
def take_room(edges: Ints, bed: Bed, pool: int, start: int, end: int, places: int) -> None:
    """Take `places` in [start, end), whatever flows there, or give them back where `places` is negative."""
    count = edges.size - 1
    piece, at = int(np.searchsorted(edges, start, side="right")) - 1, start
    while at < end and piece < count:
        until = min(end, edges[piece + 1])
        some = (until - at) * PER_SECOND * places
        bed.room[pool * count + piece] -= some
        bed.left[pool * count + piece] -= some
        at = until
        piece += 1


@lean
def keep(bed: Bed) -> None:
    """Remember where all flows."""
    _copy(bed, bed.left, bed.short, bed.held, bed.left_before, bed.short_before, bed.held_before)


@lean
def restore(bed: Bed) -> None:
    """As it was when it was remembered."""
    _copy(bed, bed.left_before, bed.short_before, bed.held_before, bed.left, bed.short, bed.held)


@lean
def _copy(
    bed: Bed, left: Floats, short: Floats, held: Floats, into_left: Floats, into_short: Floats, into_held: Floats
) -> None:
    for piece in range(left.size):
        into_left[piece] = left[piece]
    for e in range(short.size):
        into_short[e] = short[e]
        for piece in range(bed.first[e], bed.last[e]):
            into_held[e, piece] = held[e, piece]


@lean
def flow(bed: Bed) -> float:
    """Give way to jobs, and flow again so that least is emitted: how much that is [g]."""
    for piece in range(bed.left.size):
        e = 0
        while bed.left[piece] < 0 and e < bed.short.size:
            some = min(bed.held[e, piece], -bed.left[piece])
            bed.held[e, piece] -= some
            bed.left[piece] += some
            bed.short[e] += some
            e += 1
    _level(bed)
    total = 0.0
    for piece in range(bed.left.size):
        total += (bed.room[piece] - bed.left[piece]) * bed.rate[piece]
    for e in range(bed.short.size):
        total += bed.short[e] * bed.dearest
    return total * bed.grams


@lean
def _level(bed: Bed) -> None:
    """Move fluid from the dirtiest pieces that can be left into the cleanest with room, until no chain does that.

    What was reached from a piece in vain need not be looked at from a dirtier one.
    """
    by_piece, by_portion = bed.by_piece, bed.by_portion
    for e in range(by_piece.size):
        by_piece[e] = -1
    for piece in range(by_portion.size):
        by_portion[piece] = -1
    for target in bed.cleanest:
        while bed.left[target] > _TINY and by_portion[target] == -1:
            count, short = _reach(bed, target)
            if short >= 0:
                _push(bed, target, short, True)
            elif not _push_from_all(bed, target, count):
                break
            for k in range(count):
                by_portion[bed.queue[k]] = -1
            for e in range(by_piece.size):
                if by_piece[e] >= 0 and by_portion[by_piece[e]] == -1:
                    by_piece[e] = -1


@lean
def _reach(bed: Bed, target: int) -> tuple[int, int]:
    """(pieces from which fluid can move to `target`, in the queue behind it; a portion that is short, or else -1)."""
    queue, by_piece, by_portion = bed.queue, bed.by_piece, bed.by_portion
    queue[0], count, at = target, 1, 0
    by_portion[target] = by_piece.size
    while at < count:
        piece = queue[at]
        at += 1
        for e in range(by_piece.size):
            if by_piece[e] >= 0 or bed.most[e, piece] - bed.held[e, piece] <= _TINY:
                continue
            by_piece[e] = piece
            if bed.short[e] > _TINY:
                return count, e
            for other in range(bed.first[e], bed.last[e]):
                if bed.held[e, other] > _TINY and by_portion[other] == -1:
                    by_portion[other] = e
                    queue[count] = other
                    count += 1
    return count, -1


@lean
def _push_from_all(bed: Bed, target: int, count: int) -> bool:
    """From each dirtier piece that was reached, the dirtiest first, as far as its chain lets anything through; whether
    there was any."""
    queue, least = bed.queue, bed.rate[target] + _DIRTIER * abs(bed.rate[target])
    for at in range(1, count):
        dirtiest = at
        for k in range(at + 1, count):
            if bed.rate[queue[k]] > bed.rate[queue[dirtiest]]:
                dirtiest = k
        if bed.rate[queue[dirtiest]] <= least or bed.left[target] <= _TINY:
            return at > 1
        queue[at], queue[dirtiest] = queue[dirtiest], queue[at]
        _push(bed, target, queue[at], False)
    return count > 1


@lean
def _push(bed: Bed, target: int, source: int, short: bool) -> None:
    """Move as much as the chain that was found lets through."""
    some = bed.left[target]
    for moving in range(2):
        if short:
            e = source
            some = min(some, bed.short[e])
            bed.short[e] -= moving * some
        else:
            e = bed.by_portion[source]
            some = min(some, bed.held[e, source])
            bed.held[e, source] -= moving * some
            bed.left[source] += moving * some
        while True:
            piece = bed.by_piece[e]
            some = min(some, bed.most[e, piece] - bed.held[e, piece])
            bed.held[e, piece] += moving * some
            if piece == target:
                break
            e = bed.by_portion[piece]
            some = min(some, bed.held[e, piece])
            bed.held[e, piece] -= moving * some
    bed.left[target] -= some
