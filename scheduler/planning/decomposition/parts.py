"""The cheapest placement of one job in several segments, each pause paid for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Flags, Floats, Ints
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.selecting import level_of
from scheduler.planning.decomposition.timeline import Timeline, piece_at

MAX_SEGMENTS = 16
_CROSSINGS = 12
_STEP = 1.25
_HIGHEST = 64.0
"""Times the dearest piece: worth so much, the work is done wherever it can be."""


class Window(NamedTuple):
    """The pieces of a job's window, and what a pause costs it. Times count from the window's beginning."""

    value: Floats
    """Cost of holding the job's places [g/s]."""
    until: Ints
    """Edges, one more than pieces."""
    spent: Floats
    """Cost of holding the places from the beginning to each edge [g]."""
    open_: Flags
    switch: int
    extra_s: float
    min_run: int
    going: bool


@compiled
def cheapest_parts(
    line: Timeline, pool: int, lo: int, hi: int, work: int, width: int, grams: float, fade: float, switch: int,
    extra_s: float, min_run: int, going: bool, segments: Ints,
) -> tuple[int, float]:  # fmt: skip
    """(number of segments, cost under the faded prices [g]), the segments in `segments`; 0 where nothing fits.

    A worth for each second of work decides where to run: Viterbi over running and pausing gives the best set of
    segments for one worth. The worth sought is that at which two sets, one that does too little and one that does
    enough, are equally good: where the lines of the best sets known so far cross is tried next. The one is then
    lengthened, the other trimmed, and the cheaper taken.
    """
    window = _window(line, pool, lo, hi, width, grams, fade, switch, extra_s, min_run, going)
    high = _level_of(window, work)
    if high < 0:
        return 0, np.inf
    marks = np.empty((window.value.size, 2), dtype=np.int64)
    less, enough, tried = np.empty_like(segments), np.empty_like(segments), np.empty_like(segments)
    number, done, low_cost, low = 0, 0, 0.0, 0.0
    least = _HIGHEST * window.value.max()
    fewer, more, high_cost = _run_at(high, window, marks, enough)
    while more < work:
        if high > least:
            return 0, np.inf
        number, done, low_cost, low = fewer, more, high_cost, high
        copy_segments(enough, number, less, 0)
        high = high * _STEP + 1e-9
        fewer, more, high_cost = _run_at(high, window, marks, enough)
    for _ in range(_CROSSINGS):
        if more == work:
            break
        middle = (high_cost - low_cost) / ((more - done) * PER_SECOND)
        if not low < middle < high:
            break
        count, useful, cost = _run_at(middle, window, marks, tried)
        if useful in (done, more):
            break
        if useful < work:
            number, done, low_cost, low = count, useful, cost, middle
            copy_segments(tried, number, less, 0)
        else:
            fewer, more, high_cost, high = count, useful, cost, middle
            copy_segments(tried, fewer, enough, 0)
    number = _grow(less, number, work - done, window)
    fewer = _trim(enough, fewer, more - work, window)
    grown, trimmed = _cost(less, number, window), _cost(enough, fewer, window)
    if trimmed <= grown:
        copy_segments(enough, fewer, segments, lo)
        return fewer, trimmed
    copy_segments(less, number, segments, lo)
    return number, grown


@lean
def copy_segments(source: Ints, number: int, into: Ints, later: int) -> None:
    """The first `number` segments, each so much later."""
    for k in range(number):
        into[k, 0], into[k, 1] = source[k, 0] + later, source[k, 1] + later


@compiled
def _window(
    line: Timeline, pool: int, lo: int, hi: int, width: int, grams: float, fade: float, switch: int, extra_s: float,
    min_run: int, going: bool,
) -> Window:  # fmt: skip
    first = piece_at(line, pool, lo)
    count = piece_at(line, pool, hi - 1) - first + 1
    value, open_ = np.empty(count), np.empty(count, dtype=np.bool_)
    until, spent = np.empty(count + 1, dtype=np.int64), np.empty(count + 1)
    until[0], spent[0] = 0, 0.0
    for i in range(count):
        piece = first + i
        value[i] = grams * line.rate[pool, piece] + fade * width * line.price[pool, piece]
        until[i + 1] = min(line.edges[pool, piece + 1], hi) - lo
        spent[i + 1] = spent[i] + value[i] * (until[i + 1] - until[i]) * PER_SECOND
        open_[i] = line.free[pool, piece] >= width
    return Window(value, until, spent, open_, switch, extra_s, min_run, going)


@compiled
def _level_of(window: Window, work: int) -> float:
    """The value up to which the cheapest open pieces add up to the work; -1 where all of them do not."""
    value, weight = np.empty(window.value.size), np.empty(window.value.size, dtype=np.int64)
    some, room = 0, 0
    for i in range(window.value.size):
        if window.open_[i]:
            value[some], weight[some] = window.value[i], window.until[i + 1] - window.until[i]
            room += weight[some]
            some += 1
    return level_of(value, weight, some, work)[0] if room >= work else -1.0


@lean
def _run_at(worth: float, window: Window, marks: Ints, segments: Ints) -> tuple[int, int, float]:
    """(segments, work done, cost [g]) where a second of work is worth `worth`."""
    value, until, open_ = window.value, window.until, window.open_
    before, running, paused = 0.0, -np.inf, -np.inf
    for i in range(value.size):
        resume = worth * window.switch + value[i] * window.extra_s / PER_SECOND
        start = before - resume if window.going and i > 0 else before
        again = paused - resume
        marks[i, 0] = 0
        if open_[i]:
            if running < max(start, again):
                marks[i, 0] = 1 if start >= again else 2
                running = max(start, again)
            running += (worth - value[i]) * (until[i + 1] - until[i])
        else:
            running = -np.inf
        marks[i, 1] = 1 if running > paused else 0
        paused = max(paused, running)
    if paused <= 0:
        return 0, 0, 0.0
    return _read_back(window, marks, segments)


@lean
def _read_back(window: Window, marks: Ints, segments: Ints) -> tuple[int, int, float]:
    """Follow the marks from the end; segments shorter than the minimum are left out."""
    number, last, in_run, until = 0, 0, False, window.until
    cost, i = 0.0, window.value.size - 1
    while i >= 0 and number < segments.shape[0]:
        if not in_run and marks[i, 1] == 1:
            in_run, last = True, i + 1
        if in_run and marks[i, 0] > 0:
            free_start = marks[i, 0] == 1 and not (window.going and i > 0)
            paid = 0 if free_start else window.switch
            if until[last] - until[i] - paid >= max(window.min_run, 1):
                segments[number, 0], segments[number, 1] = until[i], until[last]
                cost += window.spent[last] - window.spent[i]
                cost += 0.0 if free_start else window.extra_s * window.value[i]
                number += 1
            if marks[i, 0] == 1:
                break
            in_run = False
        i -= 1
    for k in range(number // 2):
        other = number - 1 - k
        for side in range(2):
            segments[k, side], segments[other, side] = segments[other, side], segments[k, side]
    return number, _work_done(segments, number, window), cost


@lean
def _paid(segments: Ints, k: int, window: Window) -> bool:
    """Whether segment k begins with a switch."""
    return k > 0 or (window.going and segments[0, 0] > 0)


@lean
def _work_done(segments: Ints, number: int, window: Window) -> int:
    done = 0
    for k in range(number):
        done += segments[k, 1] - segments[k, 0] - (window.switch if _paid(segments, k, window) else 0)
    return done


@lean
def _piece(window: Window, moment: int) -> int:
    """The piece that holds `moment`."""
    return int(np.searchsorted(window.until, moment, side="right")) - 1


@lean
def _trim(segments: Ints, number: int, excess: int, window: Window) -> int:
    """Take `excess` off the dearest ends, whole segments first; the number of segments left, 0 where it cannot be."""
    number, excess = _drop(segments, number, excess, window)
    while excess > 0:
        dearest, which, side, most = -np.inf, -1, 0, 0
        for k in range(number):
            paid = window.switch if _paid(segments, k, window) else 0
            spare = segments[k, 1] - segments[k, 0] - paid - max(window.min_run, 1)
            if spare <= 0:
                continue
            begin, end = _piece(window, segments[k, 0]), _piece(window, segments[k, 1] - 1)
            if window.value[begin] > dearest and not (window.going and segments[k, 0] == 0):
                reach = window.until[begin + 1] - segments[k, 0]
                dearest, which, side, most = window.value[begin], k, 0, min(spare, reach)
            if window.value[end] > dearest:
                dearest, which, side, most = window.value[end], k, 1, min(spare, segments[k, 1] - window.until[end])
        if which < 0:
            return 0
        cut = min(most, excess)
        segments[which, side] += cut if side == 0 else -cut
        excess -= cut
    return number


@lean
def _drop(segments: Ints, number: int, excess: int, window: Window) -> tuple[int, int]:
    """Leave out later segments that are not needed at all, the dearest first."""
    while True:
        which, dearest = -1, -np.inf
        for k in range(1, number):
            useful = segments[k, 1] - segments[k, 0] - window.switch
            price = window.value[_piece(window, segments[k, 1] - 1)]
            if useful <= excess and price > dearest:
                which, dearest = k, price
        if which < 0:
            return number, excess
        excess -= segments[which, 1] - segments[which, 0] - window.switch
        for k in range(which, number - 1):
            segments[k, 0], segments[k, 1] = segments[k + 1, 0], segments[k + 1, 1]
        number -= 1


@lean
def _grow(segments: Ints, number: int, missing: int, window: Window) -> int:
    """Lengthen segments into the cheapest places beside them; the number of segments, 0 where that does not do."""
    value, until, open_ = window.value, window.until, window.open_
    while missing > 0 and number > 0:
        cheapest, which, side, most = np.inf, -1, 0, 0
        for k in range(number):
            ahead = segments[k - 1, 1] + 1 if k > 0 else 0
            behind = segments[k + 1, 0] - 1 if k + 1 < number else until[-1]
            if segments[k, 0] > ahead:
                i = _piece(window, segments[k, 0] - 1)
                if open_[i] and value[i] < cheapest:
                    cheapest, which, side, most = value[i], k, 0, segments[k, 0] - max(until[i], ahead)
            if segments[k, 1] < behind:
                i = _piece(window, segments[k, 1])
                if open_[i] and value[i] < cheapest:
                    cheapest, which, side, most = value[i], k, 1, min(until[i + 1], behind) - segments[k, 1]
        if which < 0:
            return 0
        step = min(most, missing)
        segments[which, side] += step if side == 1 else -step
        missing -= step
    return number


@lean
def _cost(segments: Ints, number: int, window: Window) -> float:
    """Of holding the segments, and of their switches [g]; infinite where there are none."""
    cost = 0.0 if number > 0 else np.inf
    for k in range(number):
        cost += _spent_by(window, segments[k, 1]) - _spent_by(window, segments[k, 0])
        if _paid(segments, k, window):
            cost += window.extra_s * window.value[_piece(window, segments[k, 0])]
    return cost


@lean
def _spent_by(window: Window, moment: int) -> float:
    """Cost of holding the places from the window's beginning to `moment` [g]."""
    i = min(_piece(window, moment), window.value.size - 1)
    return float(window.spent[i] + (moment - window.until[i]) * window.value[i] * PER_SECOND)
