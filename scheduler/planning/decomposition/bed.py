"""Where what is expected flows: which portion holds how much of which piece, and what jobs leave it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Flags, Floats, Ints, Pieces
from scheduler.planning.decomposition.bits import put, words_for
from scheduler.planning.decomposition.compiled import inlined, lean
from scheduler.planning.decomposition.fluid import PARTS, Fluid

TINY = 1e-6
"""Places x seconds that are not worth moving."""


class Flow(NamedTuple):
    """Where it flows."""

    left: Floats
    """(rows) what it leaves free of their room; below zero until it has given way to a job."""
    held: Floats
    """(rows, portions)"""
    short: Floats
    """(portions) what found no room."""
    fits: Ints
    """(rows, words) the portions of which more fits there: sets, as all in words (`bits`)."""
    holds: Ints
    """(portions, words) the rows in which some of it is."""


class Chains(NamedTuple):
    """Scratch: from where, and through what, fluid can move to a row."""

    rows: Ints
    """(words) from which it can; portions likewise."""
    portions: Ints
    vain_rows: Ints
    """(words) from which it could to a cleaner one, but nothing is gained by that; portions likewise."""
    vain_portions: Ints
    queue: Ints
    """Rows in the order in which they were reached."""
    into: Ints
    """(portions) the row that it would move into."""
    out_of: Ints
    """(rows) the portion that would move out of it; -1: no more can, as was found."""


class Bed(NamedTuple):
    """Mutable. A row for each piece in which any portion could be, the dirtiest first. Amounts: places x seconds."""

    row: Ints
    """Of each piece, those of pool p from p * count on; -1: nothing could be there."""
    rate: Floats
    """(rows) [g/kWh]."""
    room: Floats
    """(rows) what jobs leave free."""
    most: Floats
    """(rows, portions) how much of it fits there."""
    gained: Flags
    """(rows) which have gained room since the fluid flowed."""
    worth: Floats
    """(rows) what a place and second was worth to the fluid when that was asked for [g]."""
    grams: float
    """Of every portion: the mean."""
    dearest: float
    """The intensity at which what finds no room is taken to run [g/kWh]."""
    now: Flow
    before: Flow
    """When it was remembered."""
    chains: Chains


def bed_under(pieces: Pieces, fluid: Fluid, prices: Floats) -> Bed:
    """With all places free; each portion in turn flows to where it is cheapest under `prices` [g/s for each place]."""
    portions, rate = fluid.lo.size, np.tile(pieces.rate, len(pieces.places))
    row = np.full(rate.size, -1)
    rows = _number(pieces, fluid, rate.argsort(kind="stable"), row)
    in_rows, in_portions = _zeros(words_for(rows)), _zeros(words_for(portions))
    chains = Chains(
        in_rows, in_portions, in_rows.copy(), in_portions.copy(), _zeros(rows), _zeros(portions), _zeros(rows)
    )  # fmt: skip
    grams = float(fluid.grams.mean())
    bed = Bed(
        row, np.zeros(rows), np.zeros(rows), np.zeros((rows, portions)), np.ones(rows, dtype=np.bool_), np.zeros(rows),
        grams, float(rate.max()), _no_flow(rows, portions), _no_flow(rows, portions), chains,
    )  # fmt: skip
    _fill(pieces, fluid, bed)
    _pour(bed, (grams * rate + prices.ravel()).argsort(kind="stable"))
    return bed


def _no_flow(rows: int, portions: int) -> Flow:
    fits, holds = _zeros(rows, words_for(portions)), _zeros(portions, words_for(rows))
    return Flow(np.zeros(rows), np.zeros((rows, portions)), np.zeros(portions), fits, holds)


def _zeros(*shape: int) -> Ints:
    return np.zeros(shape, dtype=np.int64)


@lean
def _number(pieces: Pieces, fluid: Fluid, cleanest: Ints, row: Ints) -> int:
    """Number the pieces that any portion could be in, the dirtiest first; how many these are."""
    edges, count, rows = pieces.edges, pieces.rate.size, 0
    for e in range(fluid.lo.size):
        for piece in range(count):
            if row[fluid.pool[e] * count + piece] < 0 and _overlap(edges, piece, fluid, e) > 0:
                row[fluid.pool[e] * count + piece] = 0
                rows += 1
    number = rows
    for piece in cleanest:
        if row[piece] == 0:
            number -= 1
            row[piece] = number
    return rows


@lean
def _overlap(edges: Ints, piece: int, fluid: Fluid, e: int) -> int:
    return int(min(edges[piece + 1], fluid.hi[e]) - max(edges[piece], fluid.lo[e]))


@lean
def _fill(pieces: Pieces, fluid: Fluid, bed: Bed) -> None:
    """All places free, and how much of each portion fits where."""
    edges, count = pieces.edges, pieces.rate.size
    for pool in range(pieces.places.shape[0]):
        for piece in range(count):
            row = bed.row[pool * count + piece]
            if row >= 0:
                bed.rate[row] = pieces.rate[piece]
                bed.room[row] = pieces.places[pool, piece] * ((edges[piece + 1] - edges[piece]) * PER_SECOND)
                bed.now.left[row] = bed.room[row]
    for e in range(fluid.lo.size):
        bed.now.short[e] = fluid.length[e] * fluid.parts[e] * (PER_SECOND / PARTS)
        for piece in range(count):
            held = _overlap(edges, piece, fluid, e)
            if held > 0:
                row = bed.row[fluid.pool[e] * count + piece]
                bed.most[row, e] = held * (fluid.parts[e] * (PER_SECOND / PARTS))
                put_in(bed, e, row, 0.0)


@lean
def _pour(bed: Bed, order: Ints) -> None:
    for e in range(bed.now.short.size):
        for piece in order:
            row = bed.row[piece]
            if row < 0:
                continue
            some = min(bed.now.short[e], bed.most[row, e], bed.now.left[row])
            if some > 0:
                put_in(bed, e, row, some)
                bed.now.left[row] -= some
                bed.now.short[e] -= some
                if bed.now.short[e] <= 0:
                    break


@inlined
def put_in(bed: Bed, e: int, row: int, some: float) -> None:
    """So much more of portion `e`, or less; what is left of the row is the caller's to tell."""
    held = bed.now.held[row, e] + some
    bed.now.held[row, e] = held
    put(bed.now.holds, e, row, held > TINY)
    put(bed.now.fits, row, e, bed.most[row, e] - held > TINY)


@lean
def take_room(edges: Ints, bed: Bed, pool: int, start: int, end: int, places: int) -> float:
    """Take `places` in [start, end), whatever flows there, or give them back where `places` is negative: what they were
    worth to the fluid at least, as that was last asked for [g]."""
    count, worth = edges.size - 1, 0.0
    piece, at = int(np.searchsorted(edges, start, side="right")) - 1, start
    while at < end and piece < count:
        until, row = min(end, edges[piece + 1]), bed.row[pool * count + piece]
        if row >= 0:
            long_s = (until - at) * PER_SECOND
            worth += bed.worth[row] * long_s
            bed.room[row] -= long_s * places
            bed.now.left[row] -= long_s * places
            if places < 0:
                bed.gained[row] = True
        at = until
        piece += 1
    return worth * places


@lean
def keep(bed: Bed) -> None:
    """Remember where all flows."""
    _copy(bed.now, bed.before)


@lean
def restore(bed: Bed) -> None:
    """As it was when it was remembered, right after it had flowed."""
    _copy(bed.before, bed.now)
    for row in range(bed.gained.size):
        bed.gained[row] = False


@inlined
def _copy(one: Flow, into: Flow) -> None:
    rows, portions = one.held.shape
    for row in range(rows):
        into.left[row] = one.left[row]
        for e in range(portions):
            into.held[row, e] = one.held[row, e]
        for word in range(one.fits.shape[1]):
            into.fits[row, word] = one.fits[row, word]
    for e in range(portions):
        into.short[e] = one.short[e]
        for word in range(one.holds.shape[1]):
            into.holds[e, word] = one.holds[e, word]
