"""How long each row of an answer holds, where the provider says only when it begins.

That is told by its neighbours, so more is asked for than is wanted: a row at the edge of an answer lacks some, and its
length must not depend on how narrow the question was.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from scheduler.domain.intervals import Interval


def widened(interval: Interval, by: timedelta, now: datetime) -> Interval:
    """With its surroundings, as far as they are past."""
    return Interval(interval.start - by, max(interval.end, min(interval.end + by, now)))


def lengths(starts: Iterable[datetime]) -> dict[datetime, timedelta]:
    """By start. Of one row alone nothing is known, so it has none.

    A row lasts until the next, unless both the row before and the next one are shorter: then rows were lost behind it.
    So each row of a series that changes from hours to quarters has its own length.
    """
    ordered = sorted(set(starts))
    distances = [after - before for before, after in pairwise(ordered)]
    if not distances:
        return {}
    second, last_but_one = (distances[1:2] or distances)[0], (distances[-2:-1] or distances)[0]
    around = [second, *distances, last_but_one, distances[-1]]
    each = zip(ordered, around, around[1:], around[2:], strict=False)
    return {start: min(until_next, max(before, after_next)) for start, before, until_next, after_next in each}
