"""The free places of a pool for jobs that each take the earliest time that fits them, and never give it back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

_NEVER = 1 << 62


class EarlyPlaces:
    """Mutable, from `begin` on, in whole microseconds; the last piece has no end.

    As `FreePlaces`, on plain lists: a queue's first jobs are found room for in a few steps, without arrays.
    """

    def __init__(self, capacity: int, begin: int) -> None:
        self._edges, self._free = [begin, _NEVER], [capacity]
        self._full_until: dict[int, int] = {}
        """By width: before this moment so many places are free nowhere, for places are only ever taken."""

    def occupy(self, start: int, end: int, places: int) -> None:
        """Take `places` for [start, end), `start` not before the beginning; the count may go below zero."""
        for piece in range(self._cut(start), self._cut(end)):
            self._free[piece] -= places

    def earliest(self, places: int, length: int, begin: int) -> int:
        """First moment from `begin` on at which `places` are free for the whole `length`; ValueError: there is none."""
        edges, free = self._edges, self._free
        full_until = self._full_until.get(places, edges[0])
        start = max(begin, full_until)
        first = bisect_right(edges, start) - 1
        seen = begin > full_until
        for piece in range(first, len(free)):
            if free[piece] < places:
                start = edges[piece + 1]
            else:
                if not seen:
                    self._full_until[places], seen = start, True
                if edges[piece + 1] >= start + length:
                    return start
        raise ValueError(f"{places} places are never free: the pool is smaller than that")

    def _cut(self, moment: int) -> int:
        """Index of the piece that begins at `moment`, made where there is none."""
        index = bisect_left(self._edges, moment)
        if self._edges[index] != moment:
            self._edges.insert(index, moment)
            self._free.insert(index, self._free[index - 1])
        return index
