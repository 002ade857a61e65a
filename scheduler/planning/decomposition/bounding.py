"""The bound, and the prices that prove it: found roughly with a sample of a long queue, then with all of it."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.prices import FIRST_HOPE, raise_prices

PASSES = 80
_SAMPLED_PASSES, _PASSES_AFTER = 25, 32
_PASSES_AGAIN, _PASSES_AGAIN_OF_MANY = 20, 4
_HOPE_AGAIN = 0.02
"""As FIRST_HOPE, where the search begins with the prices of a plan just made."""
_SAMPLE = 200
"""Jobs of a sample; a queue of fewer than four times as many is not sampled."""
_SURE = 1e-9
"""Share by which a bound is lowered for rounding."""


def bounding_prices(pieces: Pieces, jobs: Jobs, prices: Floats | None = None) -> tuple[Floats, float]:
    """(prices [g/s for each place], what no placement can cost less than [g]); `prices`: where the search begins."""
    every = max(1, jobs.lo.size // _SAMPLE)
    hope = FIRST_HOPE
    if prices is not None and prices.shape == pieces.places.shape:
        found, hope = prices.copy(), _HOPE_AGAIN
        passes = _PASSES_AGAIN_OF_MANY if every >= 4 else _PASSES_AGAIN
    elif every >= 4:
        found = np.zeros_like(pieces.places)
        thin = _every(jobs, every)
        raise_prices(
            pieces._replace(places=pieces.places / every), thin, *windows(pieces, thin), found, _SAMPLED_PASSES, hope
        )  # fmt: skip
        passes = _PASSES_AFTER
    else:
        found, passes = np.zeros_like(pieces.places), PASSES
    bound, _ = raise_prices(pieces, jobs, *windows(pieces, jobs), found, passes, hope)
    return found, bound


def least_g(bound: float) -> float:
    """The bound less what rounding may have added."""
    return bound - abs(bound) * _SURE


def windows(pieces: Pieces, jobs: Jobs) -> tuple[Ints, Ints]:
    """The pieces that hold the beginning and the end of each job's window."""
    first = np.searchsorted(pieces.edges, jobs.lo, side="right") - 1
    last = np.searchsorted(pieces.edges, np.maximum(jobs.hi, jobs.lo + jobs.work), side="left") - 1
    return first, last


def _every(jobs: Jobs, nth: int) -> Jobs:
    """Each nth job: what they would do tells what all would do. Links between jobs are no matter of prices."""
    return Jobs._make((*(np.ascontiguousarray(column[::nth]) for column in jobs[:-4]), *jobs[-4:]))
