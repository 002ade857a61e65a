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
        self._not_before: dict[int, tuple[list[int], list[int]]] = {}
        """By width: lengths, and the moments before which nothing so long fits, for places are only ever taken. Both
        increase."""

    def occupy(self, start: int, end: int, places: int) -> None:
        """Take `places` for [start, end), `start` not before the beginning; the count may go below zero."""
        for piece in range(self._cut(start), self._cut(end)):
            self._free[piece] -= places

    def take_earliest(self, places: int, length: int, begin: int) -> int:
        """Take `places` for `length` from the first moment on, not before `begin`, at which they are free for so long.

        The moment; ValueError where there is none.
        """
        edges, free = self._edges, self._free
        lengths, moments = self._not_before.setdefault(places, ([0], [edges[0]]))
        known = bisect_right(lengths, length) - 1
        start = max(begin, moments[known])
        first = bisect_right(edges, start) - 1
        for piece in range(first, len(free)):
            if free[piece] < places:
                start, first = edges[piece + 1], piece + 1
            elif edges[piece + 1] >= start + length:
                self._take(first, piece, start, start + length, places)
                if begin <= moments[known] < start:
                    _remember(lengths, moments, known, length, start)
                return start
        raise ValueError(f"{places} places are never free: the pool is smaller than that")

    def _take(self, first: int, last: int, start: int, end: int, places: int) -> None:
        """`start` lies in the piece `first` and `end` in `last`, or at its end."""
        edges, free = self._edges, self._free
        if edges[last + 1] != end:
            edges.insert(last + 1, end)
            free.insert(last, free[last])
        if edges[first] != start:
            first, last = first + 1, last + 1
            edges.insert(first, start)
            free.insert(first, free[first - 1])
        for piece in range(first, last + 1):
            free[piece] -= places

    def _cut(self, moment: int) -> int:
        """Index of the piece that begins at `moment`, made where there is none."""
        index = bisect_left(self._edges, moment)
        if self._edges[index] != moment:
            self._edges.insert(index, moment)
            self._free.insert(index, self._free[index - 1])
        return index


def _remember(lengths: list[int], moments: list[int], known: int, length: int, moment: int) -> None:
    """Nothing so long fits before `moment`, which is later than what was known of it; nothing longer does, either."""
    after = known + 1
    until = bisect_right(moments, moment, after)
    lengths[after:until], moments[after:until] = [length], [moment]
    if lengths[known] == length:
        del lengths[known], moments[known]
