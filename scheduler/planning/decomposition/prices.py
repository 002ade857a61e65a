"""Prices for places: raised where jobs crowd, lowered where places stay free; the best bound they prove is kept."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.compiled import compiled
from scheduler.planning.decomposition.responses import respond

_FIRST_STEP = 0.05
"""Gain hoped for by the first step, as a share of the bound."""
_PATIENCE = 2
"""Passes without a gain after which half as much is hoped for."""
_ENOUGH = 2e-4
"""Share of the bound at which hoping for more is not worth a pass."""


@compiled
def raise_prices(pieces: Pieces, jobs: Jobs, first: Ints, last: Ints, prices: Floats, passes: int) -> tuple[float, int]:
    """Polyak's subgradient steps on the Lagrangian dual: (bound [g], passes used); leaves the best prices in `prices`.

    Every value is a valid bound: the jobs' cheapest answers to any prices, less what the places would earn at them.
    """
    seconds = np.diff(pieces.edges) * PER_SECOND
    offered = pieces.places * seconds
    tried = prices.copy()
    usage = np.empty_like(prices)
    best, hope, stalled, done = -np.inf, 0.0, 0, 0
    while done < passes:
        usage[:] = 0.0
        value = respond(pieces, jobs, tried, first, last, usage) - np.sum(tried * offered)
        done += 1
        if value > best:
            stalled = 0 if value > best + 0.1 * hope else stalled + 1
            best = value
            prices[:] = tried
            if done == 1:
                hope = _FIRST_STEP * abs(value)
        else:
            stalled += 1
        if stalled >= _PATIENCE:
            hope, stalled = hope / 2, 0
        if hope <= _ENOUGH * abs(best) or not _step(tried, usage - offered, seconds, best + hope - value):
            break
    return best, done


@compiled
def _step(prices: Floats, crowding: Floats, seconds: Floats, wanted: float) -> bool:
    """Move prices along the crowding so far that a linear bound would gain `wanted`; False: nothing crowds."""
    norm = 0.0
    for pool in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            if prices[pool, piece] > 0 or crowding[pool, piece] > 0:
                norm += crowding[pool, piece] ** 2 / seconds[piece]
    if norm <= 0:
        return False
    length = wanted / norm
    for pool in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            moved = prices[pool, piece] + length * crowding[pool, piece] / seconds[piece]
            prices[pool, piece] = max(0.0, moved)
    return True
