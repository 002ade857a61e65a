"""Work that is only expected, beside the jobs that are there: like a fluid, any share of it runs in any free place.

Nobody will ever carry out where it flows; what counts is what it costs to be in its way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import Floats, Ints, Jobs, Pieces

PARTS = 64
"""Of a place: portions are so many parts wide, where whole numbers are asked for."""
_HOUR = 3_600_000_000


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
    if first.size == hour.size:
        return pieces, prices
    lengths = np.diff(pieces.edges).astype(np.float64)
    joined = np.add.reduceat(lengths, first)
    places, rate, means = (
        np.add.reduceat(each * lengths, first, axis=-1) / joined for each in (pieces.places, pieces.rate, prices)
    )
    return Pieces(np.append(pieces.edges[first], pieces.edges[-1]), rate, places), means
