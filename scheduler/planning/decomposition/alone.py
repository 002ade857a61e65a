"""A queue of one: more slack must never cost emissions, so segments are tried against every earlier deadline too."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import Ints, Jobs
from scheduler.planning.decomposition.placing import Placements, lift, put, put_best
from scheduler.planning.decomposition.timeline import Timeline


def choose_alone(line: Timeline, edges: Ints, jobs: Jobs, placed: Placements) -> None:
    """Place the one job for the best: in one piece up to its deadline, or in segments that end by any edge before it.

    In segments the search is a heuristic; over a family of deadlines that only grows, its best never gets worse.
    """
    lift(line, jobs, placed, 0)
    whole = jobs._replace(divisible=np.zeros_like(jobs.divisible))
    best, chosen = _tried(line, whole, placed)
    for edge in edges[(edges > jobs.lo[0] + jobs.work[0]) & (edges <= jobs.hi[0])] if jobs.divisible[0] else ():
        cost, segments = _tried(line, jobs._replace(hi=np.array([edge])), placed)
        if cost < best:
            best, chosen = cost, segments
    put(line, jobs, placed, 0, chosen, len(chosen))


def _tried(line: Timeline, jobs: Jobs, placed: Placements) -> tuple[float, Ints]:
    cost = put_best(line, jobs, placed, 0, 0.0)
    segments = placed.segments[0, : placed.number[0]].copy()
    lift(line, jobs, placed, 0)
    return cost, segments
