"""Which of several published values holds: for every start the newest, and where two overlap the newer."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from scheduler.domain.carbon import IntensityObservation
from scheduler.domain.intervals import Interval


def says_the_same(one: IntensityObservation, other: IntensityObservation) -> bool:
    """Whether a second look found nothing new; when it was fetched does not matter."""
    return (one.interval, one.g_per_kwh, one.status) == (other.interval, other.g_per_kwh, other.status)


def newest_values(recorded: Iterable[IntensityObservation]) -> tuple[IntensityObservation, ...]:
    """Of observations of one key in order of recording: what holds now, sorted, without overlap.

    A newer value replaces the older one of the same start; one that overlaps it otherwise is cut, perhaps in two.
    """
    newest: dict[datetime, IntensityObservation] = {}
    for observation in recorded:
        newest.pop(observation.interval.start, None)
        newest[observation.interval.start] = observation
    by_start = sorted(newest.values(), key=lambda o: o.interval.start)
    if all(one.interval.end <= other.interval.start for one, other in pairwise(by_start)):
        return tuple(by_start)
    return _cut(list(newest.values()))


def _cut(oldest_first: list[IntensityObservation]) -> tuple[IntensityObservation, ...]:
    """Sweep over all edges; between two edges the newest that covers them holds."""
    by_start = sorted(enumerate(oldest_first), key=lambda ranked: ranked[1].interval.start, reverse=True)
    edges = sorted({edge for o in oldest_first for edge in (o.interval.start, o.interval.end)})
    covering: list[tuple[int, IntensityObservation]] = []
    pieces: list[tuple[IntensityObservation, Interval]] = []
    for start, end in pairwise(edges):
        while by_start and by_start[-1][1].interval.start == start:
            rank, observation = by_start.pop()
            heapq.heappush(covering, (-rank, observation))
        while covering and covering[0][1].interval.end <= start:
            heapq.heappop(covering)
        if covering:
            _extend(pieces, covering[0][1], Interval(start, end))
    return tuple(replace(observation, interval=interval) for observation, interval in pieces)


def _extend(
    pieces: list[tuple[IntensityObservation, Interval]], observation: IntensityObservation, interval: Interval
) -> None:
    if pieces and pieces[-1][0] is observation and pieces[-1][1].end == interval.start:
        interval = Interval(pieces.pop()[1].start, interval.end)
    pieces.append((observation, interval))
