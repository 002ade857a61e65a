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
    return _EPOCH + timedelta(microseconds=int(moment))


def length_micros(length: timedelta) -> int:
    return length // _MICROSECOND


class FreePlaces:
    """The free places of one pool from `begin` on; the last piece has no end."""

    def __init__(self, capacity: int, begin: int) -> None:
        self._edges: Micros = np.array([begin], dtype=np.int64)
        self._free: Micros = np.array([capacity], dtype=np.int64)

    def occupy(self, start: int, end: int, places: int) -> None:
        """Take `places` for [start, end); the count may go below zero where the pool has shrunk under running jobs."""
        first = self._cut(max(start, int(self._edges[0])))
        last = self._cut(max(end, int(self._edges[0])))
        self._free[first:last] -= places

    def release(self, start: int, end: int, places: int) -> None:
        """Undo an `occupy`."""
        self.occupy(start, end, -places)
        changes = np.concatenate(([True], self._free[1:] != self._free[:-1]))
        self._edges, self._free = self._edges[changes], self._free[changes]

    def fits(self, start: int, end: int, places: int) -> bool:
        first = int(self._edges.searchsorted(start, side="right")) - 1
        last = int(self._edges.searchsorted(end, side="left"))
        return first >= 0 and bool((self._free[first:last] >= places).all())

    def stretches(self, places: int, begin: int, end: int) -> tuple[Micros, Micros]:
        """Starts and ends of the longest stretches inside [begin, end) with `places` free throughout."""
        wide = np.concatenate(([False], self._free >= places, [False]))
        turns = np.flatnonzero(wide[1:] != wide[:-1])
        edges = np.append(self._edges, max(end, int(self._edges[-1])))
        starts, ends = np.maximum(edges[turns[::2]], begin), np.minimum(edges[turns[1::2]], end)
        some = ends > starts
        return starts[some], ends[some]

    def earliest(self, places: int, length: int, begin: int) -> int:
        """First moment from `begin` on at which `places` are free for the whole `length`."""
        never = np.iinfo(np.int64).max
        starts, ends = self.stretches(places, begin, int(never))
        fitting = np.flatnonzero(ends - starts >= length)
        if not fitting.size:
            raise ValueError(f"{places} places are never free: the pool is smaller than that")
        return int(starts[fitting[0]])

    def forget_before(self, moment: int) -> None:
        """Drop what lies wholly before `moment`, which nobody will ask about again."""
        first = max(0, int(self._edges.searchsorted(moment, side="right")) - 1)
        self._edges, self._free = self._edges[first:], self._free[first:]

    def _cut(self, moment: int) -> int:
        """Index of the piece that begins at `moment`, made where there is none."""
        index = int(self._edges.searchsorted(moment, side="left"))
        if index == self._edges.size or self._edges[index] != moment:
            self._edges = np.concatenate((self._edges[:index], (moment,), self._edges[index:]))
            self._free = np.concatenate((self._free[:index], self._free[index - 1 :]))
        return index
