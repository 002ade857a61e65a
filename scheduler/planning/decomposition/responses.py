"""What each job would do alone under given prices; the sum of their costs bounds what any plan can emit."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.compiled import compiled, lean


@compiled
def respond(pieces: Pieces, jobs: Jobs, prices: Floats, first: Ints, last: Ints, usage: Floats) -> float:
    """Sum of the cheapest costs of all jobs [g]; adds the places they would hold, times seconds, to `usage`.

    `first` and `last` name the pieces that hold each job's `lo` and the end of its window. Switches are not counted:
    leaving them out can only make the bound lower.
    """
    longest = 0
    for j in range(jobs.lo.size):
        longest = max(longest, last[j] - first[j] + 1)
    value, weight = np.empty(longest), np.empty(longest)
    total, answered = 0.0, 0
    for j in range(jobs.lo.size):
        if j < answered:
            continue
        times = _equals_from(jobs, j)
        answered = j + times
        if jobs.hi[j] - jobs.lo[j] <= jobs.work[j]:
            total += times * _hold(pieces, jobs, prices, j, first[j], jobs.lo[j], times, usage)
        elif jobs.divisible[j]:
            total += times * _cheapest_pieces(pieces, jobs, prices, j, first[j], last[j], times, value, weight, usage)
        else:
            total += times * _cheapest_window(pieces, jobs, prices, j, first[j], times, usage)
    return total


@lean
def _equals_from(jobs: Jobs, j: int) -> int:
    """How many jobs in a row, from j on, are alike: those of a sweep give one answer."""
    k = j + 1
    while (
        k < jobs.lo.size
        and jobs.lo[k] == jobs.lo[j]
        and jobs.hi[k] == jobs.hi[j]
        and jobs.work[k] == jobs.work[j]
        and jobs.width[k] == jobs.width[j]
        and jobs.grams[k] == jobs.grams[j]
        and jobs.pool[k] == jobs.pool[j]
        and jobs.divisible[k] == jobs.divisible[j]
    ):
        k += 1
    return k - j


@lean
def _hold(
    pieces: Pieces, jobs: Jobs, prices: Floats, j: int, piece: int, start: int, times: int, usage: Floats
) -> float:
    """Cost of the window that begins at `start`, inside `piece`; its places are added to `usage`, so many times."""
    pool, width, grams = jobs.pool[j], jobs.width[j], jobs.grams[j]
    end, at, cost = start + jobs.work[j], start, 0.0
    while at < end:
        until = min(end, pieces.edges[piece + 1])
        seconds = (until - at) * PER_SECOND
        cost += seconds * (grams * pieces.rate[piece] + width * prices[pool, piece])
        usage[pool, piece] += times * seconds * width
        at = until
        piece += 1
    return cost


@lean
def _cheapest_window(
    pieces: Pieces, jobs: Jobs, prices: Floats, j: int, first: int, times: int, usage: Floats
) -> float:
    """Exact in continuous time: the cost is linear while neither end of the window crosses an edge."""
    edges, rate, price = pieces.edges, pieces.rate, prices[jobs.pool[j]]
    grams, width, work = jobs.grams[j], jobs.width[j], jobs.work[j]
    start, latest = jobs.lo[j], jobs.hi[j] - work
    head, tail = first, first
    while edges[tail + 1] <= start + work:
        tail += 1
    change, lowest = 0.0, 0.0
    best_start, best_head = start, head
    while start < latest:
        step = min(edges[head + 1] - start, edges[tail + 1] - start - work, latest - start)
        gained = grams * rate[tail] + width * price[tail]
        change += step * (gained - grams * rate[head] - width * price[head])
        start += step
        if start == edges[head + 1]:
            head += 1
        if start < latest and start + work == edges[tail + 1]:
            tail += 1
        if change < lowest:
            lowest, best_start, best_head = change, start, head
    return _hold(pieces, jobs, prices, j, best_head, best_start, times, usage)


@lean
def _cheapest_pieces(
    pieces: Pieces, jobs: Jobs, prices: Floats, j: int, first: int, last: int, times: int, value: Floats,
    weight: Floats, usage: Floats,
) -> float:  # fmt: skip
    """The cheapest stretches of the window that add up to the work; of equal ones the same share of each."""
    edges, pool, width, grams = pieces.edges, jobs.pool[j], jobs.width[j], jobs.grams[j]
    count = last - first + 1
    for i in range(count):
        piece = first + i
        value[i] = grams * pieces.rate[piece] + width * prices[pool, piece]
        weight[i] = min(edges[piece + 1], jobs.hi[j]) - max(edges[piece], jobs.lo[j])
    level = _level(value, weight, count, float(jobs.work[j]))
    below, equal = 0.0, 0.0
    for i in range(count):
        piece = first + i
        price = grams * pieces.rate[piece] + width * prices[pool, piece]
        length = min(edges[piece + 1], jobs.hi[j]) - max(edges[piece], jobs.lo[j])
        if price < level:
            below += length
        elif price == level:
            equal += length
    share = (jobs.work[j] - below) / equal
    cost = 0.0
    for i in range(count):
        piece = first + i
        price = grams * pieces.rate[piece] + width * prices[pool, piece]
        if price <= level:
            seconds = (min(edges[piece + 1], jobs.hi[j]) - max(edges[piece], jobs.lo[j])) * PER_SECOND
            if price == level:
                seconds *= share
            cost += seconds * price
            usage[pool, piece] += times * seconds * width
    return cost


@lean
def _level(value: Floats, weight: Floats, count: int, wanted: float) -> float:
    """The value up to which the cheapest pieces add up to `wanted`: a weighted quickselect; reorders both arrays."""
    low, high, need = 0, count - 1, wanted
    while low < high:
        pivot = value[(low + high) // 2]
        i, k, at, under, same = low, high, low, 0.0, 0.0
        while at <= k:
            if value[at] < pivot:
                under += weight[at]
                value[at], value[i] = value[i], value[at]
                weight[at], weight[i] = weight[i], weight[at]
                i += 1
                at += 1
            elif value[at] > pivot:
                value[at], value[k] = value[k], value[at]
                weight[at], weight[k] = weight[k], weight[at]
                k -= 1
            else:
                same += weight[at]
                at += 1
        if need <= under:
            high = i - 1
        elif need <= under + same:
            return float(pivot)
        else:
            need -= under + same
            low = k + 1
    return float(value[low])
