"""Placements under way: what is taken, what is free, and the bounds that leaves each job."""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.domain.gpus import Pool
from scheduler.domain.places import FreePlaces, Micros
from scheduler.planning.demand import Demand, Schedule, Segments
from scheduler.planning.feasibility import successors
from scheduler.planning.situation import Situation


class Board:
    """Mutable, of one planning call. What is running for good is on it from the beginning."""

    def __init__(self, situation: Situation, schedule: Schedule | None = None) -> None:
        self._now = situation.now
        self._free = {pool: FreePlaces(situation.capacity.get(pool, 0), situation.now) for pool in Pool}
        self._waiting = successors(situation.demands)
        self.placed: dict[int, Segments] = {}
        for demand in situation.demands:
            if schedule is not None:
                self.place(demand, schedule[demand.id])
            elif demand.fixed:
                self.place(demand, situation.run_now[demand.id])

    def place(self, demand: Demand, segments: Segments) -> None:
        self.placed[demand.id] = segments
        for start, end in segments:
            self._free[demand.pool].occupy(start, end, demand.width)

    def lift(self, demand: Demand) -> Segments:
        """Take the job off the board; where it was."""
        segments = self.placed.pop(demand.id)
        for start, end in segments:
            self._free[demand.pool].release(start, end, demand.width)
        return segments

    def earliest(self, demand: Demand) -> int:
        """When the job may begin, seen from those it waits for."""
        return max([demand.earliest, *(self.placed[p][-1][1] for p in demand.after)])

    def latest(self, demand: Demand, due: int) -> int:
        """When the job must have ended, seen from those that wait for it."""
        return min([due, *(self.placed[s.id][0][0] for s in self._waiting.get(demand.id, []) if s.id in self.placed)])

    def ready(self, demand: Demand) -> bool:
        """Whether all that it waits for is on the board."""
        return all(p in self.placed for p in demand.after)

    def stretches(self, demand: Demand, begin: int, end: int) -> tuple[Micros, Micros]:
        return self._free[demand.pool].stretches(demand.width, begin, max(begin, end))

    def fits(self, demand: Demand, segments: Segments) -> bool:
        return all(self._free[demand.pool].fits(start, end, demand.width) for start, end in segments)

    def as_soon_as_possible(self, demand: Demand, begin: int) -> Segments:
        """Without a pause, at the first moment from `begin` on that has room; a running job goes on if it can."""
        free = self._free[demand.pool]
        if demand.running and begin == self._now and free.fits(begin, begin + demand.work, demand.width):
            return ((begin, begin + demand.work),)
        length = demand.work + demand.switch if demand.running else demand.work
        start = free.earliest(demand.width, length, begin)
        return ((start, start + length),)

    def frozen(self) -> Mapping[int, Segments]:
        return dict(self.placed)
