"""All jobs together, arrays in and arrays out: prices, as many searches as are worth making, and the bound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import Floats, Ints, Jobs
from scheduler.planning.decomposition.bounding import bounding_prices, least_g
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.fluid import PARTS, with_portions
from scheduler.planning.decomposition.placing import Placements
from scheduler.planning.decomposition.searching import (
    Queue,
    ends,
    is_long,
    searched,
    shake_on,
    with_what_is_new,
    worth_of,
)

_KNOWN_SHARE, _KNOWN_SHARE_OF_MANY = 0.9, 0.95
_STILL_GOOD, _STILL_GOOD_OF_MANY = 0.005, 0.02
"""Share above the bound up to which announced places are kept."""
_NEAR = 0.0095
"""Share above the bound at which even a thorough search ends."""
_TURNS, _TURNS_TO_BE_IN_TIME, _VARIED = 8, 3, 0.2
"""Searches under prices varied by such a share, at most."""
_MANY_SHAKES = 40_000 if COMPILED else 0
"""In one go: with other random numbers every 2,000 trials they found less."""
_SHAKES_SHARE = 0.3
"""Of the trials, where hardly anything has changed."""


class Effort(NamedTuple):
    good_enough: float = 2e-3
    """Share above the bound at which the search ends."""
    shakes: int = 400 if COMPILED else 50
    """Trials of the neighbourhood search."""
    reserve: float = 0.0
    """Share of its slack that each job keeps before its deadline, if it can."""
    thorough: bool = False
    """Whether to go on while the plan is more than 1 % above the bound: up to a second for some hundred jobs."""
    prove: bool = True
    """Whether anybody reads the bound."""


class Joint(NamedTuple):
    placed: Placements
    prices: Floats
    """What a place is worth for a second [g/s], beyond what its use emits; shape (pools, pieces)."""
    bound_g: float
    """No placement of the jobs, those that came late excepted from their window, costs less; -inf: unproven."""


def solve(queue: Queue, effort: Effort = Effort()) -> Joint:  # noqa: B008 - a NamedTuple is immutable
    due = queue.jobs.hi
    free = queue.jobs if queue.wanted is None else queue.jobs._replace(hi=queue.wanted)
    # A long queue is its own competition; and in plain Python the loops that let fluid flow take a second.
    fluid = queue.fluid if COMPILED and not is_long(queue) else None
    queue = queue._replace(jobs=_with_reserve(free, effort.reserve), fluid=fluid)
    # Beside the fluid the bound of the search is not the one that is told: it may count on every reserve, as plans do.
    windows = free if queue.fluid is None else queue.jobs
    if _hardly_changed(queue):
        prices, bound = _prices(queue, windows, queue.prices)
        shakes, enough = int(effort.shakes * _SHAKES_SHARE), bound * (1 + effort.good_enough)
        found = with_what_is_new(queue, due, prices, shakes, enough)
        # A new forecast leaves the old places far above the bound: then all is planned again.
        if found.total_g <= bound * (1 + (_STILL_GOOD_OF_MANY if is_long(queue) else _STILL_GOOD)):
            return _joint(queue, due, found.placed, prices, bound, effort.prove)
    # The last plan's prices may be those of hours that are no longer clean: worse to begin with than none.
    prices, bound = _prices(queue, windows, None)
    enough = bound * (1 + effort.good_enough)
    found = searched(queue, due, prices, enough, effort.shakes)
    for turn in range(0 if is_long(queue) else _TURNS if effort.thorough else _TURNS_TO_BE_IN_TIME):
        far = effort.thorough and found.total_g > bound * (1 + _NEAR)
        if not far and not _late_needlessly(found.placed, queue, due):
            break
        again = searched(queue._replace(announced=None), due, _varied(prices, turn), enough, effort.shakes)
        found = min(found, again, key=lambda each: worth_of(each, due))
    if effort.thorough and queue.fluid is None and not is_long(queue):
        shake_on(found, _MANY_SHAKES, bound * (1 + _NEAR))
    return _joint(queue, due, found.placed, prices, bound, effort.prove)


def _late_needlessly(placed: Placements, queue: Queue, due: Ints) -> bool:
    """Whether a job that is there is late, and alone could be in time."""
    avoidable = (ends(placed) > due) & (queue.jobs.lo + queue.jobs.work <= due)
    return bool(avoidable.any())


def _varied(prices: Floats, turn: int) -> Floats:
    """Prices under which the jobs choose a little differently, the same for the same turn."""
    return prices * np.random.default_rng(turn).uniform(1 - _VARIED, 1 + _VARIED, prices.shape)


def _joint(queue: Queue, due: Ints, placed: Placements, prices: Floats, bound: float, prove: bool) -> Joint:
    ended = ends(placed)
    # A late job may lie beyond the pieces, of which no bound says anything.
    if not prove or (ended > queue.pieces.edges[-1]).any():
        return Joint(placed, prices, -np.inf)
    return Joint(placed, prices, _bound_of_jobs(queue, due, ended > due, prices, bound))


def _hardly_changed(queue: Queue) -> bool:
    """Nearly all of it was planned before: planning it from nothing would gain next to nothing."""
    if queue.announced is None:
        return False
    known = float((queue.announced.number > 0).mean())
    return known >= (_KNOWN_SHARE_OF_MANY if is_long(queue) else _KNOWN_SHARE)


def _prices(queue: Queue, jobs: Jobs, known: Floats | None) -> tuple[Floats, float]:
    """(prices, bound) for the jobs and what is expected beside them; `known`: where the search begins."""
    if queue.fluid is None:
        return bounding_prices(queue.pieces, jobs, known)
    pieces, both = with_portions(queue.pieces, jobs, queue.fluid)
    prices, bound = bounding_prices(pieces, both, None if known is None else known / PARTS)
    return prices * PARTS, bound


def _bound_of_jobs(queue: Queue, due: Ints, late: np.ndarray, prices: Floats, bound: float) -> float:
    """`bound` itself, unless it counts what is only expected, margins, or windows that were missed."""
    if queue.fluid is not None or late.any() or queue.wanted is not None:
        patient = queue.jobs._replace(hi=np.where(late, queue.pieces.edges[-1], due))
        # Beginning with no prices: those of a queue that only might come are far above what the jobs bear.
        bound = bounding_prices(queue.pieces, patient, None if queue.fluid is not None else prices)[1]
    return least_g(bound)


def _with_reserve(jobs: Jobs, reserve: float) -> Jobs:
    slack = np.maximum(jobs.hi - jobs.lo - jobs.work, 0)
    return jobs._replace(hi=jobs.hi - (reserve * slack).astype(np.int64))
