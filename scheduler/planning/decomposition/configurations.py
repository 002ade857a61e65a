"""A closer bound where jobs are few and wide: only what fits side by side as whole jobs can be held at a time.

A price for each place lets half of a job fill what is left beside another. Here jobs of each width have their own
price, and a piece of time earns what the best configuration of whole jobs does, as in the configuration programs of
cutting stock (Gilmore and Gomory, 1961): no mixture of configurations, and so no plan, earns more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import Flags, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.bounding import windows
from scheduler.planning.decomposition.compiled import COMPILED, compiled, lean
from scheduler.planning.decomposition.prices import (
    CALM,
    at_stake_g,
    copy_prices,
    highest_price,
    next_hope,
    seconds_of,
    step,
)
from scheduler.planning.decomposition.responses import no_answers, respond

_ENOUGH = 1e-5
"""Share of the bound at which hoping for more is not worth a pass."""


class Patience(NamedTuple):
    """How long the search for prices goes on; what the fields of the same names in `prices` are to prices of places."""

    passes: int
    patience: int
    sober: float
    first_hope: float
    steps: float
    """Of the inner loops, in all passes: a billion are about a second; a hundredth as many in plain Python."""


class Wavering(NamedTuple):
    """Mutable: when whole jobs would begin, in the last passes mostly [microseconds]."""

    mean: Floats
    square: Floats
    """Of the distance from the mean."""


_MEMORY = 0.95
PATIENT = Patience(4000, 20, 0.9, 0.1, 5e8)
"""The last passes are worth much: with the quick one draws of twenty jobs stay two points lower."""
QUICK = Patience(300, 10, 0.7, 0.05, 4e7)
_FEWEST_PASSES = 30


class Shapes(NamedTuple):
    """The widths that there are in each pool; a row each, those of a pool beside each other."""

    pool: Ints
    width: Ints
    present: Ints
    """(shapes, pieces): jobs of this shape whose windows reach into the piece."""
    uneven: Flags
    """Pieces in which the number of places changes: of their `places` only the mean is known, a whole number or not."""


class Proof(NamedTuple):
    """A bound and what it rests on."""

    bound_g: float
    pool: Ints
    """Of each shape."""
    prices: Floats
    """What a place is worth to jobs of each shape [g/s]; shape (shapes, pieces)."""
    wavering: Wavering


def proof_of(
    pieces: Pieces, jobs: Jobs, changes: Ints, prices: Floats, enough_g: float, patience: Patience,
    of_shapes: bool = False,
) -> Proof | None:  # fmt: skip
    """What no placement can cost less than; None where the queue is too long for this, or empty.

    `changes`: the moments at which the number of places changes. The search begins at `prices` of places [g/s], a row a
    pool; or with `of_shapes` at those of an earlier proof, whose jobs had the same shapes. Nothing above `enough_g` is
    looked for.
    """
    shapes, row = _shapes_of(pieces, jobs, changes)
    patience_left = _affordable(patience, pieces, shapes, jobs.lo.size)
    if patience_left is None:
        return None
    first, last = windows(pieces, jobs)
    own = prices.copy() if of_shapes else prices[shapes.pool]
    wavering = Wavering(np.zeros(jobs.lo.size), np.zeros(jobs.lo.size))
    bound = raise_shape_prices(
        pieces, jobs._replace(pool=row), first, last, own, shapes, patience_left, enough_g, wavering
    )  # fmt: skip
    return Proof(bound, shapes.pool, own, wavering)


def place_prices_of(proof: Proof, turn: int, prices: Floats) -> Floats:
    """Prices of places as jobs of one shape see them, of another shape each turn; `prices` where a pool has none."""
    seen = prices.copy()
    for pool in np.unique(proof.pool):
        rows = np.flatnonzero(proof.pool == pool)
        seen[pool] = proof.prices[rows[-1 - turn % rows.size]]
    return seen


def _shapes_of(pieces: Pieces, jobs: Jobs, changes: Ints) -> tuple[Shapes, Ints]:
    """And which of them each job has."""
    kinds, row = np.unique(np.stack((jobs.pool, jobs.width)), axis=1, return_inverse=True)
    first, last = windows(pieces, jobs)
    row, present = row.reshape(-1), np.zeros((kinds.shape[1], pieces.rate.size + 1), dtype=np.int64)
    np.add.at(present, (row, first), 1)
    np.add.at(present, (row, last + 1), -1)
    uneven, at = np.zeros(pieces.rate.size, dtype=np.bool_), np.searchsorted(pieces.edges, changes)
    inside = (at > 0) & (at <= uneven.size) & (pieces.edges[np.minimum(at, uneven.size)] != changes)
    uneven[at[inside] - 1] = True
    return Shapes(kinds[0].copy(), kinds[1].copy(), np.cumsum(present, axis=1)[:, :-1].copy(), uneven), row


def _affordable(patience: Patience, pieces: Pieces, shapes: Shapes, jobs: int) -> Patience | None:
    """With as many passes as its steps allow; None where nothing is to be placed or too few would gain anything."""
    places, present = pieces.places.max(initial=0.0), shapes.present.max(axis=1, initial=0)
    steps = patience.steps if COMPILED else patience.steps / 100
    in_a_pass = pieces.rate.size * (jobs + places * np.minimum(places / shapes.width, present).sum())
    if not 0 < in_a_pass <= steps / _FEWEST_PASSES:
        return None
    return patience._replace(passes=min(patience.passes, int(steps / in_a_pass)))


@compiled
def raise_shape_prices(
    pieces: Pieces, jobs: Jobs, first: Ints, last: Ints, prices: Floats, shapes: Shapes,
    patience: Patience, enough_g: float, wavering: Wavering,
) -> float:  # fmt: skip
    """Deflected subgradient steps: the best bound [g], its prices in `prices`; `jobs.pool` names the shape."""
    seconds = seconds_of(pieces)
    tried, highest = prices.copy(), highest_price(pieces, jobs)
    crowding, heading = np.empty_like(prices), np.zeros_like(prices)
    answers = no_answers(prices, jobs.lo.size)
    most = 0
    for pool in range(pieces.places.shape[0]):
        for piece in range(seconds.size):
            most = max(most, int(np.ceil(pieces.places[pool, piece])))
    worth, taken = np.empty(most + 1), np.empty((shapes.width.size, most + 1), dtype=np.int64)
    best, hope, moved, stalled, done = -np.inf, 0.0, np.inf, 0, 0
    while done < patience.passes and best < enough_g:
        value = respond(pieces, jobs, tried, first, last, moved, answers)
        value -= _earned(pieces, shapes, tried, seconds, answers.usage, crowding, worth, taken)
        done += 1
        for j in range(jobs.lo.size):
            kept = _MEMORY if done > 1 else 0.0
            wavering.mean[j] = kept * wavering.mean[j] + (1 - kept) * answers.start[j]
            away = answers.start[j] - wavering.mean[j]
            wavering.square[j] = kept * wavering.square[j] + (1 - kept) * away * away
        if done == 1:
            hope = patience.first_hope * at_stake_g(value, pieces, jobs, seconds)
        hope, stalled = next_hope(value - best, hope, stalled, patience.patience, patience.sober, CALM)
        if value > best:
            best = value
            copy_prices(tried, prices)
        if hope <= _ENOUGH * abs(best):
            break
        moved = step(tried, heading, crowding, seconds, highest, best + hope - value)
        if moved == 0:
            break
    return best


@lean
def _earned(
    pieces: Pieces, shapes: Shapes, prices: Floats, seconds: Floats, usage: Floats, crowding: Floats, worth: Floats,
    taken: Ints,
) -> float:  # fmt: skip
    """What the places earn at most [g]; into `crowding`, by how much more of them the answers use than that."""
    total, begin = 0.0, 0
    while begin < shapes.pool.size:
        pool, end = shapes.pool[begin], begin + 1
        while end < shapes.pool.size and shapes.pool[end] == pool:
            end += 1
        for piece in range(seconds.size):
            places = max(pieces.places[pool, piece], 0.0)
            highest, used, wanted, dearest = 0.0, 0.0, 0, begin
            for shape in range(begin, end):
                crowding[shape, piece] = usage[shape, piece]
                used += usage[shape, piece]
                wanted += shapes.present[shape, piece] * shapes.width[shape]
                if prices[shape, piece] > highest:
                    highest, dearest = prices[shape, piece], shape
            if highest <= 0.0:
                # Where nothing has a price everything earns as much; what is used fits, or is told to shrink.
                if used <= places * seconds[piece]:
                    for shape in range(begin, end):
                        crowding[shape, piece] = 0.0
                continue
            if shapes.uneven[piece]:
                crowding[dearest, piece] -= places * seconds[piece]
                total += highest * places * seconds[piece]
                continue
            whole = round(places)
            if wanted <= whole:
                for shape in range(begin, end):
                    held = shapes.present[shape, piece] * shapes.width[shape] * seconds[piece]
                    crowding[shape, piece] -= held
                    total += prices[shape, piece] * held
                continue
            total += _best_configuration(shapes, prices, begin, end, piece, whole, worth, taken) * seconds[piece]
            left = whole
            for shape in range(end - 1, begin - 1, -1):
                held = taken[shape, left] * shapes.width[shape]
                crowding[shape, piece] -= held * seconds[piece]
                left -= held
        begin = end
    return total


@lean
def _best_configuration(
    shapes: Shapes, prices: Floats, begin: int, end: int, piece: int, places: int, worth: Floats, taken: Ints
) -> float:  # fmt: skip
    """The most that jobs side by side earn [g/s]; taken[shape, c]: how many of it, of c places for it and those before.

    The bounded knapsack problem, by dynamic programming over places.
    """
    for c in range(places + 1):
        worth[c] = 0.0
    for shape in range(begin, end):
        width, price = shapes.width[shape], prices[shape, piece]
        for c in range(places, -1, -1):
            highest, number = worth[c], 0
            if price > 0.0:
                for k in range(1, min(shapes.present[shape, piece], c // width) + 1):
                    gained = worth[c - k * width] + k * width * price
                    if gained > highest:
                        highest, number = gained, k
            worth[c], taken[shape, c] = highest, number
    return float(worth[places])
