"""All jobs together, arrays in and arrays out: prices, placement in turn, repair, polish, and the bound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.alone import choose_alone
from scheduler.planning.decomposition.arrays import Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.bounding import bounding_prices, least_g
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.placing import (
    Placements,
    hold_announced,
    improve,
    no_placements,
    place_in_turn,
    place_soonest,
    total_cost,
)
from scheduler.planning.decomposition.rescue import rescue
from scheduler.planning.decomposition.shaking import shake
from scheduler.planning.decomposition.timeline import Timeline, hold, timeline_over

_REPAIRS = 5
_FADES, _FADES_OF_MANY = (0.7, 0.4, 0.0, 0.0), (0.4, 0.0)
"""Shares of the prices under which jobs choose again: first mindful of others, then each for itself."""
_LOOKS = 4
"""How often, while all of a long queue choose again, it is seen whether that is still called for."""
_CUTS_A_JOB = 8
_LONG_QUEUE = 1_000
_KNOWN_SHARE, _KNOWN_SHARE_OF_MANY = 0.9, 0.95
_STILL_GOOD = 0.02
"""Share above the bound up to which announced places are kept."""
_NEAR = 0.0095
"""Share above the bound at which even a thorough search ends."""
_TURNS, _TURNS_TO_BE_IN_TIME, _VARIED = 8, 3, 0.2
"""Searches under prices varied by such a share, at most."""
_MANY_SHAKES = 40_000 if COMPILED else 0
"""In one go: with other random numbers every 2,000 trials they found less."""
_SHAKES_SHARE = 0.3
"""Of the trials, where hardly anything has changed."""


class Held(NamedTuple):
    """Places that jobs hold whatever the others do: [start, end) of a pool."""

    pool: Ints
    start: Ints
    end: Ints
    places: Ints


class Queue(NamedTuple):
    """What is to be placed; `order` is that of choosing."""

    pieces: Pieces
    jobs: Jobs
    capacity: Ints
    held: Held
    order: Ints
    firm: int
    """Rows of jobs that are there. Those behind them are only expected; they compete, and the bound leaves them out."""
    announced: Placements | None = None
    """Where the last plan had them: kept and bettered, unless planning from nothing is better still."""
    prices: Floats | None = None
    """Of the last plan: where the search for prices begins."""
    wanted: Ints | None = None
    """By when each job is to end, its margin kept; given up before a job is late. None: nobody has a margin."""


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
    """Of all rows, the expected ones too."""
    prices: Floats
    """What a place is worth for a second [g/s], beyond what its use emits; shape (pools, pieces)."""
    bound_g: float
    """No placement of the firm jobs, those that came late excepted from their window, costs less; -inf: unproven."""


def solve(queue: Queue, effort: Effort = Effort()) -> Joint:  # noqa: B008 - a NamedTuple is immutable
    pieces, due = queue.pieces, queue.jobs.hi
    free = queue.jobs if queue.wanted is None else queue.jobs._replace(hi=queue.wanted)
    jobs = _with_reserve(free, effort.reserve)
    queue = queue._replace(jobs=jobs)
    if _hardly_changed(queue):
        prices, bound = bounding_prices(pieces, free, queue.prices)
        shakes, enough = int(effort.shakes * _SHAKES_SHARE), bound * (1 + effort.good_enough)
        line, placed = _with_what_is_new(queue, due, prices, shakes, enough)
        # A new forecast leaves the old places far above the bound: then all is planned again.
        if total_cost(line, jobs, placed) <= bound * (1 + _STILL_GOOD):
            return _joint(queue, due, placed, prices, bound, effort.prove)
    # The last plan's prices may be those of hours that are no longer clean: worse to begin with than none.
    prices, bound = bounding_prices(pieces, free)
    enough = bound * (1 + effort.good_enough)
    hi = jobs.hi.copy()
    line, placed = _searched(queue, due, prices, enough, effort.shakes)
    for turn in range(0 if _long(queue) else _TURNS if effort.thorough else _TURNS_TO_BE_IN_TIME):
        worth = _worth(line, placed, jobs, due)
        far = effort.thorough and worth[1] > bound * (1 + _NEAR)
        if not far and not _late_for_nothing(placed, queue, due):
            break
        anew = queue._replace(jobs=jobs._replace(hi=hi.copy()), announced=None)
        other_line, other = _searched(anew, due, _varied(prices, turn), enough, effort.shakes)
        if _worth(other_line, other, jobs, due) < worth:
            line, placed = other_line, other
            jobs.hi[:] = anew.jobs.hi
    if effort.thorough and not _long(queue):
        shake(line, jobs, placed, np.flatnonzero(_ends(placed) <= jobs.hi), _MANY_SHAKES, bound * (1 + _NEAR))
    return _joint(queue, due, placed, prices, bound, effort.prove)


def _searched(
    queue: Queue, due: Ints, prices: Floats, enough_g: float, shakes: int
) -> tuple[Timeline, Placements]:  # fmt: skip
    """Placed from nothing, or from what was announced where that is better, and then shaken."""
    jobs = queue.jobs
    line, placed = _placed(queue, due, prices, None)
    _better(line, placed, queue, enough_g)
    if queue.announced is not None:
        kept_line, kept = _placed(queue, due, prices, queue.announced)
        _better(kept_line, kept, queue, enough_g)
        if _worth(kept_line, kept, jobs, due) <= _worth(line, placed, jobs, due):
            line, placed = kept_line, kept
    in_time = np.flatnonzero(_ends(placed) <= jobs.hi)
    if jobs.hi.size == in_time.size == 1:
        choose_alone(line, queue.pieces.edges, jobs, placed)
    else:
        shake(line, jobs, placed, in_time, shakes, enough_g)
    return line, placed


def _late_for_nothing(placed: Placements, queue: Queue, due: Ints) -> bool:
    """Whether a job that is there is late, and alone could be in time."""
    avoidable = (_ends(placed) > due) & (queue.jobs.lo + queue.jobs.work <= due)
    return bool(avoidable[: queue.firm].any())


def _varied(prices: Floats, turn: int) -> Floats:
    """Prices under which the jobs choose a little differently, the same for the same turn."""
    return prices * np.random.default_rng(turn).uniform(1 - _VARIED, 1 + _VARIED, prices.shape)


def _joint(queue: Queue, due: Ints, placed: Placements, prices: Floats, bound: float, prove: bool) -> Joint:
    ends = _ends(placed)[: queue.firm]
    # A late job may lie beyond the pieces, of which no bound says anything.
    if not prove or (ends > queue.pieces.edges[-1]).any():
        return Joint(placed, prices, -np.inf)
    return Joint(placed, prices, _bound_of_firm(queue, due, ends > due[: queue.firm], prices, bound))


def _long(queue: Queue) -> bool:
    return bool(queue.jobs.lo.size >= _LONG_QUEUE)


def _hardly_changed(queue: Queue) -> bool:
    """Nearly all of it was planned before: planning it from nothing would gain next to nothing."""
    if queue.announced is None:
        return False
    known = float((queue.announced.number > 0).mean())
    return known >= (_KNOWN_SHARE_OF_MANY if _long(queue) else _KNOWN_SHARE)


def _with_what_is_new(
    queue: Queue, due: Ints, prices: Floats, shakes: int, enough_g: float
) -> tuple[Timeline, Placements]:  # fmt: skip
    """Everything where it was announced, but for what is new or no longer fits: that chooses among the others.

    In a queue that is not long the others then choose again, too.
    """
    line, placed = _placed(queue, due, prices, queue.announced)
    known = queue.announced.number if queue.announced is not None else placed.number
    changed = queue.order[known[queue.order] == 0]
    improve(line, queue.jobs, placed, changed if _long(queue) else queue.order, 0.0)
    if not _long(queue):
        shake(line, queue.jobs, placed, np.flatnonzero(_ends(placed) <= queue.jobs.hi), shakes, enough_g)
    return line, placed


def improved(queue: Queue, placed: Placements) -> Placements:
    """Given placements, each job moved where that costs less and is in time; never dearer, nobody made late."""
    line = _with_held(queue, np.zeros_like(queue.pieces.places))
    for j in range(queue.jobs.lo.size):
        for start, end in placed.segments[j, : placed.number[j]]:
            hold(line, int(queue.jobs.pool[j]), int(start), int(end), int(queue.jobs.width[j]))
    for _ in range(2):
        improve(line, queue.jobs, placed, queue.order, 0.0)
    return placed


def _bound_of_firm(queue: Queue, due: Ints, late: np.ndarray, prices: Floats, bound: float) -> float:
    """`bound` itself, unless it counts jobs that are only expected, margins, or windows that were missed."""
    if queue.firm < queue.jobs.lo.size or late.any() or queue.wanted is not None:
        firm = firm_rows(queue.jobs._replace(hi=due), queue.firm)
        patient = firm._replace(hi=np.where(late, queue.pieces.edges[-1], firm.hi))
        # Beginning with no prices: those of a queue that only might come are far above what the firm jobs bear.
        bound = bounding_prices(queue.pieces, patient, None if queue.firm < due.size else prices)[1]
    return least_g(bound)


def firm_rows(jobs: Jobs, firm: int) -> Jobs:
    """The first `firm` rows; those behind them are linked to none."""
    columns = [column[:firm] for column in jobs[:-4]]
    return Jobs._make((*columns, jobs.before, jobs.before_from[: firm + 1], jobs.behind, jobs.behind_from[: firm + 1]))


def _placed(
    queue: Queue, due: Ints, prices: Floats, announced: Placements | None
) -> tuple[Timeline, Placements]:  # fmt: skip
    """Placed in order under full prices; those left without a place give up reserve, then margin, and choose first."""
    jobs, order = queue.jobs, queue.order
    wanted = due if queue.wanted is None else queue.wanted
    best, fewest = None, jobs.lo.size + 1
    for _ in range(_REPAIRS):
        line, placed = _with_held(queue, prices), no_placements(jobs.lo.size)
        if announced is not None:
            hold_announced(line, jobs, placed, announced, order)
        if place_in_turn(line, jobs, placed, order, 1.0):
            # Nobody is late who is only expected.
            _rescue(line, jobs, placed, order[order < queue.firm], due)
        unplaced = placed.number[order] == 0
        if (left := int(unplaced.sum())) < fewest:
            best, fewest = (line, placed), left
        if not left:
            break
        without = order[unplaced]
        jobs.hi[without] = np.where(jobs.hi[without] < wanted[without], wanted[without], due[without])
        order = np.concatenate((without, order[~unplaced]))
    assert best is not None
    line, placed = best
    place_soonest(line, jobs, placed, order)
    return line, placed


def _rescue(line: Timeline, jobs: Jobs, placed: Placements, order: Ints, due: Ints) -> None:
    """The others may use up their reserve and margin to make room."""
    if rescue(line, jobs._replace(hi=due), placed, order):
        used = (placed.number > 0) & (_ends(placed) > jobs.hi)
        jobs.hi[used] = due[used]


def _better(line: Timeline, placed: Placements, queue: Queue, enough_g: float) -> None:
    """Let each choose again while that gains anything and is wanted."""
    for fade in _FADES_OF_MANY if _long(queue) else _FADES:
        moved = 0
        for some in np.array_split(queue.order, _LOOKS if _long(queue) else 1):
            if total_cost(line, queue.jobs, placed) <= enough_g:
                return
            moved += improve(line, queue.jobs, placed, some, fade)
        if not moved and fade == 0:
            return


def _with_reserve(jobs: Jobs, reserve: float) -> Jobs:
    slack = np.maximum(jobs.hi - jobs.lo - jobs.work, 0)
    return jobs._replace(hi=jobs.hi - (reserve * slack).astype(np.int64))


def _with_held(queue: Queue, prices: Floats) -> Timeline:
    room = 64 + _CUTS_A_JOB * queue.jobs.lo.size + 2 * queue.held.pool.size
    line = timeline_over(queue.pieces.edges, queue.pieces.rate, prices, queue.capacity, room)
    for pool, start, end, places in zip(*queue.held, strict=True):
        hold(line, int(pool), int(start), int(end), int(places))
    return line


def _worth(line: Timeline, placed: Placements, jobs: Jobs, due: Ints) -> tuple[int, float]:
    """Late jobs, and what all placements cost [g]: the smaller the better."""
    return int((_ends(placed) > due).sum()), total_cost(line, jobs, placed)


def _ends(placed: Placements) -> Ints:
    """When each job ends."""
    ends: Ints = placed.segments[np.arange(placed.number.size), placed.number - 1, 1]
    return ends
