"""Work that nobody has submitted yet, as far as what came lately tells: how much, when, and how patient.

A plan that leaves it no room moves all it knows into the cleanest hours and finds them crowded once it comes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate

import numpy as np

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import from_epoch
from scheduler.domain.plans import ExpectedWork
from scheduler.domain.series import Floats
from scheduler.domain.units import Power

REMEMBERED = timedelta(days=28)
AHEAD = timedelta(days=4)
"""As far as arrivals are expected: what comes later competes with little that is here now."""
LOOK_AGAIN = timedelta(hours=1)
"""So long after a plan, that nobody came is news."""
_SHARE = 0.8
"""Of what came lately so much is expected: an empty place that was kept for nobody is a loss too."""
_BIN_S = 12 * 3600
_BINS_A_DAY = 86_400 // _BIN_S
_LEAST_DAYS = 3.0
_BELIEF_DAYS = 2.0
"""Days of the mean day that are believed beside what weekdays, or weekends, showed."""
_PORTIONS = 4
"""Into which the work of a half-day is divided, each with the length and patience of a job that came: shorter and
longer ones are not free to move alike."""
_FEW = 3
"""Arrivals of which none is like a portion of the work."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job that came: what it asked for."""

    submitted_at: datetime
    pool: Pool
    width: int
    length: timedelta
    finish_by: datetime
    power: Power

    @property
    def work_s(self) -> float:
        """Places times seconds."""
        return self.width * self.length.total_seconds()


@dataclass(slots=True)
class _Alike:
    """Mutable: arrivals of weekdays, or of weekends, in one half of the day; the shortest first."""

    arrivals: list[Arrival] = field(default_factory=list)
    works_s: list[float] = field(default_factory=list)
    """Of each of them [places x s]."""
    _portions: list[Arrival] | None = None

    def add(self, arrival: Arrival) -> None:
        at = bisect_left(self.arrivals, _by_length(arrival), key=_by_length)
        self.arrivals.insert(at, arrival)
        self.works_s.insert(at, arrival.work_s)
        self._portions = None

    def forget(self, arrival: Arrival) -> None:
        at = self.arrivals.index(arrival, bisect_left(self.arrivals, _by_length(arrival), key=_by_length))
        del self.arrivals[at], self.works_s[at]
        self._portions = None

    def portions(self) -> Sequence[Arrival]:
        """One for each equal part of the work, from short jobs to long ones: the one in the part's middle."""
        if self._portions is None:
            self._portions = _middles(self.arrivals, self.works_s)
        return self._portions


class Arrivals:
    """Mutable: the arrivals of the last 28 days in one pool, told in order, and sums over them."""

    def __init__(self, pool: Pool, arrivals: Iterable[Arrival] = ()) -> None:
        self._pool = pool
        self._known: deque[Arrival] = deque()
        self._begin: datetime | None = None
        self._alike = [[_Alike() for _ in range(_BINS_A_DAY)] for _ in range(2)]
        """Of weekdays (0) and of weekends (1), of each half of the day."""
        for arrival in arrivals:
            self.add(arrival)

    def add(self, arrival: Arrival) -> None:
        if arrival.pool is self._pool and arrival.work_s > 0:
            self._begin = self._begin or arrival.submitted_at
            self._known.append(arrival)
            self._like(arrival).add(arrival)

    def expected(self, now: datetime, until: datetime) -> tuple[ExpectedWork, ...]:
        """What is to be expected after `now` and before `until`, in portions like the jobs that came."""
        while self._known and self._known[0].submitted_at < now - REMEMBERED:
            forgotten = self._known.popleft()
            self._like(forgotten).forget(forgotten)
        if not self._known or self._begin is None:
            return ()
        rate = self._work_by_bin(now, self._begin)
        made: list[ExpectedWork] = []
        for start in range(int(now.timestamp()) // _BIN_S * _BIN_S, int(until.timestamp()), _BIN_S):
            kind, half = _bin(start)
            work_s = _SHARE * float(rate[kind, half])
            made += [
                _portion(like, start, work_s / _PORTIONS)
                for like in self._portions(kind, half)
                if work_s > 0 and start + like.submitted_at.timestamp() % _BIN_S > now.timestamp()
            ]
        return tuple(made)

    def _like(self, arrival: Arrival) -> _Alike:
        kind, half = _bin(int(arrival.submitted_at.timestamp()))
        return self._alike[kind][half]

    def _portions(self, kind: int, half: int) -> Sequence[Arrival]:
        """Of the half-day; where few came in it, of that half of any day, or else of any half."""
        alike = self._alike[kind][half]
        if len(alike.arrivals) >= _FEW:
            return alike.portions()
        any_day = [a for each in self._alike for a in each[half].arrivals]
        like = sorted(any_day or self._known, key=_by_length)
        return _middles(like, [arrival.work_s for arrival in like])

    def _work_by_bin(self, now: datetime, begin: datetime) -> Floats:
        """Work to expect of each half-day of a weekday (row 0) and of a weekend day (1) [places x s]."""
        first = max(begin, now - REMEMBERED)
        seen = [(first + timedelta(days=d)).weekday() >= 5 for d in range((now - first).days + 1)]
        days = np.array([seen.count(False), seen.count(True)], dtype=np.float64)
        came_s = np.array([[sum(each.works_s) for each in row] for row in self._alike])
        usual = came_s.sum(axis=0) / max(float(days.sum()), _LEAST_DAYS)
        rate: Floats = (came_s + _BELIEF_DAYS * usual) / (days[:, None] + _BELIEF_DAYS)
        return rate


def _middles(arrivals: Sequence[Arrival], works_s: Iterable[float]) -> list[Arrival]:
    """Of `arrivals` in order, the one in the middle of each portion of their work."""
    sums = list(accumulate(works_s))
    return [arrivals[bisect_left(sums, (k + 0.5) / _PORTIONS * sums[-1])] for k in range(_PORTIONS)]


def _portion(like: Arrival, start_s: int, work_s: float) -> ExpectedWork:
    """So much work [places x s], to come in the half-day from `start_s` on at the time at which its like came."""
    arrives = from_epoch(start_s + like.submitted_at.timestamp() % _BIN_S)
    patience = max(like.finish_by - like.submitted_at, like.length)
    places = work_s / like.length.total_seconds()
    return ExpectedWork(
        like.pool, arrives, arrives + patience, like.length, places, Power(like.power.watts / like.width)
    )


def _by_length(arrival: Arrival) -> tuple[timedelta, datetime]:
    return arrival.length, arrival.submitted_at


def _bin(epoch_s: int) -> tuple[int, int]:
    """(0 on a weekday, 1 on a weekend; which part of the day), in UTC. 1 January 1970 was a Thursday."""
    return int((epoch_s // 86_400 + 3) % 7 >= 5), epoch_s // _BIN_S % _BINS_A_DAY
