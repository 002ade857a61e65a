"""Where a job could have begun earlier than a schedule has it, the others being where they are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import chain
from typing import NamedTuple

import numpy as np

from scheduler.domain.gpus import Pool
from scheduler.domain.places import FreePlaces, Micros
from scheduler.planning.demand import Demand, Schedule, Segments
from scheduler.planning.situation import Situation


class _Stretches(NamedTuple):
    """Of time, in order, with so many places free throughout."""

    starts: list[int]
    ends: list[int]
    lengths: Micros


class Openings:
    """Of one schedule. What is free is reckoned once for all jobs of one pool and width."""

    def __init__(self, schedule: Schedule, situation: Situation) -> None:
        self._schedule, self._situation = schedule, situation
        self._free: dict[Pool, FreePlaces] = {}
        self._known: dict[tuple[Pool, int], _Stretches] = {}

    def before(self, demand: Demand) -> tuple[int, int] | None:
        """[start, end) in which it could have begun before its planned start; None where places are wanting.

        The first with room for all of it, or else, where it may pause, for the shortest stretch that is worth starting.
        """
        own = self._schedule[demand.id]
        start = own[0][0]
        begin = max([demand.earliest, *(self._schedule[p][-1][1] for p in demand.after)])
        if begin >= start:
            return None
        starts, ends, lengths = self._stretches(demand.pool, demand.width)
        first, last = bisect_right(ends, begin), bisect_left(starts, start) - 1
        if first > last:
            return None
        least = min(demand.work, demand.min_run + demand.switch) if demand.interruptible else demand.work
        part = None
        between = (lengths[first + 1 : last] >= least).nonzero()[0] + first + 1
        for k in (first, *between.tolist(), last):
            opens = max(starts[k], begin)
            closes = ends[k] if ends[k] < start else _goes_on(ends[k], own, starts, ends)
            if closes - opens >= demand.work:
                return opens, opens + demand.work
            if part is None and closes - opens >= least:
                part = opens, closes
        return part

    def _stretches(self, pool: Pool, width: int) -> _Stretches:
        if (pool, width) not in self._known:
            if pool not in self._free:
                self._free[pool] = _free_places(pool, self._schedule, self._situation)
            starts, ends = self._free[pool].stretches(width, self._situation.now)
            self._known[pool, width] = _Stretches(starts.tolist(), ends.tolist(), ends - starts)
        return self._known[pool, width]


def _goes_on(closes: int, own: Segments, starts: list[int], ends: list[int]) -> int:
    """Until when what is free lasts, its own places included: those would be free as well, and what follows on them."""
    while True:
        within = bisect_right(starts, closes) - 1
        later = max([ends[within], *(end for start, end in own if start <= closes)])
        if later <= closes:
            return closes
        closes = later


def _free_places(pool: Pool, schedule: Schedule, situation: Situation) -> FreePlaces:
    held = [(d.width, schedule[d.id]) for d in situation.demands if d.pool is pool]
    spans = np.array(list(chain.from_iterable(segments for _, segments in held)), dtype=np.int64).reshape(-1, 2)
    widths = np.repeat([width for width, _ in held], [len(segments) for _, segments in held])
    return FreePlaces.beside(spans, widths, situation.capacity.get(pool, 0), situation.now)
