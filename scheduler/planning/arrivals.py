"""Work that nobody has submitted yet, as far as what came lately tells: how much, when, and how patient.

A plan that leaves it no room moves all it knows into the cleanest hours and finds them crowded once it comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import from_epoch
from scheduler.domain.plans import PlannableJob, SwitchCost
from scheduler.domain.series import Floats
from scheduler.domain.units import Power

REMEMBERED = timedelta(days=28)
AHEAD = timedelta(days=4)
"""As far as arrivals are expected: what comes later competes with little that is here now."""
_MOST_EXPECTED, _SHARE_A_LOAD = 0.8, 3.2
"""Of what came lately such a share is expected, or this many times the square of the load, where that is less: an
empty place that was kept for nobody is a loss too, and where few come few are in each other's way."""
_BIN_S = 12 * 3600
_BINS_A_DAY = 86_400 // _BIN_S
_LEAST_DAYS = 3.0
_BELIEF_DAYS = 2.0
"""Days of the mean day that are believed beside what weekdays, or weekends, showed."""
_MOST_A_BIN = 4
"""More are expected as fewer, wider ones: the planner has to place each of them."""
_NUMBERS_A_BIN = 100


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


class Arrivals:
    """Mutable: the arrivals of the last 28 days in one pool, told in order, and sums over them."""

    def __init__(self, pool: Pool, arrivals: Iterable[Arrival] = ()) -> None:
        self._pool = pool
        self._known: deque[Arrival] = deque()
        self._begin: datetime | None = None
        self._came_s = np.zeros((2, _BINS_A_DAY))
        """Work that came on weekdays (row 0) and on weekends (1) in each half of the day [places x s]."""
        self._widths = self._slack_s = self._watts = 0.0
        """Sums: of widths, of slack weighted with work, and of the power of one place weighted so."""
        for arrival in arrivals:
            self.add(arrival)

    def add(self, arrival: Arrival) -> None:
        if arrival.pool is self._pool and arrival.work_s > 0:
            self._begin = self._begin or arrival.submitted_at
            self._known.append(arrival)
            self._count(arrival, 1)

    def expected(self, now: datetime, until: datetime, places: int) -> tuple[PlannableJob, ...]:
        """Typical jobs, so many that their work is what is to be expected after `now` and before `until`.

        Their numbers are below zero, and the same for the same half-day whenever asked. None is wider than half of
        `places`, unless the typical job is.
        """
        while self._known and self._known[0].submitted_at < now - REMEMBERED:
            self._count(self._known.popleft(), -1)
        if not self._known or self._begin is None:
            return ()
        total_s = float(self._came_s.sum())
        length_s = round(total_s / self._widths)
        length, slack = timedelta(seconds=length_s), timedelta(seconds=round(self._slack_s / total_s))
        rate = self._work_by_bin(now, self._begin)
        share = min(_MOST_EXPECTED, _SHARE_A_LOAD * _load(rate, places) ** 2)
        width = max(1, round(self._widths / len(self._known)))
        together = -(-share * float(rate.max()) // (_MOST_A_BIN * width * length_s))
        width = max(width, min(width * int(together), places // 2))
        made: list[PlannableJob] = []
        power, at_no_cost = Power(self._watts / total_s * width), SwitchCost(timedelta(0))
        # What comes in a half-day is taken to come at its middle.
        carried_s, begin = 0.0, ((int(now.timestamp()) - _BIN_S // 2) // _BIN_S + 1) * _BIN_S
        for start in range(begin, int(until.timestamp()), _BIN_S):
            carried_s += share * float(rate[_bin(start)])
            count = min(int(carried_s / (width * length_s)), _NUMBERS_A_BIN)
            carried_s -= count * width * length_s
            arrives = from_epoch(start + _BIN_S / 2)
            finish_by = arrives + length + slack
            made += [
                PlannableJob(
                    id=-(start // _BIN_S * _NUMBERS_A_BIN + k + 1),
                    submitted_at=arrives,
                    pool=self._pool,
                    width=width,
                    remaining=length,
                    power=power,
                    finish_by=finish_by,
                    earliest_start=arrives,
                    # One that stands for many is as easily divided as they are.
                    interruptible=True,
                    switch=at_no_cost,
                )
                for k in range(count)
            ]
        return tuple(made)

    def _count(self, arrival: Arrival, times: int) -> None:
        work_s = times * arrival.work_s
        slack = arrival.finish_by - arrival.submitted_at - arrival.length
        self._came_s[_bin(int(arrival.submitted_at.timestamp()))] += work_s
        self._widths += times * arrival.width
        self._slack_s += max(slack.total_seconds(), 0.0) * work_s
        self._watts += arrival.power.watts / arrival.width * work_s

    def _work_by_bin(self, now: datetime, begin: datetime) -> Floats:
        """Work to expect of each half-day of a weekday (row 0) and of a weekend day (1) [places x s]."""
        first = max(begin, now - REMEMBERED)
        seen = [(first + timedelta(days=d)).weekday() >= 5 for d in range((now - first).days + 1)]
        days = np.array([seen.count(False), seen.count(True)], dtype=np.float64)
        usual = self._came_s.sum(axis=0) / max(float(days.sum()), _LEAST_DAYS)
        rate: Floats = (self._came_s + _BELIEF_DAYS * usual) / (days[:, None] + _BELIEF_DAYS)
        return rate


def _load(rate: Floats, places: int) -> float:
    """Share of the places' time that a mean week asks for; `rate` as of _work_by_bin."""
    return float(5 * rate[0].sum() + 2 * rate[1].sum()) / (7 * 86_400 * places)


def _bin(epoch_s: int) -> tuple[int, int]:
    """(0 on a weekday, 1 on a weekend; which part of the day), in UTC. 1 January 1970 was a Thursday."""
    return int((epoch_s // 86_400 + 3) % 7 >= 5), epoch_s // _BIN_S % _BINS_A_DAY
