"""All jobs together, arrays in and arrays out: prices, placement in turn, repair, polish, and the bound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.alone import choose_alone
from scheduler.planning.decomposition.arrays import Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.placing import (
    Placements,
    improve,
    no_placements,
    place_in_turn,
    place_soonest,
)
from scheduler.planning.decomposition.prices import raise_prices
from scheduler.planning.decomposition.shaking import shake
from scheduler.planning.decomposition.timeline import Timeline, hold, timeline_over

PASSES = 60
SHAKES = 1_000 if COMPILED else 50
"""Trials of the neighbourhood search for a queue that looks ahead over a hundred pieces; fewer for a longer view."""
_VIEW = 100
GOOD_ENOUGH = 2e-3
"""Share above the bound at which the search ends."""
_REPAIRS = 5
_FADES = (0.4, 0.0, 0.0)
"""Shares of the prices under which jobs choose again: first mindful of others, then each for itself."""
_CUTS_A_JOB = 8
_SURE = 1e-9
"""Share by which the bound is lowered for rounding."""


class Held(NamedTuple):
    """Places that jobs hold whatever the others do: [start, end) of a pool."""

    pool: Ints
    start: Ints
    end: Ints
    places: Ints


class Joint(NamedTuple):
    placed: Placements
    prices: Floats
    bound_g: float
    """No placement of these jobs, those that came late excepted from their window, costs less."""
    passes: int


def solve(
    pieces: Pieces, jobs: Jobs, capacity: Ints, held: Held, order: Ints, prices: Floats, reserve: float = 0.0
) -> Joint:
    """Place every job; `order` is that of choosing, `prices` where the search for prices begins.

    `reserve` is the share of its slack that each job keeps before its deadline, if it can.
    """
    prices = prices.copy()
    due = jobs.hi
    first, last = windows(pieces, jobs)
    bound, passes = raise_prices(pieces, jobs, first, last, prices, PASSES)
    jobs = _with_reserve(jobs, reserve)
    line, placed = _placed(pieces, jobs, due, capacity, held, order, prices)
    for fade in _FADES:
        if not improve(line, jobs, placed, order, fade) and fade == 0:
            break
    movable = np.flatnonzero(_ends(placed) <= jobs.hi)
    if jobs.hi.size == movable.size == 1:
        choose_alone(line, pieces.edges, jobs, placed)
    else:
        shake(line, jobs, placed, movable, min(SHAKES, SHAKES * _VIEW // pieces.rate.size), bound * (1 + GOOD_ENOUGH))
    late = _ends(placed) > due
    if late.any():
        patient = jobs._replace(hi=np.where(late, pieces.edges[-1], due))
        bound, more = raise_prices(pieces, patient, *windows(pieces, patient), prices.copy(), PASSES // 2)
        passes += more
    return Joint(placed, prices, bound - abs(bound) * _SURE, passes)


def improved(pieces: Pieces, jobs: Jobs, capacity: Ints, held: Held, order: Ints, placed: Placements) -> Placements:
    """Given placements, each job moved where that costs less and is in time; never dearer, nobody made late."""
    line = _with_held(pieces, capacity, held, np.zeros_like(pieces.places), jobs.lo.size)
    for j in range(jobs.lo.size):
        for start, end in placed.segments[j, : placed.number[j]]:
            hold(line, int(jobs.pool[j]), int(start), int(end), int(jobs.width[j]))
    for _ in range(2):
        improve(line, jobs, placed, order, 0.0)
    return placed


def windows(pieces: Pieces, jobs: Jobs) -> tuple[Ints, Ints]:
    """The pieces that hold the beginning and the end of each job's window."""
    first = np.searchsorted(pieces.edges, jobs.lo, side="right") - 1
    last = np.searchsorted(pieces.edges, np.maximum(jobs.hi, jobs.lo + jobs.work), side="left") - 1
    return first, last


def _placed(
    pieces: Pieces, jobs: Jobs, due: Ints, capacity: Ints, held: Held, order: Ints, prices: Floats
) -> tuple[Timeline, Placements]:
    """Placed in order under full prices; those left without a place in time give up their reserve and choose first."""
    for _ in range(_REPAIRS):
        line, placed = _with_held(pieces, capacity, held, prices, jobs.lo.size), no_placements(jobs.lo.size)
        if not place_in_turn(line, jobs, placed, order, 1.0):
            break
        unplaced = placed.number[order] == 0
        jobs.hi[order[unplaced]] = due[order[unplaced]]
        order = np.concatenate((order[unplaced], order[~unplaced]))
    place_soonest(line, jobs, placed, order)
    return line, placed


def _with_reserve(jobs: Jobs, reserve: float) -> Jobs:
    slack = np.maximum(jobs.hi - jobs.lo - jobs.work, 0)
    return jobs._replace(hi=jobs.hi - (reserve * slack).astype(np.int64))


def _with_held(pieces: Pieces, capacity: Ints, held: Held, prices: Floats, jobs: int) -> Timeline:
    line = timeline_over(pieces.edges, pieces.rate, prices, capacity, 64 + _CUTS_A_JOB * jobs + 2 * held.pool.size)
    for pool, start, end, places in zip(*held, strict=True):
        hold(line, int(pool), int(start), int(end), int(places))
    return line


def _ends(placed: Placements) -> Ints:
    """When each job ends."""
    ends: Ints = placed.segments[np.arange(placed.number.size), placed.number - 1, 1]
    return ends
