"""All jobs together, arrays in and arrays out: prices, as many searches as are worth making, and the bound."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import Flags, Floats, Ints, Jobs
from scheduler.planning.decomposition.bounding import SOME, bounding_prices, least_g, raised_on
from scheduler.planning.decomposition.branching import branched
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.configurations import PATIENT, QUICK, Patience, Proof, place_prices_of, proof_of
from scheduler.planning.decomposition.fluid import PARTS, with_portions
from scheduler.planning.decomposition.lateness import by_due_date, how_late, with_the_tardy_first
from scheduler.planning.decomposition.placing import Placements
from scheduler.planning.decomposition.searching import (
    FEW_BESIDE,
    Found,
    Queue,
    Trials,
    as_announced,
    ends,
    is_long,
    late_needlessly,
    searched,
    shake_on,
    with_what_is_new,
    worth_of,
)

_KNOWN_SHARE, _KNOWN_SHARE_OF_MANY = 0.9, 0.95
_STILL_GOOD, _STILL_GOOD_OF_MANY = 0.005, 0.02
"""Share above the bound up to which announced places are kept."""
_GOOD_BESIDE = 2e-4
"""Of a few jobs beside expected work, for most of what is above the bound is in them, and most of the bound is not."""
_NEAR = 0.0095
"""Share above the bound at which even a thorough search ends."""
_TURNS, _VARIED = 8, 0.2
"""Searches under prices varied by such a share, at most."""
_CROWD, _TURNS_TO_BE_IN_TIME, _TURNS_OF_A_CROWD = 100, 16, 3
"""Of queues up to so many jobs, and of longer ones, while somebody is late for nothing: a few milliseconds each."""
_MANY_TRIALS = 80_000 if COMPILED else 0
"""In one go: with other random numbers every 2,000 trials they found less."""
_TIMES_TO_ASK = 8
"""Of as many trials in a long queue, whether there is time for more: about once a second."""
_SHAPES_TRIED = 3
"""From so many beginnings, each under the prices as jobs of one width see them, half of as many follow."""
_FEW, _TURNS_OF_FEW, _TRIALS_OF_FEW = 30, 16, Trials(2_500, slip=0.02)
"""Of so few jobs a thorough search keeps for a while what is worse, by such a share; of more it would not come back."""
_BRANCHES = 100
"""Windows divided, unless more time is given: a second for twenty jobs and a week of quarter-hours. Of more than a few
jobs fewer, for each takes longer."""
_TRIALS_SHARE = 0.3
"""Of the trials, where hardly anything has changed."""
_RAISED_ON, _RAISED_ON_JOBS, _RAISED_ON_AT_ONCE = 12, 8_000, 6
"""Times that prices are raised on, at most, of so many jobs; of more as many times fewer; and where people wait for a
plan of a few hundred."""
_WORTH_PROVING, _FAR = 0.003, 0.0105
"""Share above the bound from which on a closer bound is looked for; of long queues."""


class Effort(NamedTuple):
    good_enough: float = 2e-3
    """Share above the bound at which the search ends."""
    trials: Trials = Trials(400 if COMPILED else 50)
    """Of the neighbourhood search."""
    reserve: float = 0.0
    """Share of its slack that each job keeps before its deadline, if it can."""
    hurries_late: bool = False
    """Whether who must be late goes before those that can wait."""
    thorough: bool = False
    """Whether to go on while the plan is more than 1 % above the bound: up to five seconds, and of a long queue up to a
    quarter of a minute."""
    go_on: Callable[[], bool] | None = None
    """Whether there is time to go on even longer, branch by branch; None: there is not."""
    prove: bool = True
    """Whether anybody reads the bound."""


class Joint(NamedTuple):
    placed: Placements
    prices: Floats
    """What a place is worth for a second [g/s], beyond what its use emits; shape (pools, pieces)."""
    bound_g: float
    """No placement of the jobs, those that came late excepted from their window, costs less; -inf: unproven."""


def solve(queue: Queue, effort: Effort = Effort()) -> Joint:  # noqa: B008 - a NamedTuple is immutable
    due, hurried = queue.jobs.hi, with_the_tardy_first(queue) if effort.hurries_late else None
    if hurried is None:
        return _solved(queue, due, effort)
    soon = _solved(hurried, due, effort)
    if not ((ends(soon.placed) > due) & (hurried.jobs.hi == due)).any():
        return soon
    # Somebody else is late: perhaps only because the tardy do not wait.
    return min(soon, _solved(queue, due, effort), key=lambda each: how_late(each.placed, queue, due))


def _solved(queue: Queue, due: Ints, effort: Effort) -> Joint:
    """`due`: what the bound supposes; `queue.jobs.hi` is what is sought, and later for the tardy."""
    by = queue.jobs.hi
    free = queue.with_margins
    # A long queue is its own competition; and in plain Python the loops that let fluid flow take a second.
    fluid = queue.fluid if COMPILED and not is_long(queue) else None
    queue = queue._replace(jobs=_with_reserve(free, effort.reserve), fluid=fluid)
    if fluid is not None and queue.order.size < FEW_BESIDE:
        effort = effort._replace(good_enough=min(effort.good_enough, _GOOD_BESIDE))
    # Beside the fluid the bound of the search is not the one that is told: it may count on every reserve, as plans do.
    made = _made(queue, by, free if fluid is None else queue.jobs, effort)
    late = ends(made.found.placed) > by
    if late.any() and not is_long(queue):
        made = _given_who_is_late(queue, by, made, late, effort)
    return _joint(queue, due, made, effort)


def kept(queue: Queue, prices: Floats, effort: Effort = Effort()) -> Placements:  # noqa: B008
    """What was announced and still fits, and what is new among it; `prices` [g/s] as `solve` found them."""
    if effort.hurries_late:
        queue = with_the_tardy_first(queue) or queue
    assert queue.announced is not None
    free = queue.with_margins
    # What was announced stays even where it keeps no reserve any more, but its margin is kept.
    hi = np.where(queue.announced.number > 0, free.hi, _with_reserve(free, effort.reserve).hi)
    return as_announced(queue._replace(jobs=free._replace(hi=hi)), queue.jobs.hi, prices).placed


class _Made(NamedTuple):
    found: Found
    prices: Floats
    bound_g: float


def _given_who_is_late(queue: Queue, due: Ints, made: _Made, late: Flags, effort: Effort) -> _Made:
    """Searched again with each late job's end as its deadline: no other is late, and none later.

    Where not all can be in time no prices are high enough, and they say nothing of emissions. And late jobs were given
    what the others had left: they are to end as soon as if nobody waited, where that makes nobody else late.
    """
    found = ends(made.found.placed)
    soonest = by_due_date(queue, late) if effort.hurries_late else None
    until = np.where(late, found if soonest is None else np.minimum(found, soonest), 0)
    # Beyond the pieces nothing is known that could be searched by.
    if until.max() > queue.pieces.edges[-1]:
        return made
    kept = queue.jobs._replace(hi=np.maximum(queue.jobs.hi, until))
    wanted = None if queue.wanted is None else np.maximum(queue.wanted, until)
    beside = queue._replace(jobs=kept, wanted=wanted, announced=made.found.placed, prices=None)
    again = _made(beside, np.maximum(due, until), kept, effort)
    if effort.hurries_late:
        return min(made, again, key=lambda each: (*how_late(each.found.placed, queue, due), each.found.total_g))
    return min(made, again, key=lambda each: worth_of(each.found, queue, due))


def _made(queue: Queue, due: Ints, windows: Jobs, effort: Effort) -> _Made:
    """By as many searches as are worth making; `windows`: of the jobs, as the bound of the search supposes."""
    if _hardly_changed(queue):
        prices, bound = _prices(queue, windows, queue.prices)
        fewer = effort.trials._replace(alone=int(effort.trials.alone * _TRIALS_SHARE))
        enough = bound * (1 + effort.good_enough)
        found = with_what_is_new(queue, due, prices, enough, fewer)
        # A new forecast leaves the old places far above the bound: then all is planned again.
        still_good = found.total_g <= bound * (1 + (_STILL_GOOD_OF_MANY if is_long(queue) else _STILL_GOOD))
        if still_good and (is_long(queue) or not late_needlessly(found.placed, queue.jobs, due).any()):
            return _Made(found, prices, bound)
    # The last plan's prices may be those of hours that are no longer clean: worse to begin with than none.
    prices, bound = _prices(queue, windows, None)
    if effort.thorough and queue.fluid is None:
        if is_long(queue):
            return _thoroughly_of_many(queue, due, windows, prices, effort)
        found, bound = _thoroughly(queue, due, windows, prices, bound, effort)
        return _Made(found, prices, bound)
    enough = bound * (1 + effort.good_enough)
    found = searched(queue, due, prices, enough, effort.trials)
    for turn in range(_turns_to_be_in_time(queue)):
        if not late_needlessly(found.placed, queue.jobs, due).any():
            break
        found = _again(found, queue, due, _varied(prices, turn), enough, effort.trials._replace(beside=0))
    return _Made(found, prices, bound)


def _thoroughly(
    queue: Queue, due: Ints, windows: Jobs, prices: Floats, bound: float, effort: Effort
) -> tuple[Found, float]:
    """(found, bound) by as many searches as are called for, and branch by branch where that is not enough.

    `windows`: of the jobs, as the bound supposes.
    """
    few = queue.order.size <= _FEW
    turns, trials = (_TURNS_OF_FEW, _TRIALS_OF_FEW) if few else (_TURNS, effort.trials)
    good = 1 + effort.good_enough
    found = searched(queue, due, prices, bound * good, trials)
    proof = _proof(queue, windows, prices, bound, found.total_g, PATIENT)
    if proof is not None:
        proof = proof._replace(bound_g=max(proof.bound_g, bound))
        bound = proof.bound_g
    enough = bound * (good if few else 1 + _NEAR)
    for turn in range(turns):
        if found.total_g <= enough and not late_needlessly(found.placed, queue.jobs, due).any():
            break
        tried = _prices_to_try(prices, proof, turn)
        found = _again(found, queue, due, tried, bound * good, trials if few else _of_many(trials, proof, turn))
    if not few:
        shake_on(found, _MANY_TRIALS, enough)
    # Where no window is narrower or wider than the bound supposes.
    if proof is not None and not effort.reserve and queue.wanted is None and not (ends(found.placed) > due).any():
        goal = _NEAR if effort.go_on is None else effort.good_enough
        bound, found = branched(queue, prices, proof, found, goal, _branch_by_branch(due.size, effort.go_on))
    return found, bound


def _thoroughly_of_many(queue: Queue, due: Ints, windows: Jobs, prices: Floats, effort: Effort) -> _Made:
    """Of a long queue: with prices raised as far as they go, and trials where that is not near enough."""
    prices, bound = raised_on(queue.pieces, windows, prices, np.inf, _most_raised_on(queue, effort))
    found = searched(queue, due, prices, bound * (1 + effort.good_enough), effort.trials)
    shake_on(found, _MANY_TRIALS, bound * (1 + _NEAR))
    enough, before = bound * (1 + effort.good_enough), np.inf
    while effort.go_on is not None and enough < found.total_g < before and effort.go_on():
        before = found.total_g
        shake_on(found, _MANY_TRIALS // _TIMES_TO_ASK, enough)
    return _Made(found, prices, bound)


def _most_raised_on(queue: Queue, effort: Effort) -> int:
    """Times a hundred passes: a few seconds, however long the queue."""
    if not effort.thorough and not is_long(queue):
        return _RAISED_ON_AT_ONCE
    return max(1, min(_RAISED_ON, _RAISED_ON * _RAISED_ON_JOBS // queue.order.size))


def _of_many(trials: Trials, proof: Proof | None, turn: int) -> Trials:
    """More where the prices are not just varied: which beginning is the best shows late."""
    shapes = 0 if proof is None else min(proof.pool.size, _SHAPES_TRIED)
    return trials._replace(alone=_MANY_TRIALS // 2) if turn < shapes else trials


def _prices_to_try(prices: Floats, proof: Proof | None, turn: int) -> Floats:
    """As jobs of each width see them, one after the other; then varied."""
    if proof is None:
        return _varied(prices, turn)
    seen = place_prices_of(proof, turn, prices)
    return seen if turn < proof.pool.size else _varied(seen, turn)


def _again(
    found: Found, queue: Queue, due: Ints, prices: Floats, enough_g: float, trials: Trials
) -> Found:  # fmt: skip
    """The better of what was found and of another search."""
    again = searched(queue._replace(announced=None), due, prices, enough_g, trials)
    return min(found, again, key=lambda each: worth_of(each, queue, due))


def _branch_by_branch(jobs: int, go_on: Callable[[], bool] | None) -> Callable[[], bool]:
    """Whether to divide another window."""
    made, most = count(), _BRANCHES * _FEW // max(jobs, _FEW)
    return lambda: next(made) < most or (go_on is not None and go_on())


def _turns_to_be_in_time(queue: Queue) -> int:
    if is_long(queue):
        return 0
    return _TURNS_TO_BE_IN_TIME if queue.order.size <= _CROWD else _TURNS_OF_A_CROWD


def _varied(prices: Floats, turn: int) -> Floats:
    """Prices under which the jobs choose a little differently, the same for the same turn."""
    return prices * np.random.default_rng(turn).uniform(1 - _VARIED, 1 + _VARIED, prices.shape)


def _joint(queue: Queue, due: Ints, made: _Made, effort: Effort) -> Joint:
    found, prices, bound = made
    ended = ends(found.placed)
    # A late job may lie beyond the pieces, of which no bound says anything.
    if not effort.prove or (ended > queue.pieces.edges[-1]).any():
        return Joint(found.placed, prices, -np.inf)
    late, proving = ended > due, prices
    jobs = queue.jobs._replace(hi=np.where(late, queue.pieces.edges[-1], due))
    # It may count what is only expected, margins, or windows that were missed; else it holds as it is.
    counts_more = queue.fluid is not None or bool(late.any()) or queue.wanted is not None
    if counts_more:
        # Beginning with no prices: those of a queue that only might come are far above what the jobs bear.
        proving, bound = bounding_prices(queue.pieces, jobs, None if queue.fluid is not None else prices)
    if counts_more or not effort.thorough:
        bound = _closer(queue, jobs, proving, bound, found.total_g - found.flowing_g, effort)
    return Joint(found.placed, prices, least_g(bound))


def _closer(queue: Queue, jobs: Jobs, prices: Floats, bound: float, emitted_g: float, effort: Effort) -> float:
    """A bound nearer to a plan that emits `emitted_g`, or `bound`, which `prices` prove, where that is near enough."""
    if emitted_g > bound * (1 + (_FAR if is_long(queue) else _WORTH_PROVING)):
        enough_g = emitted_g / (1 + _WORTH_PROVING)
        prices, raised = raised_on(queue.pieces, jobs, prices, enough_g, _most_raised_on(queue, effort))
        bound = max(bound, raised)
    proof = _proof(queue, jobs, prices, bound, emitted_g, PATIENT if effort.thorough else QUICK)
    return bound if proof is None else max(bound, proof.bound_g)


def _proof(
    queue: Queue, jobs: Jobs, prices: Floats, bound: float, emitted_g: float, patience: Patience
) -> Proof | None:
    """Of a bound nearer to a plan that emits `emitted_g`; None where `bound`, which `prices` prove, is near enough."""
    if is_long(queue) or emitted_g <= bound * (1 + _WORTH_PROVING):
        return None
    return proof_of(queue.pieces, jobs, queue.held.end, prices, emitted_g, patience)


def _hardly_changed(queue: Queue) -> bool:
    """Nearly all of it was planned before: planning it from nothing would gain next to nothing."""
    if queue.announced is None:
        return False
    known = int(np.count_nonzero(queue.announced.number)) / queue.announced.number.size
    return known >= (_KNOWN_SHARE_OF_MANY if is_long(queue) else _KNOWN_SHARE)


def _prices(queue: Queue, jobs: Jobs, known: Floats | None) -> tuple[Floats, float]:
    """(prices, bound) for the jobs and what is expected beside them; `known`: where the search begins."""
    if queue.fluid is None:
        return bounding_prices(queue.pieces, jobs, known)
    pieces, both = with_portions(queue.pieces, jobs, queue.fluid)
    # Of many together a few passes raise no bound, and plans are the same to the last moment with a single one.
    again = 1 if both.lo.size >= SOME else None
    prices, bound = bounding_prices(pieces, both, None if known is None else known / PARTS, again)
    return prices * PARTS, bound


def _with_reserve(jobs: Jobs, reserve: float) -> Jobs:
    slack = np.maximum(jobs.hi - jobs.lo - jobs.work, 0)
    return jobs._replace(hi=jobs.hi - (reserve * slack).astype(np.int64))
