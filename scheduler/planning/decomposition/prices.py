"""Prices for places: raised where jobs crowd, lowered where places stay free; the best bound they prove is kept."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.responses import no_answers, respond

FIRST_HOPE = 0.05
"""Gain hoped for by the first step, as a share of the bound, where nothing is known of the prices."""
_AT_STAKE = 0.25
"""Of what jobs emit in mean hours so much is hoped by at least: where clean hours are too few, the first bound, of
jobs each for itself, may be next to nothing, and a share of that leads nowhere."""
_PATIENCE = 3
"""Passes without a gain after which less is hoped for."""
_SOBER = 0.6
"""What is left of the hope then."""
CALM, CHEERED = 1.0, 1.3
"""How many times as much is hoped for after a pass that gained: hopes that only ever fall end short where prices have
far to go, as on a thousand quarter-hours. Where they have not, a few passes do better without."""
_DEFLECTION = 1.5
"""How far a step is turned away from undoing the last ones (Camerini, Fratta and Maffioli, 1975)."""
_TOO_DEAR = 1e4
"""Times what any job pays for its dirtiest second: a price above that forbids no more, and rounding would tell."""
_ENOUGH = 1e-4
"""Share of the bound at which hoping for more is not worth a pass."""


@compiled
def raise_prices(
    pieces: Pieces, jobs: Jobs, first: Ints, last: Ints, prices: Floats, passes: int, first_hope: float,
    cheered: float,
) -> tuple[float, int]:  # fmt: skip
    """Deflected subgradient steps on the Lagrangian dual: (bound [g], passes used); the best prices in `prices`.

    `cheered`: so many times as much is hoped for after a pass that gained. Every value is a valid bound: the jobs'
    cheapest answers to any prices, less what the places would earn at them.
    """
    seconds = seconds_of(pieces)
    offered = _offered(pieces, seconds)
    highest = highest_price(pieces, jobs)
    tried = prices.copy()
    crowding, heading = np.empty_like(prices), np.zeros_like(prices)
    answers = no_answers(prices, jobs.lo.size)
    best, hope, moved, stalled, done = -np.inf, 0.0, np.inf, 0, 0
    while done < passes:
        value = respond(pieces, jobs, tried, first, last, moved, answers)
        for pool in range(prices.shape[0]):
            for piece in range(prices.shape[1]):
                crowding[pool, piece] = answers.usage[pool, piece] - offered[pool, piece]
                value -= tried[pool, piece] * offered[pool, piece]
        done += 1
        if done == 1:
            hope = first_hope * at_stake_g(value, pieces, jobs, seconds)
        hope, stalled = next_hope(value - best, hope, stalled, _PATIENCE, _SOBER, cheered)
        if value > best:
            best = value
            copy_prices(tried, prices)
        if hope <= _ENOUGH * abs(best):
            break
        moved = step(tried, heading, crowding, seconds, highest, best + hope - value)
        if moved == 0:
            break
    return best, done


@compiled
def seconds_of(pieces: Pieces) -> Floats:
    """The length of each piece [s]."""
    seconds = np.empty(pieces.rate.size)
    for piece in range(pieces.rate.size):
        seconds[piece] = (pieces.edges[piece + 1] - pieces.edges[piece]) * PER_SECOND
    return seconds


@compiled
def _offered(pieces: Pieces, seconds: Floats) -> Floats:
    offered = np.empty_like(pieces.places)
    for piece in range(pieces.rate.size):
        for pool in range(offered.shape[0]):
            offered[pool, piece] = pieces.places[pool, piece] * seconds[piece]
    return offered


@lean
def at_stake_g(first: float, pieces: Pieces, jobs: Jobs, seconds: Floats) -> float:
    """What the first step's hope is a share of [g]: the first bound, or part of what jobs emit in mean hours."""
    emitted, time, work = 0.0, 0.0, 0.0
    for piece in range(seconds.size):
        emitted += abs(pieces.rate[piece]) * seconds[piece]
        time += seconds[piece]
    for j in range(jobs.lo.size):
        work += jobs.grams[j] * jobs.work[j] * PER_SECOND
    return max(abs(first), _AT_STAKE * work * emitted / time)


@lean
def next_hope(
    gained: float, hope: float, stalled: int, patience: int, sober: float, cheered: float
) -> tuple[float, int]:  # fmt: skip
    """(the gain hoped for by the next step, passes in a row that gained next to nothing), `gained` by this one."""
    if gained > 0.1 * hope:
        return hope * cheered, 0
    return (hope * sober, 0) if stalled + 1 >= patience else (hope, stalled + 1)


@lean
def copy_prices(prices: Floats, into: Floats) -> None:
    for row in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            into[row, piece] = prices[row, piece]


@lean
def highest_price(pieces: Pieces, jobs: Jobs) -> float:
    """No price is raised above this [g/s]."""
    dirtiest, heaviest = 0.0, 0.0
    for piece in range(pieces.rate.size):
        dirtiest = max(dirtiest, abs(pieces.rate[piece]))
    for j in range(jobs.lo.size):
        heaviest = max(heaviest, jobs.grams[j] / jobs.width[j])
    return _TOO_DEAR * dirtiest * heaviest


@lean
def step(
    prices: Floats, heading: Floats, crowding: Floats, seconds: Floats, highest: float, wanted: float
) -> float:  # fmt: skip
    """Move prices along the heading so far that a linear bound would gain `wanted`; the furthest move [g/s]."""
    against, before = 0.0, 0.0
    for pool in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            if prices[pool, piece] <= 0 and crowding[pool, piece] < 0:
                crowding[pool, piece] = 0.0
            against += crowding[pool, piece] * heading[pool, piece] / seconds[piece]
            before += heading[pool, piece] ** 2 / seconds[piece]
    kept = -_DEFLECTION * against / before if against < 0 else 0.0
    norm = 0.0
    for pool in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            heading[pool, piece] = crowding[pool, piece] + kept * heading[pool, piece]
            norm += heading[pool, piece] ** 2 / seconds[piece]
    if norm <= 0:
        return 0.0
    length, furthest = wanted / norm, 0.0
    for pool in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            last = prices[pool, piece]
            prices[pool, piece] = min(max(0.0, last + length * heading[pool, piece] / seconds[piece]), highest)
            furthest = max(furthest, abs(prices[pool, piece] - last))
    return furthest
