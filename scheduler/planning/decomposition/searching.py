"""A whole queue placed under given prices: in turn, or from what was announced, then bettered while that pays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.alone import choose_alone
from scheduler.planning.decomposition.arrays import Flags, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.bed import bed_under
from scheduler.planning.decomposition.beside import improve_beside
from scheduler.planning.decomposition.fluid import Fluid, coarser
from scheduler.planning.decomposition.parts import MAX_SEGMENTS
from scheduler.planning.decomposition.placing import (
    Placements,
    hold_announced,
    improve,
    lift_some,
    no_placements,
    place_in_turn,
    place_soonest,
    put,
    put_back,
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
_ROUNDS_BESIDE, _TRIALS_BESIDE = 3, 20
"""Beside the fluid: rounds in which each job chooses again, and trials of a few at once before beginnings are
compared."""
FEW_BESIDE = 30
"""Of fewer jobs the search beside the fluid goes on: a trial more costs more the more there are."""
_MANY_BESIDE = 50
"""Of so many jobs each chooses again once, and where hardly anything has changed only those that are new: when all do,
each time, no more is saved in a year of such queues."""
_CUTS_A_JOB = 8
_LONG_QUEUE = 1_000


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
    announced: Placements | None = None
    """Where the last plan had them: kept and bettered, unless planning from nothing is better still."""
    prices: Floats | None = None
    """Of the last plan: where the search for prices begins."""
    wanted: Ints | None = None
    """By when each job is to end, its margin kept; given up before a job is late. None: nobody has a margin."""
    fluid: Fluid | None = None
    """What is only expected: it competes, and the bound leaves it out."""
    may_be_late: Flags | None = None
    """Whom first come, first served has late: a plan that has others late is of no use. None: anybody may be."""

    @property
    def with_margins(self) -> Jobs:
        """The jobs, each to end with its margin."""
        return self.jobs if self.wanted is None else self.jobs._replace(hi=self.wanted)


class Trials(NamedTuple):
    """How many trials, of a few jobs at once, follow when each has chosen again."""

    alone: int
    beside: int = 0
    """Beside the fluid, where each takes several times as long; only of few jobs."""
    slip: float = 0.0
    """As in `shake`."""


class Found(NamedTuple):
    """Mutable: what a search came to."""

    line: Timeline
    jobs: Jobs
    """Their `hi` is that of the queue, or later where a reserve or a margin was given up."""
    placed: Placements
    flowing_g: float = 0.0
    """What expected work then emits."""

    @property
    def total_g(self) -> float:
        return total_cost(self.line, self.jobs, self.placed) + self.flowing_g


def searched(queue: Queue, due: Ints, prices: Floats, enough_g: float, trials: Trials) -> Found:
    """Placed from nothing, or from what was announced where that is better, then tried on; `queue` stays as it is."""
    queue = queue._replace(jobs=queue.jobs._replace(hi=queue.jobs.hi.copy()))
    found = _bettered(_placed(queue, due, prices, None), queue, prices, enough_g)
    if queue.announced is not None:
        kept = _bettered(_placed(queue, due, prices, queue.announced), queue, prices, enough_g)
        if worth_of(kept, queue, due) <= worth_of(found, queue, due):
            found = kept
    if queue.fluid is not None:
        return _tried_beside(found, queue, prices, enough_g, trials.beside)
    if found.jobs.hi.size == _in_time(found).size == 1:
        choose_alone(found.line, queue.pieces.edges, found.jobs, found.placed)
    else:
        shake_on(found, trials.alone, enough_g, trials.slip)
    return found


def with_what_is_new(queue: Queue, due: Ints, prices: Floats, enough_g: float, trials: Trials) -> Found:
    """Everything where it was announced, but for what is new or no longer fits: that chooses among the others.

    In a queue that is not long the others then choose again, too. What it gives up is given up in `queue`.
    """
    found = _placed(queue, due, prices, queue.announced)
    changed = _what_is_new(queue, found)
    if queue.fluid is not None:
        found = _bettered(found, queue, prices, enough_g, changed)
        return _tried_beside(found, queue, prices, enough_g, trials.beside)
    improve(found.line, found.jobs, found.placed, changed if is_long(queue) else queue.order, 0.0)
    if not is_long(queue):
        shake_on(found, trials.alone, enough_g)
    return found


def as_announced(queue: Queue, due: Ints, prices: Floats) -> Found:
    """Everything where it was announced, and only what is new or no longer fits chooses; `queue` stays as it is."""
    queue = queue._replace(jobs=queue.jobs._replace(hi=queue.jobs.hi.copy()))
    found = _placed(queue, due, prices, queue.announced)
    improve(found.line, found.jobs, found.placed, _what_is_new(queue, found), 0.0)
    return found


def _what_is_new(queue: Queue, found: Found) -> Ints:
    known = queue.announced.number if queue.announced is not None else found.placed.number
    new: Ints = queue.order[known[queue.order] == 0]
    return new


def shake_on(found: Found, shakes: int, enough_g: float, slip: float = 0.0) -> None:
    """Try other places for the jobs that are in time; `slip` as in `shake`."""
    shake(found.line, found.jobs, found.placed, _in_time(found), shakes, enough_g, slip)


def improved(queue: Queue, placed: Placements) -> Placements:
    """Given placements, late jobs moved where they are in time, and each where that costs less; nobody is made late."""
    line = empty_line(queue, np.zeros_like(queue.pieces.places))
    for j in range(queue.jobs.lo.size):
        put(line, queue.jobs, placed, j, placed.segments[j], placed.number[j])
    for late in np.flatnonzero(late_needlessly(placed, queue.jobs, queue.jobs.hi)).tolist():
        _bring_in_time(line, queue.jobs, placed, queue.order, late)
    for _ in range(2):
        improve(line, queue.jobs, placed, queue.order, 0.0)
    return placed


def _bring_in_time(line: Timeline, jobs: Jobs, placed: Placements, order: Ints, j: int) -> None:
    """Place a late job in time among the others, which stay in time; else it stays where it is."""
    which, numbers = np.array([j], dtype=np.int64), np.empty(1, dtype=np.int64)
    segments = np.empty((1, MAX_SEGMENTS, 2), dtype=np.int64)
    lift_some(line, jobs, placed, which, 1, segments, numbers)
    if place_in_turn(line, jobs, placed, which, 0.0) and not rescue(line, jobs, placed, order):
        put_back(line, jobs, placed, which, 1, segments, numbers)


def _placed(queue: Queue, due: Ints, prices: Floats, announced: Placements | None) -> Found:
    """Placed in order under full prices; those left without a place give up reserve, then margin, and choose first."""
    jobs, order = queue.jobs, queue.order
    wanted = due if queue.wanted is None else queue.wanted
    must = _must_be_in_time(queue)
    best, fewest = None, (jobs.lo.size + 1, 0)
    for _ in range(_REPAIRS):
        line, placed = empty_line(queue, prices), no_placements(jobs.lo.size)
        if announced is not None:
            hold_announced(line, jobs, placed, announced, order)
        if place_in_turn(line, jobs, placed, order, 1.0):
            _rescue(line, jobs, placed, order, due)
        unplaced = placed.number[order] == 0
        without = order[unplaced]
        if (left := (int(must[without].sum()), int(without.size))) < fewest:
            best, fewest = (line, placed), left
        if not without.size:
            break
        jobs.hi[without] = np.where(jobs.hi[without] < wanted[without], wanted[without], due[without])
        order = np.concatenate((without[must[without]], without[~must[without]], order[~unplaced]))
    assert best is not None
    line, placed = best
    place_soonest(line, jobs, placed, order)
    return Found(line, jobs, placed)


def _rescue(line: Timeline, jobs: Jobs, placed: Placements, order: Ints, due: Ints) -> None:
    """The others may use up their reserve and margin to make room."""
    if rescue(line, jobs._replace(hi=due), placed, order):
        used = (placed.number > 0) & (ends(placed) > jobs.hi)
        jobs.hi[used] = due[used]


def _bettered(found: Found, queue: Queue, prices: Floats, enough_g: float, new: Ints | None = None) -> Found:
    """Each chooses again while that gains anything and is wanted; beside the fluid where there is any.

    Of many jobs beside the fluid only those that are `new` choose; None: it is not known who is.
    """
    if queue.fluid is None:
        _choose_again(found, queue, enough_g)
        return found
    choosing, rounds, trials = queue.order, _ROUNDS_BESIDE, _TRIALS_BESIDE
    if queue.order.size >= _MANY_BESIDE:
        rounds = 1
        if new is not None:
            choosing, trials = new, 0
    return _chosen_beside(found, queue, prices, enough_g, choosing, rounds, trials)


def _tried_beside(found: Found, queue: Queue, prices: Floats, enough_g: float, trials: int) -> Found:
    """Other places for a few jobs at a time, where there are not many."""
    if not trials or queue.order.size >= FEW_BESIDE:
        return found
    return _chosen_beside(found, queue, prices, enough_g, queue.order, 0, trials)


def _chosen_beside(
    found: Found, queue: Queue, prices: Floats, enough_g: float, choosing: Ints, rounds: int, trials: int
) -> Found:  # fmt: skip
    assert queue.fluid is not None
    pieces, prices = coarser(queue.pieces, prices)
    bed = bed_under(pieces, queue.fluid, prices)
    in_time = choosing[ends(found.placed)[choosing] <= found.jobs.hi[choosing]]
    # At another moment, and after the rounds, other jobs are tried together.
    seed = int(pieces.edges[0] // 1_000_000) + rounds
    flowing_g = improve_beside(*found[:3], in_time, pieces.edges, prices, bed, rounds, trials, enough_g, seed)
    return found._replace(flowing_g=flowing_g)


def _choose_again(found: Found, queue: Queue, enough_g: float) -> None:
    for fade in _FADES_OF_MANY if is_long(queue) else _FADES:
        moved = 0
        for some in np.array_split(queue.order, _LOOKS if is_long(queue) else 1):
            if found.total_g <= enough_g:
                return
            moved += improve(found.line, found.jobs, found.placed, some, fade)
        if not moved and fade == 0:
            return


def empty_line(queue: Queue, prices: Floats) -> Timeline:
    """With what is held, and nothing of the queue."""
    room = 64 + _CUTS_A_JOB * queue.jobs.lo.size + 2 * queue.held.pool.size
    line = timeline_over(queue.pieces.edges, queue.pieces.rate, prices, queue.capacity, room)
    for pool, start, end, places in zip(*queue.held, strict=True):
        hold(line, int(pool), int(start), int(end), int(places))
    return line


def worth_of(found: Found, queue: Queue, due: Ints) -> tuple[int, int, float]:
    """Jobs that must not be late, late jobs, and what all placements cost [g]: the smaller the better."""
    return *late_of(found.placed, queue, due), found.total_g


def late_of(placed: Placements, queue: Queue, due: Ints) -> tuple[int, int]:
    """How many that must not be late are, and how many in all."""
    late = ends(placed) > due
    return int((late & _must_be_in_time(queue)).sum()), int(late.sum())


def _must_be_in_time(queue: Queue) -> Flags:
    return np.ones(queue.jobs.lo.size, dtype=np.bool_) if queue.may_be_late is None else ~queue.may_be_late


def late_needlessly(placed: Placements, jobs: Jobs, due: Ints) -> Flags:
    """Whether each job that is there is late, and alone could be in time."""
    return (ends(placed) > due) & (jobs.lo + jobs.work <= due)


def _in_time(found: Found) -> Ints:
    """The rows of the jobs that end by their `hi`."""
    return np.flatnonzero(ends(found.placed) <= found.jobs.hi)


def ends(placed: Placements) -> Ints:
    """When each job ends."""
    moments: Ints = placed.segments[np.arange(placed.number.size), placed.number - 1, 1]
    return moments


def is_long(queue: Queue) -> bool:
    return bool(queue.jobs.lo.size >= _LONG_QUEUE)
