"""The bound, and the prices that prove it: found roughly with samples of a long queue, then with all of it."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.prices import CALM, CHEERED, FIRST_HOPE, raise_prices

PASSES = 80
_PASSES_AGAIN, _PASSES_AGAIN_OF_SOME, _PASSES_AGAIN_OF_MANY = 20, 6, 4
_HOPE_AGAIN = 0.02
"""As FIRST_HOPE, where the search begins with the prices of a plan just made."""
SOME, _MANY = 80, 800
"""Jobs of a queue whose prices one job more hardly moves, and of one that is sampled."""
_SAMPLES = ((100, 40, FIRST_HOPE), (400, 16, 0.01))
"""Jobs, passes and first hope of each sample: the better the prices, the less is left to hope for."""
_PASSES_AFTER, _HOPE_AFTER = 12, 0.005
_PASSES_ON, _HOPES, _WORTH_HOPING = 100, (0.05, 0.02, 0.008, 0.003), 2e-4
"""Passes in one go where a closer bound is wanted, what they hope for in turn, and the share by which they must have
raised it for the same hope again."""
_SURE = 1e-9
"""Share by which a bound is lowered for rounding."""


def bounding_prices(
    pieces: Pieces, jobs: Jobs, prices: Floats | None = None, again: int | None = None
) -> tuple[Floats, float]:
    """(prices [g/s for each place], what no placement can cost less than [g]).

    `prices`: where the search begins; `again`: passes from there, or as many as suit the queue.
    """
    many = jobs.lo.size >= _MANY
    found, passes, hope = np.zeros_like(pieces.places), PASSES, FIRST_HOPE
    if prices is not None and prices.shape == pieces.places.shape:
        found, passes, hope = prices.copy(), again or _passes_again(jobs.lo.size), _HOPE_AGAIN
    elif many:
        for size, sampled_passes, sampled_hope in _SAMPLES:
            room, some = _sample(pieces, jobs, jobs.lo.size // size)
            raise_prices(room, some, *windows(room, some), found, sampled_passes, sampled_hope, CALM)
        passes, hope = _PASSES_AFTER, _HOPE_AFTER
    bound, _ = raise_prices(pieces, jobs, *windows(pieces, jobs), found, passes, hope, CALM)
    return found, bound


def raised_on(pieces: Pieces, jobs: Jobs, prices: Floats, enough_g: float, most: int) -> tuple[Floats, float]:
    """(prices, bound) from the given prices on, while the bound is below `enough_g` and still rises.

    Where prices have far to go the passes that most queues can do with end several per cent short. `most`: so often.
    """
    found, bound, hopes, when = prices.copy(), -np.inf, iter(_HOPES), windows(pieces, jobs)
    hope = next(hopes)
    for _ in range(most):
        last = bound
        bound, _ = raise_prices(pieces, jobs, *when, found, _PASSES_ON, hope, CHEERED)
        if bound - last <= _WORTH_HOPING * abs(bound):
            hope = next(hopes, 0.0)
        if bound >= enough_g or not hope:
            break
    return found, bound


def _passes_again(jobs: int) -> int:
    if jobs >= _MANY:
        return _PASSES_AGAIN_OF_MANY
    return _PASSES_AGAIN_OF_SOME if jobs >= SOME else _PASSES_AGAIN


def least_g(bound: float) -> float:
    """The bound less what rounding may have added."""
    return bound - abs(bound) * _SURE


def windows(pieces: Pieces, jobs: Jobs) -> tuple[Ints, Ints]:
    """The pieces that hold the beginning and the end of each job's window."""
    first = np.searchsorted(pieces.edges, jobs.lo, side="right") - 1
    last = np.searchsorted(pieces.edges, np.maximum(jobs.hi, jobs.lo + jobs.work), side="left") - 1
    return first, last


def _sample(pieces: Pieces, jobs: Jobs, nth: int) -> tuple[Pieces, Jobs]:
    """Each nth job, and of each pool's places the share that these ask for: they crowd as all do.

    Links between jobs are no matter of prices.
    """
    some = Jobs._make((*(np.ascontiguousarray(column[::nth]) for column in jobs[:-4]), *jobs[-4:]))
    pools = len(pieces.places)
    asked = np.bincount(jobs.pool, jobs.work * jobs.width * PER_SECOND, pools)
    share = np.bincount(some.pool, some.work * some.width * PER_SECOND, pools) / np.maximum(asked, PER_SECOND)
    return pieces._replace(places=pieces.places * share[:, None]), some
