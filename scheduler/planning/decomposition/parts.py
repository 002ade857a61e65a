"""The cheapest placement of one job in several segments, each pause paid for."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Flags, Floats, Ints
from scheduler.planning.decomposition.compiled import compiled
from scheduler.planning.decomposition.timeline import Timeline, piece_at

MAX_SEGMENTS = 16
_HALVINGS = 22
_HIGHEST = 64.0
"""Times the dearest piece: worth so much, the work is done wherever it can be."""


@compiled
def cheapest_parts(
    line: Timeline, pool: int, lo: int, hi: int, work: int, width: int, grams: float, fade: float, switch: int,
    extra_s: float, min_run: int, going: bool, segments: Ints,
) -> tuple[int, float]:  # fmt: skip
    """(number of segments, cost under the faded prices [g]), the segments in `segments`; 0 where nothing fits.

    A worth for each second of work decides where to run: Viterbi over running and pausing gives the best set of
    segments for one worth, bisection the least worth that does all the work; the dearest ends are then trimmed.
    """
    first = piece_at(line, pool, lo)
    count = piece_at(line, pool, hi - 1) - first + 1
    value, length, open_ = np.empty(count), np.empty(count, dtype=np.int64), np.empty(count, dtype=np.bool_)
    least, most, room = np.inf, 0.0, 0
    for i in range(count):
        piece = first + i
        value[i] = grams * line.rate[pool, piece] + fade * width * line.price[pool, piece]
        length[i] = min(line.edges[pool, piece + 1], hi) - max(line.edges[pool, piece], lo)
        open_[i] = line.free[pool, piece] >= width
        if open_[i]:
            least, most, room = min(least, value[i]), max(most, value[i]), room + length[i]
    if room < work:
        return 0, np.inf
    marks = np.empty((count, 2), dtype=np.int64)
    low, high = least, most
    while _run_at(high, value, length, open_, switch, extra_s, min_run, going, marks, segments)[1] < work:
        if high > most * _HIGHEST:
            return 0, np.inf
        high = high * 4 + 1e-9
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _run_at(middle, value, length, open_, switch, extra_s, min_run, going, marks, segments)[1] < work:
            low = middle
        else:
            high = middle
    grown = np.empty_like(segments)
    number, done = _run_at(low, value, length, open_, switch, extra_s, min_run, going, marks, grown)
    number = _grow(grown, number, work - done, value, length, open_)
    cost = _cost_within(grown, number, value, length, extra_s, going)
    fewer, done = _run_at(high, value, length, open_, switch, extra_s, min_run, going, marks, segments)
    fewer = _trim(segments, fewer, done - work, value, length, switch, min_run, going)
    trimmed = _cost_within(segments, fewer, value, length, extra_s, going)
    if trimmed <= cost:
        number, cost = fewer, trimmed
    else:
        segments[:number] = grown[:number]
    segments[:number] += lo
    return number, cost


@compiled
def _run_at(
    worth: float, value: Floats, length: Ints, open_: Flags, switch: int, extra_s: float, min_run: int, going: bool,
    marks: Ints, segments: Ints,
) -> tuple[int, int]:  # fmt: skip
    """(segments, work done) where a second of work is worth `worth`; segments as [start, end) within the window."""
    before, running, paused = 0.0, -np.inf, -np.inf
    for i in range(value.size):
        resume = worth * switch + value[i] * extra_s / PER_SECOND
        start = before - resume if going and i > 0 else before
        again = paused - resume
        marks[i, 0] = 0
        if open_[i]:
            if running < max(start, again):
                marks[i, 0] = 1 if start >= again else 2
                running = max(start, again)
            running += (worth - value[i]) * length[i]
        else:
            running = -np.inf
        marks[i, 1] = 1 if running > paused else 0
        paused = max(paused, running)
    return _read_back(paused, length, marks, switch, min_run, going, segments)


@compiled
def _read_back(
    paused: float, length: Ints, marks: Ints, switch: int, min_run: int, going: bool, segments: Ints
) -> tuple[int, int]:
    """Follow the marks from the end; segments shorter than the minimum are left out."""
    if paused <= 0:
        return 0, 0
    number, at, end, in_run = 0, int(np.sum(length)), 0, False
    i = length.size - 1
    while i >= 0 and number < segments.shape[0]:
        if not in_run and marks[i, 1] == 1:
            in_run, end = True, at
        at -= length[i]
        if in_run and marks[i, 0] > 0:
            free_start = marks[i, 0] == 1 and not (going and i > 0)
            if end - at - (0 if free_start else switch) >= max(min_run, 1):
                segments[number, 0], segments[number, 1] = at, end
                number += 1
            if marks[i, 0] == 1:
                break
            in_run = False
        i -= 1
    segments[:number] = segments[:number][::-1].copy()
    return number, _work_done(segments, number, switch, going)


@compiled
def _work_done(segments: Ints, number: int, switch: int, going: bool) -> int:
    done = 0
    for k in range(number):
        paid = k > 0 or (going and segments[0, 0] > 0)
        done += segments[k, 1] - segments[k, 0] - (switch if paid else 0)
    return done


@compiled
def _trim(
    segments: Ints, number: int, excess: int, value: Floats, length: Ints, switch: int, min_run: int, going: bool
) -> int:
    """Take `excess` off the dearest ends, whole segments first; the number of segments left, 0 where it cannot be."""
    number, excess = _drop(segments, number, excess, switch, value, length)
    while excess > 0:
        dearest, which, side, most = -np.inf, -1, 0, 0
        for k in range(number):
            paid = switch if k > 0 or (going and segments[0, 0] > 0) else 0
            spare = segments[k, 1] - segments[k, 0] - paid - max(min_run, 1)
            if spare <= 0:
                continue
            for end in range(2):
                if end == 0 and going and segments[k, 0] == 0:
                    continue
                price, reach = _at_end(segments[k, 0], segments[k, 1], end, value, length)
                if price > dearest:
                    dearest, which, side, most = price, k, end, min(spare, reach)
        if which < 0:
            return 0
        cut = min(most, excess)
        segments[which, side] += cut if side == 0 else -cut
        excess -= cut
    return number


@compiled
def _drop(segments: Ints, number: int, excess: int, switch: int, value: Floats, length: Ints) -> tuple[int, int]:
    """Leave out later segments that are not needed at all, the dearest first."""
    while True:
        which, dearest = -1, -np.inf
        for k in range(1, number):
            useful = segments[k, 1] - segments[k, 0] - switch
            price, _ = _at_end(segments[k, 0], segments[k, 1], 1, value, length)
            if useful <= excess and price > dearest:
                which, dearest = k, price
        if which < 0:
            return number, excess
        excess -= segments[which, 1] - segments[which, 0] - switch
        for k in range(which, number - 1):
            segments[k, 0], segments[k, 1] = segments[k + 1, 0], segments[k + 1, 1]
        number -= 1


@compiled
def _at_end(start: int, end: int, side: int, value: Floats, length: Ints) -> tuple[float, int]:
    """(value, length) of the piece at the start (0) or end (1) of a segment."""
    at = 0
    for i in range(length.size):
        until = at + length[i]
        if side == 0 and at <= start < until:
            return value[i], min(until, end) - start
        if side == 1 and at < end <= until:
            return value[i], end - max(at, start)
        at = until
    return 0.0, 0


@compiled
def _grow(segments: Ints, number: int, missing: int, value: Floats, length: Ints, open_: Flags) -> int:
    """Lengthen segments into the cheapest places beside them; the number of segments, 0 where that does not do."""
    while missing > 0 and number > 0:
        cheapest, which, side, most, at = np.inf, -1, 0, 0, 0
        for i in range(length.size):
            until = at + length[i]
            for k in range(number if open_[i] else 0):
                ahead = segments[k - 1, 1] + 1 if k > 0 else 0
                behind = segments[k + 1, 0] - 1 if k + 1 < number else until
                room = segments[k, 0] - max(at, ahead)
                if at < segments[k, 0] <= until and room > 0 and value[i] < cheapest:
                    cheapest, which, side, most = value[i], k, 0, room
                room = min(until, behind) - segments[k, 1]
                if at <= segments[k, 1] < until and room > 0 and value[i] < cheapest:
                    cheapest, which, side, most = value[i], k, 1, room
            at = until
        if which < 0:
            return 0
        step = min(most, missing)
        segments[which, side] += step if side == 1 else -step
        missing -= step
    return number


@compiled
def _cost_within(segments: Ints, number: int, value: Floats, length: Ints, extra_s: float, going: bool) -> float:
    """Cost of segments that count from the window's beginning [g]; infinite where there are none."""
    cost = 0.0 if number > 0 else np.inf
    for k in range(number):
        at = 0
        for i in range(length.size):
            until = at + length[i]
            held = min(until, segments[k, 1]) - max(at, segments[k, 0])
            if held > 0:
                cost += held * value[i] * PER_SECOND
            if at <= segments[k, 0] < until and (k > 0 or (going and segments[0, 0] > 0)):
                cost += extra_s * value[i]
            at = until
    return cost
