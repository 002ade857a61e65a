"""Branch and bound: a job that begins by noon and one that begins after it are two problems, each with its own bound.

Prices alone let a whole job begin half at one time and half at another. Where its answers waver between two, its window
is divided between them; the lowest bound of all that is left open bounds the whole. The narrower windows are also where
better plans are looked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs
from scheduler.planning.decomposition.configurations import Patience, Proof, proof_of
from scheduler.planning.decomposition.searching import Found, Queue, Trials, searched, worth_of

_AT_A_BRANCH = Patience(80, 4, 0.8, 0.002, 2e7)
"""Its prices are nearly those of the branch before."""
_TRIALS, _SEARCH_EVERY = Trials(100), 4
"""A plan is looked for at each fourth branch, by so many trials."""
_MOST_BYTES = 64e6
"""Of the prices of all open branches."""


class Branch(NamedTuple):
    """The queue with narrower windows; in a heap, the lowest bound first."""

    bound_g: float
    number: int
    lo: Ints
    hi: Ints
    proof: Proof


def branched(
    queue: Queue, prices: Floats, proof: Proof, found: Found, goal: float, go_on: Callable[[], bool]
) -> tuple[float, Found]:
    """(a bound, a plan), neither worse than those given, until they are within `goal` or `go_on` says no.

    Of a queue whose jobs are in time in `found`; plans are looked for under `prices` [g/s a place].
    """
    due, most = queue.jobs.hi, _MOST_BYTES / proof.prices.nbytes
    left = [Branch(proof.bound_g, 0, queue.jobs.lo, due, proof)]
    closed_g, made = np.inf, 0
    while left and left[0].bound_g < found.total_g / (1 + goal) and len(left) < most and go_on():
        branch = heapq.heappop(left)
        j = _most_wavering(queue.jobs, branch)
        if j < 0:
            # No window of a whole job is left to divide.
            closed_g = min(closed_g, branch.bound_g)
            continue
        for jobs in _divided(queue.jobs, branch, j):
            made += 1
            own = proof_of(
                queue.pieces, jobs, queue.held.end, branch.proof.prices, found.total_g, _AT_A_BRANCH, of_shapes=True
            )  # fmt: skip
            if own is None:
                closed_g = min(closed_g, branch.bound_g)
                continue
            if own.bound_g >= found.total_g:
                continue
            heapq.heappush(left, Branch(max(own.bound_g, branch.bound_g), made, jobs.lo, jobs.hi, own))
            if made % _SEARCH_EVERY == 0:
                again = searched(queue._replace(jobs=jobs, announced=None), due, prices, own.bound_g, _TRIALS)
                found = min(found, again._replace(jobs=queue.jobs), key=lambda each: worth_of(each, queue, due))
    return min([closed_g, found.total_g, *(branch.bound_g for branch in left)]), found


def _most_wavering(jobs: Jobs, branch: Branch) -> int:
    """The whole job whose answers cost most to agree; -1 where all agree."""
    can_wait = ~jobs.divisible & (branch.hi - branch.lo > jobs.work + 2)
    apart = np.where(can_wait, np.sqrt(branch.proof.wavering.square) * PER_SECOND * jobs.grams, 0.0)
    j = int(apart.argmax())
    return j if apart[j] > 0 else -1


def _divided(jobs: Jobs, branch: Branch, j: int) -> tuple[Jobs, Jobs]:
    """Job j begun by its mean answer, and after it."""
    latest = branch.hi[j] - jobs.work[j]
    at = min(max(int(branch.proof.wavering.mean[j]), branch.lo[j] + 1), latest - 1)
    by, after = branch.hi.copy(), branch.lo.copy()
    by[j], after[j] = at + jobs.work[j], at
    return jobs._replace(lo=branch.lo, hi=by), jobs._replace(lo=after, hi=branch.hi)
