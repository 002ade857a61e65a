"""The cheapest placement of one job in the places that others leave: in one piece, or in several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.domain.places import Micros
from scheduler.domain.series import Floats
from scheduler.planning.cost import weighed_g
from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook

_SECOND = 1_000_000
_TIE = 1e-12
"""Relative; among placements that cost the same the earliest is taken, and rounding must not decide."""


@dataclass(frozen=True, slots=True)
class Room:
    """Stretches [starts[i], ends[i]) in which a job's places are free, between its earliest start and its due time."""

    starts: Micros
    ends: Micros

    @property
    def begin(self) -> int:
        return int(self.starts[0])

    @property
    def end(self) -> int:
        return int(self.ends[-1])

    def holds(self, segments: Segments) -> bool:
        return all(bool(((self.starts <= start) & (end <= self.ends)).any()) for start, end in segments)

    def goes_on(self, demand: Demand, now: int) -> Segments | None:
        """A running job running on to its end; None where it does not run, or has no room to."""
        going_on = ((now, now + demand.work),)
        return going_on if demand.running and self.holds(going_on) else None

    def soonest(self, demand: Demand, now: int) -> Segments | None:
        """Without a pause, as early as the room allows; None where it does not."""
        lengths = np.where(self.starts > now, demand.work_from(now + 1, now), demand.work)
        fitting = np.flatnonzero(self.ends - self.starts >= lengths)
        if not fitting.size:
            return None
        start = int(self.starts[fitting[0]])
        return ((start, start + int(lengths[fitting[0]])),)


def cheapest_window(room: Room, length: int, outlook: Outlook, wait_rate: float = 0.0) -> Segments | None:
    """The uninterrupted placement with the lowest intensity, exact in continuous time; None where none fits.

    `wait_rate`: the price of waiting, as an intensity for each second of it [g/kWh].

    Its start or its end lies on an edge of the forecast or of a free stretch: between edges the cost is linear.
    """
    last = room.ends - length
    possible = last >= room.starts
    first, last = room.starts[possible], last[possible]
    if not first.size:
        return None
    edges = outlook.edges_between(int(first[0]), int(last[-1]) + length)
    starts = np.concatenate((first, last, edges, edges - length))
    row = first.searchsorted(starts, side="right") - 1
    starts = np.sort(starts[(row >= 0) & (starts <= last[np.maximum(row, 0)])])
    cost = outlook.integral_to(starts + length) - outlook.integral_to(starts)
    cost += wait_rate * ((starts - room.begin) / _SECOND)
    start = int(starts[first_lowest(cost)])
    return ((start, start + length),)


def cheapest_of(options: tuple[Segments | None, ...], demand: Demand, outlook: Outlook, now: int) -> Segments | None:
    """The option with the lowest emissions and price of waiting, the first of equals; None where there is none."""
    there = [option for option in options if option is not None]
    if len(there) == 1:
        return there[0]
    return min(there, key=lambda option: weighed_g(demand, option, outlook, now), default=None)


def first_lowest(cost: Floats) -> int:
    """Index of the first value that is the lowest but for rounding."""
    lowest = float(cost.min())
    return int(np.flatnonzero(cost <= lowest + abs(lowest) * _TIE)[0])


def cheapest_pauses(room: Room, demand: Demand, now: int, outlook: Outlook, thresholds: Floats) -> Segments | None:
    """Run whenever the intensity is at most a threshold, from a moment on, until done: the cheapest such placement.

    Every threshold and every moment at which the intensity changes is tried. None of them depends on the deadline,
    which only rules placements out; so more slack never costs emissions.
    """
    runs = _runs(room, demand, outlook, thresholds)
    return None if runs is None else runs.cheapest(demand, now, room.end)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Stretches worth running in, for each threshold in turn; arrays over all of them, `row` says whose."""

    row: Micros
    starts: Micros
    ends: Micros
    costs: Floats
    edges: Micros
    outlook: Outlook

    def cheapest(self, demand: Demand, now: int, due: int) -> Segments | None:
        """Begin at an edge inside a run and work through the runs of the same threshold until done."""
        run, start = self._beginnings()
        if not start.size:
            return None
        useful = np.concatenate(([0], np.cumsum(self.ends - self.starts - demand.switch)))
        spent = np.concatenate(([0.0], np.cumsum(self.costs)))
        needed = np.where((start > now) & demand.running, demand.work + demand.switch, demand.work)
        rest = needed - (self.ends[run] - start)
        last = np.searchsorted(useful, useful[run + 1] + rest, side="left") - 1
        inside = (rest > 0) & (last < self.row.size) & (self.ends[run] - start >= demand.min_run)
        run, start, rest, last = run[inside], start[inside], rest[inside], last[inside]
        leftover = rest - (useful[last] - useful[run + 1])
        end = self.starts[last] + demand.switch + leftover
        possible = (self.row[last] == self.row[run]) & (leftover >= demand.min_run) & (end <= due)
        run, start, last, end = run[possible], start[possible], last[possible], end[possible]
        if not start.size:
            return None
        to = self.outlook.integral_to
        cost = (
            to(self.ends[run]) - to(start) + spent[last] - spent[run + 1] + to(end) - to(self.starts[last])
            + (last - run) * demand.switch_extra_s * float(self.outlook.values.mean())
            + demand.wait_rate * ((end - self.starts[0]) / _SECOND)
        )  # fmt: skip
        best = first_lowest(cost)
        return self._segments(int(run[best]), int(start[best]), int(last[best]), int(end[best]))

    def _beginnings(self) -> tuple[Micros, Micros]:
        """(run, moment): the start of each run and every edge inside it."""
        first = np.searchsorted(self.edges, self.starts, side="right")
        count = np.searchsorted(self.edges, self.ends, side="left") - first
        run = np.repeat(np.arange(self.row.size), count)
        offset = np.arange(run.size) - np.repeat(np.cumsum(count) - count, count)
        inner = self.edges[first[run] + offset]
        return np.concatenate((np.arange(self.row.size), run)), np.concatenate((self.starts, inner))

    def _segments(self, run: int, start: int, last: int, end: int) -> Segments:
        between = [(int(self.starts[k]), int(self.ends[k])) for k in range(run + 1, last)]
        return ((start, int(self.ends[run])), *between, (int(self.starts[last]), end))


def _runs(room: Room, demand: Demand, outlook: Outlook, thresholds: Floats) -> _Runs | None:
    edges = outlook.edges_between(room.begin, room.end)
    cuts = np.unique(np.concatenate((edges, room.starts, room.ends)))
    sums = outlook.integral_to(cuts)
    intensity = np.diff(sums) / np.diff(cuts) * _SECOND
    stretch = np.searchsorted(room.starts, cuts[:-1], side="right") - 1
    free = cuts[:-1] < room.ends[stretch]
    row, first, last = _stretches_below(intensity, free, thresholds)
    if not row.size:
        return None
    row, first, last = _bridged(row, first, last, cuts, sums, free, demand.switch, thresholds)
    long_enough = cuts[last] - cuts[first] >= demand.switch + demand.min_run
    row, first, last = row[long_enough], first[long_enough], last[long_enough]
    if not row.size:
        return None
    return _Runs(row, cuts[first], cuts[last], sums[last] - sums[first], edges, outlook)


def _stretches_below(intensity: Floats, free: NDArray[np.bool_], thresholds: Floats) -> tuple[Micros, Micros, Micros]:
    """(threshold, first cut, last cut) of each unbroken stretch that is free and not above the threshold."""
    width = intensity.size + 2
    below = np.zeros((thresholds.size, width), dtype=bool)
    below[:, 1:-1] = free & (intensity <= thresholds[:, None] * (1 + _TIE))
    flat = below.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    row, first = np.divmod(turns[::2], width)
    return row, first, turns[1::2] % width


def _bridged(
    row: Micros, first: Micros, last: Micros, cuts: Micros, sums: Floats, free: NDArray[np.bool_], switch: int,
    thresholds: Floats,
) -> tuple[Micros, Micros, Micros]:  # fmt: skip
    """Run on through a dearer stretch where pausing would cost more than it spares."""
    level = thresholds[row[:-1]]
    gap_s = (cuts[first[1:]] - cuts[last[:-1]]) / _SECOND
    extra = sums[first[1:]] - sums[last[:-1]] - level * gap_s
    blocked = np.concatenate(([0], np.cumsum(~free)))
    open_gap = blocked[first[1:]] == blocked[last[:-1]]
    join = (row[1:] == row[:-1]) & open_gap & (extra <= level * switch / _SECOND)
    return (
        row[np.concatenate(([True], ~join))],
        first[np.concatenate(([True], ~join))],
        last[np.concatenate((~join, [True]))],
    )
