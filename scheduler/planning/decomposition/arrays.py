"""What the decomposition computes with: arrays over pieces of time and over jobs, times in whole microseconds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PER_SECOND = 1e-6


class Pieces(NamedTuple):
    """Stretches of constant intensity: piece i is [edges[i], edges[i + 1])."""

    edges: Ints
    rate: Floats
    """Intensity of each piece [g/kWh]."""
    places: Floats
    """(pools, pieces): mean number of places not held by jobs that cannot move."""


class Jobs(NamedTuple):
    """Jobs that can move. A job must lie in [lo, hi) and be held for `work`, and `switch` more for each pause."""

    lo: Ints
    hi: Ints
    work: Ints
    width: Ints
    grams: Floats
    """Emissions in a second at 1 g/kWh [g]: watts / 3.6e6."""
    pool: Ints
    divisible: Flags
    """Whether it may be run in several segments."""
    switch: Ints
    switch_extra_s: Floats
    """A switch's energy beyond its time, as seconds at the job's power."""
    min_run: Ints
    going: Flags
    """It runs now: to begin later than `lo` is a switch as well."""
    wait: Floats
    """The price of each second by which a job ends later than it could [g/s]; no matter of the bound."""
    before: Ints
    before_from: Ints
    """Jobs that job j waits for: before[before_from[j]:before_from[j + 1]]."""
    behind: Ints
    behind_from: Ints
    """Jobs that wait for job j, in the same way."""
