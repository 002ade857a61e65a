"""A queue of one: more slack must never cost emissions, so segments are tried against every earlier deadline too."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Ints, Jobs
from scheduler.planning.decomposition.placing import Placements, lift, put, put_best
from scheduler.planning.decomposition.sooner import end_sooner, soonest_end_in_parts
from scheduler.planning.decomposition.timeline import Timeline


def choose_alone(line: Timeline, edges: Ints, jobs: Jobs, placed: Placements) -> None:
    """Place the one job for the best: in one piece up to its deadline, or in segments that end by any edge before it.

    In segments the search is a heuristic; over a family of deadlines that only grows, its best never gets worse. Nor
    does the family depend on the price of waiting, which is added to each: so a higher one never ends later. Where none
    of the family has room, beside jobs that stay where they are, it stays where it was.
    """
    before = placed.segments[0, : placed.number[0]].copy()
    lift(line, jobs, placed, 0)
    whole = jobs._replace(divisible=np.zeros_like(jobs.divisible))
    best, chosen = _tried(line, whole, placed)
    unpriced = jobs._replace(wait=np.zeros_like(jobs.wait))
    for until in _latest_ends(line, edges, jobs) if jobs.divisible[0] else ():
        cost, segments = _tried(line, unpriced._replace(hi=np.array([until])), placed)
        if len(segments) and jobs.wait[0] > 0:
            end_sooner(line, int(jobs.pool[0]), int(jobs.width[0]), segments, len(segments))
            cost += jobs.wait[0] * int(segments[-1, 1] - jobs.lo[0] - jobs.work[0]) * PER_SECOND
        if cost < best:
            best, chosen = cost, segments
    if not np.isfinite(best):
        chosen = before
    put(line, jobs, placed, 0, chosen, len(chosen))


def _latest_ends(line: Timeline, edges: Ints, jobs: Jobs) -> Ints:
    """Every edge inside the window; and where waiting has a price, the soonest end that there is."""
    lo, hi, work = int(jobs.lo[0]), int(jobs.hi[0]), int(jobs.work[0])
    inside: Ints = edges[(edges > lo + work) & (edges <= hi)]
    if jobs.wait[0] <= 0:
        return inside
    soonest = soonest_end_in_parts(
        line, int(jobs.pool[0]), lo, hi, work, int(jobs.width[0]), int(jobs.switch[0]), int(jobs.min_run[0]),
        bool(jobs.going[0]),
    )  # fmt: skip
    return np.append(inside, soonest)


def _tried(line: Timeline, jobs: Jobs, placed: Placements) -> tuple[float, Ints]:
    cost = put_best(line, jobs, placed, 0, 0.0)
    segments = placed.segments[0, : placed.number[0]].copy()
    lift(line, jobs, placed, 0)
    return cost, segments
