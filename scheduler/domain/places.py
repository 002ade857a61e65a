"""How many places of one pool are free, over time: exact, in whole microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]
"""Moments or lengths in whole microseconds; moments count from 1970-01-01 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Exact: a float of epoch seconds would move moments by a fraction of a microsecond."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(moment: int) -> datetime:
    return _EPOCH + int(moment) * _MICROSECOND


def length_micros(length: timedelta) -> int:
    return length // _MICROSECOND


_NEVER = int(np.iinfo(np.int64).max)


class FreePlaces:
    """The free places of one pool from `begin` on; the last piece has no end.

    `_edges` has one more than `_free`: the end of the last piece, which is never.
    """

    def __init__(self, capacity: int, begin: int) -> None:
        self._edges: Micros = np.array([begin, _NEVER], dtype=np.int64)
        self._free: Micros = np.array([capacity], dtype=np.int64)

    @classmethod
    def beside(cls, spans: Micros, places: Micros, capacity: int, begin: int) -> FreePlaces:
        """With all of these occupied: (holders, 2) of [start, end), and how many places each takes."""
        free = cls(capacity, begin)
        moments = np.maximum(spans.ravel(order="F"), begin)
        edges, rows = np.unique(np.append(begin, moments), return_inverse=True)
        taken = np.bincount(rows[1:], np.concatenate((places, -places)), edges.size)
        free._edges = np.append(edges, _NEVER)
        free._free = capacity - np.cumsum(taken).astype(np.int64)
        return free

    def occupy(self, start: int, end: int, places: int) -> None:
        """Take `places` for [start, end); the count may go below zero where the pool has shrunk under running jobs."""
        begin = int(self._edges[0])
        first = self._cut(max(start, begin))
        last = self._cut(max(end, begin))
        self._free[first:last] -= places

    def release(self, start: int, end: int, places: int) -> None:
        """Undo an `occupy`."""
        self.occupy(start, end, -places)
        changes = np.concatenate(([True], self._free[1:] != self._free[:-1]))
        self._edges, self._free = self._edges[np.append(changes, True)], self._free[changes]

    def fits(self, start: int, end: int, places: int) -> bool:
        first = int(self._edges.searchsorted(start, side="right")) - 1
        last = int(self._edges.searchsorted(end, side="left"))
        return first >= 0 and bool((self._free[first:last] >= places).all())

    def stretches(self, places: int, begin: int, end: int = _NEVER) -> tuple[Micros, Micros]:
        """Starts and ends of the longest stretches inside [begin, end) with `places` free throughout."""
        wide = np.zeros(self._free.size + 2, dtype=np.bool_)
        np.greater_equal(self._free, places, out=wide[1:-1])
        turns = (wide[1:] != wide[:-1]).nonzero()[0]
        starts = np.maximum(self._edges[turns[::2]], begin)
        ends = np.minimum(self._edges[turns[1::2]], end)
        some = ends > starts
        return (starts, ends) if some.all() else (starts[some], ends[some])

    def earliest(self, places: int, length: int, begin: int) -> int:
        """First moment from `begin` on at which `places` are free for the whole `length`."""
        starts, ends = self.stretches(places, begin, _NEVER)
        fitting = (ends - starts >= length).nonzero()[0]
        if not fitting.size:
            raise ValueError(f"{places} places are never free: the pool is smaller than that")
        return int(starts[fitting[0]])

    def forget_before(self, moment: int) -> None:
        """Drop what lies wholly before `moment`, which nobody will ask about again."""
        first = max(0, int(self._edges.searchsorted(moment, side="right")) - 1)
        self._edges, self._free = self._edges[first:], self._free[first:]

    def _cut(self, moment: int) -> int:
        """Index of the piece that begins at `moment`, made where there is none."""
        edges, free = self._edges, self._free
        index = int(edges.searchsorted(moment, side="left"))
        if edges[index] == moment:
            return index
        self._edges = np.empty(edges.size + 1, dtype=np.int64)
        self._edges[:index], self._edges[index], self._edges[index + 1 :] = edges[:index], moment, edges[index:]
        self._free = np.empty(edges.size, dtype=np.int64)
        self._free[:index], self._free[index:] = free[:index], free[index - 1 :]
        return index
