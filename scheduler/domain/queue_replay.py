"""First come, first served: the run-now policy, the counterfactual of every statement, the baseline of a simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.gpus import Pool
from scheduler.domain.places import FreePlaces, from_micros, length_micros, to_micros


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job as the queue sees it."""

    id: int
    submitted_at: datetime
    pool: Pool
    width: int
    length: timedelta
    earliest: datetime


def first_come_first_served(arrivals: Iterable[Arrival], capacity: Mapping[Pool, int]) -> dict[int, datetime]:
    """Start of each job: the earliest time at which its places are free for its whole length.

    Jobs choose in order of arrival (ties by position), so a later job may start first where it delays nobody before
    it. ValueError for a job wider than its pool.
    """
    in_order = sorted(arrivals, key=lambda arrival: arrival.submitted_at)
    if not in_order:
        return {}
    begin = to_micros(min(min(a.submitted_at, a.earliest) for a in in_order))
    free = {pool: FreePlaces(places, begin) for pool, places in capacity.items()}
    return {arrival.id: _take(arrival, free) for arrival in in_order}


def _take(arrival: Arrival, free: Mapping[Pool, FreePlaces]) -> datetime:
    places = free[arrival.pool]
    submitted, length = to_micros(arrival.submitted_at), length_micros(arrival.length)
    places.forget_before(submitted)
    start = places.earliest(arrival.width, length, max(submitted, to_micros(arrival.earliest)))
    places.occupy(start, start + length, arrival.width)
    return from_micros(start)
