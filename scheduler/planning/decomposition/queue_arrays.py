"""A situation as arrays, and placements back as a schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import numpy as np

from scheduler.domain.gpus import Pool
from scheduler.domain.places import length_micros
from scheduler.domain.series import StepSeries
from scheduler.domain.units import JOULES_PER_KWH
from scheduler.planning.cost import emissions_g
from scheduler.planning.decomposition.arrays import PER_SECOND, Flags, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.fluid import PARTS, Fluid
from scheduler.planning.decomposition.parts import MAX_SEGMENTS
from scheduler.planning.decomposition.placing import Placements, no_placements
from scheduler.planning.decomposition.searching import Held, Queue
from scheduler.planning.demand import Demand, Schedule
from scheduler.planning.feasibility import (
    due_with_successors,
    hardest_to_place_first,
    successors,
    wanted_ends,
)
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import LOOK_AHEAD, PlacePrices, Situation
from scheduler.planning.windows import Room, cheapest_window

_POOLS = tuple(Pool)
_HOUR_S = 3600.0
_DAY = 86_400_000_000
"""Microseconds after which an outlook repeats, so that within as much there is an edge."""


@dataclass(frozen=True, slots=True)
class QueueArrays:
    """Jobs that can move, by row; those that run for good, or are not to wait, are held where they are."""

    movable: tuple[Demand, ...]
    settled: Schedule
    settled_g: float
    """The least that the settled jobs can emit [gCO2eq]."""
    pieces: Pieces
    jobs: Jobs
    capacity: Ints
    held: Held
    order: Ints
    wanted: Ints | None
    """By when each row is to end where there is room; None where no job has a margin."""
    fluid: Fluid | None
    """What is only expected."""
    may_be_late: Flags
    """Whom first come, first served has late, too."""

    def queue(self, announced: Schedule, place_prices: PlacePrices) -> Queue:
        """With expected work; `announced` is what the last plan said, and the prices are its own."""
        known = self.placements(announced) if any(d.id in announced for d in self.movable) else None
        prices = self._prices_now(place_prices) if known is not None and place_prices else None
        return Queue(
            self.pieces, self.jobs, self.capacity, self.held, self.order, known, prices, self.wanted, self.fluid,
            self.may_be_late,
        )  # fmt: skip

    def queue_with_margins(self) -> Queue:
        """Of the jobs that are there, alone, each to end with its margin."""
        queue = Queue(self.pieces, self.jobs, self.capacity, self.held, self.order, wanted=self.wanted)
        return queue._replace(jobs=queue.with_margins, wanted=None)

    def schedule(self, placed: Placements) -> Schedule:
        """Of all demands, the settled ones too."""
        spans = list(map(tuple, placed.segments[_in_use(placed)].tolist()))
        until = list(accumulate(placed.number.tolist()))
        rows = zip(self.movable, [0, *until], until, strict=False)
        return {**self.settled, **{demand.id: tuple(spans[begin:end]) for demand, begin, end in rows}}

    def place_prices(self, prices: Floats) -> PlacePrices:
        """Prices [g/s] of the pieces, as a plan carries them."""
        seconds: Floats = self.pieces.edges.astype(np.float64) * PER_SECOND
        return {
            pool: StepSeries(seconds[:-1], seconds[1:], row * _HOUR_S) for pool, row in zip(_POOLS, prices, strict=True)
        }

    def _prices_now(self, place_prices: PlacePrices) -> Floats:
        """An earlier plan's prices [g/s] of these pieces; none beyond its end."""
        middle = (self.pieces.edges[:-1] + self.pieces.edges[1:]) / 2 * PER_SECOND
        prices = np.zeros_like(self.pieces.places)
        for p, pool in enumerate(_POOLS):
            if series := place_prices.get(pool):
                row = np.searchsorted(series.ends, middle, side="right")
                known = row < len(series)
                prices[p, known] = series.values[row[known]] / _HOUR_S
        return prices

    def job_prices(self, schedule: Schedule, prices: Floats) -> dict[int, float]:
        """What others would save with one place of each movable job, in the mean over its segments [g/h]."""
        earned = np.cumsum(prices * np.diff(self.pieces.edges) * PER_SECOND, axis=1)
        earned = np.concatenate((np.zeros((len(_POOLS), 1)), earned), axis=1)
        placed = self.placements(schedule)
        count = len(self.movable)
        spans = placed.segments[_in_use(placed)]
        row = np.repeat(np.arange(count), placed.number)
        gained, held_s = np.zeros(len(spans)), np.diff(spans)[:, 0] * PER_SECOND
        for pool in range(len(_POOLS)):
            here = self.jobs.pool[row] == pool
            gained[here] = np.diff(np.interp(spans[here], self.pieces.edges, earned[pool]))[:, 0]
        found = np.bincount(row, gained, count) / np.bincount(row, held_s, count) * _HOUR_S
        return {demand.id: price for demand, price in zip(self.movable, found.tolist(), strict=True)}

    def placements(self, schedule: Schedule) -> Placements:
        """Of the rows that the schedule knows, as far as a placement can hold; of the others none."""
        rows = [schedule.get(demand.id, ())[:MAX_SEGMENTS] for demand in self.movable]
        placed = no_placements(len(rows))
        placed.number[:] = list(map(len, rows))
        placed.segments[_in_use(placed)] = _ints(list(chain.from_iterable(chain.from_iterable(rows)))).reshape(-1, 2)
        return placed


def _in_use(placed: Placements) -> Flags:
    """(jobs, segments): which of the rows mean something."""
    used: Flags = np.arange(MAX_SEGMENTS) < placed.number[:, None]
    return used


def queue_arrays(situation: Situation, outlook: Outlook) -> QueueArrays:
    due = due_with_successors(situation.demands)
    movable = tuple(d for d in situation.demands if not _settled(d))
    settled = [d for d in situation.demands if _settled(d)]
    capacity = np.array([situation.capacity.get(pool, 0) for pool in _POOLS], dtype=np.int64)
    jobs, fluid = _jobs(movable, due, situation, outlook), _fluid(situation, outlook)
    order = hardest_to_place_first(situation.demands, due)
    row = {demand.id: j for j, demand in enumerate(movable)}
    ends = {d.id: situation.run_now[d.id][-1][1] for d in situation.demands}
    windows = [jobs.hi, jobs.lo + jobs.work, *([fluid.hi] if fluid is not None else [])]
    horizon = max([*ends.values(), *(int(until.max()) for until in windows if until.size)])
    return QueueArrays(
        movable,
        {d.id: situation.run_now[d.id] for d in settled},
        sum(_least_g(d, situation, outlook) for d in settled),
        _pieces(situation, outlook, horizon, [d for d in settled if d.fixed]),
        jobs,
        capacity,
        _held(settled, situation.run_now),
        _ints([row[d.id] for d in order if d.id in row]),
        _wanted(movable, jobs, wanted_ends(situation, due)) if any(d.margin for d in movable) else None,
        fluid,
        np.array([ends[d.id] > d.due for d in movable], dtype=np.bool_),
    )


def _settled(demand: Demand) -> bool:
    """Whether it stays where first come, first served has it."""
    return demand.fixed or demand.run_now


def _wanted(movable: tuple[Demand, ...], jobs: Jobs, ends: Mapping[int, int]) -> Ints:
    wanted: Ints = np.minimum(jobs.hi, _ints([ends[d.id] for d in movable]))
    return wanted


def _known_until(situation: Situation, outlook: Outlook) -> int:
    return max(outlook.end, situation.now) + length_micros(LOOK_AHEAD)


def _fluid(situation: Situation, outlook: Outlook) -> Fluid | None:
    """What is expected after now, as far as the machine is wide."""
    rows: list[tuple[int, int, int, int, float, int]] = []
    now, known_until = situation.now, _known_until(situation, outlook)
    places = [situation.capacity.get(pool, 0) for pool in _POOLS]
    for work in situation.expected:
        lo, finish_by, length = work.micros
        pool = _POOLS.index(work.pool)
        hi = min(finish_by, max(known_until, lo + length))
        parts = round(min(work.places, places[pool]) * PARTS)
        if lo > now and parts > 0 and 0 < length <= hi - lo:
            rows.append((lo, hi, length, parts, work.power_of_a_place.watts / JOULES_PER_KWH, pool))
    if not rows:
        return None
    rows.sort(key=lambda row: ((row[1] - row[0] - row[2]) / (row[1] - row[0]), row))
    return Fluid._make(map(np.array, zip(*rows, strict=True)))


def _jobs(
    movable: tuple[Demand, ...], due: Mapping[int, int], situation: Situation, outlook: Outlook
) -> Jobs:  # fmt: skip
    row = {demand.id: j for j, demand in enumerate(movable)}
    known_until, run_now = _known_until(situation, outlook), situation.run_now
    hi = [min(due[d.id], max(known_until, run_now[d.id][-1][1])) for d in movable]
    lo = [_earliest(d, row, run_now) if d.after else d.earliest for d in movable]
    # Column by column: job by job takes several times as long.
    column = dict(zip(Demand._fields, zip(*movable, strict=True), strict=False)) or dict.fromkeys(Demand._fields, ())
    watts, extra_j = _floats(column["watts"]), _floats(column["switch_joules"])
    switch, extra_s = _ints(column["switch"]), np.divide(extra_j, watts, out=np.zeros_like(watts), where=watts != 0)
    # What caution adds to the whole of a switch is weighed as energy beyond its time.
    weighed_extra_s = extra_s + (situation.settings.switch_caution - 1) * (switch * PER_SECOND + extra_s)
    return Jobs(
        _ints(lo),
        _ints(hi),
        _ints(column["work"]),
        _ints(column["width"]),
        watts / JOULES_PER_KWH,
        _ints([_POOLS.index(pool) for pool in column["pool"]]),
        np.array(column["interruptible"], dtype=np.bool_),
        switch,
        weighed_extra_s,
        _ints(column["min_run"]),
        np.array(column["running"], dtype=np.bool_),
        _floats(column["patience_g_per_h"]) / _HOUR_S,
        *_links(movable, row),
    )


def _earliest(demand: Demand, row: Mapping[int, int], run_now: Schedule) -> int:
    """Not before jobs that are settled and that it waits for have ended."""
    return max([demand.earliest, *(run_now[p][-1][1] for p in demand.after if p not in row)])


def _links(movable: tuple[Demand, ...], row: Mapping[int, int]) -> tuple[Ints, Ints, Ints, Ints]:
    """The rows each waits for, and those that wait for it; and where each one's begin."""
    if not any(demand.after for demand in movable):
        none, no = np.zeros(len(movable) + 1, dtype=np.int64), _ints([])
        return no, none, no, none
    behind = successors(movable)
    before = _linked([[row[p] for p in d.after if p in row] for d in movable])
    return *before, *_linked([[row[s.id] for s in behind.get(d.id, [])] for d in movable])


def _pieces(situation: Situation, outlook: Outlook, horizon: int, fixed: list[Demand]) -> Pieces:
    inner = outlook.edges_between(situation.now + 1, horizon + _DAY)
    until = np.searchsorted(inner, horizon)
    edges = np.concatenate((_ints([situation.now]), inner[: until + 1]))
    lengths = edges[1:] - edges[:-1]
    places = np.empty((len(_POOLS), lengths.size))
    for p, pool in enumerate(_POOLS):
        free = situation.capacity.get(pool, 0)
        places[p] = free
        # Where a pool has shrunk under running jobs nothing is free, and no less: the last to end hold what there is.
        holding = sorted(((situation.run_now[d.id][-1][1], d.width) for d in fixed if d.pool is pool), reverse=True)
        if holding:
            held = np.diff(np.minimum(_ints([0, *accumulate(width for _, width in holding)]), free))
            places[p] -= held @ _shares_held(edges, lengths, [end for end, _ in holding])
    emitted = outlook.integral_to(edges)
    return Pieces(edges, (emitted[1:] - emitted[:-1]) / (lengths * PER_SECOND), places)


def _shares_held(edges: Ints, lengths: Ints, ends: list[int]) -> Floats:
    """(ends, pieces): share of each piece that lies before that end."""
    shares: Floats = np.minimum(np.maximum((_ints(ends)[:, None] - edges[:-1]) / lengths, 0.0), 1.0)
    return shares


def _held(settled: list[Demand], run_now: Schedule) -> Held:
    spans = [run_now[d.id][0] for d in settled]
    return Held(
        _ints([_POOLS.index(d.pool) for d in settled]),
        _ints([start for start, _ in spans]),
        _ints([end for _, end in spans]),
        _ints([d.width for d in settled]),
    )


def _least_g(demand: Demand, situation: Situation, outlook: Outlook) -> float:
    """What a settled job emits at least: an impatient one may yet start earlier than first come, first served."""
    usual = situation.run_now[demand.id]
    if demand.fixed:
        return emissions_g(demand, usual, outlook, situation.now)
    alone = Room(_ints([demand.earliest]), _ints([usual[-1][1]]))
    return emissions_g(demand, cheapest_window(alone, demand.work, outlook) or usual, outlook, situation.now)


def _linked(rows: list[list[int]]) -> tuple[Ints, Ints]:
    """Lists of rows one after another, and where each begins."""
    return _ints(list(chain.from_iterable(rows))), _ints([0, *accumulate(map(len, rows))])


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)
