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
    after: tuple[int, ...] = ()
    """Jobs that must have ended; those that did not arrive before it are passed over."""


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
    ends: dict[int, int] = {}
    starts = {}
    for arrival in in_order:
        length = length_micros(arrival.length)
        start = _take(arrival, length, free[arrival.pool], ends)
        starts[arrival.id], ends[arrival.id] = from_micros(start), start + length
    return starts


def _take(arrival: Arrival, length: int, places: FreePlaces, ends: Mapping[int, int]) -> int:
    submitted = to_micros(arrival.submitted_at)
    places.forget_before(submitted)
    awaited = (ends[other] for other in arrival.after if other in ends)
    start = places.earliest(arrival.width, length, max(submitted, to_micros(arrival.earliest), *awaited))
    places.occupy(start, start + length, arrival.width)
    return start
