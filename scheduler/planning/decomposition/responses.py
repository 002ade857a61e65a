"""What each job would do alone under given prices; the sum of their costs bounds what any plan can emit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scheduler.planning.decomposition.arrays import PER_SECOND, Floats, Ints, Jobs, Pieces
from scheduler.planning.decomposition.compiled import compiled, lean
from scheduler.planning.decomposition.selecting import level_of

_REACH = 0.3
"""Share of what costs may have moved within which a job's level is looked for first."""


class Answers(NamedTuple):
    """Mutable: what the jobs would do at the prices last asked for. (pools, pieces) arrays, and a row a job."""

    usage: Floats
    """Places held, times seconds."""
    grams: Floats
    """Emitted, were the intensity 1 g/kWh [g]."""
    level: Floats
    """What a second may cost at most [g/s], for a job to run in it; of jobs in parts."""
    start: Floats
    """When each begins [microseconds]; of jobs in one piece that can wait."""


@compiled
def no_answers(prices: Floats, jobs: int) -> Answers:
    """Room for those to such prices, by so many jobs."""
    return Answers(np.empty_like(prices), np.empty_like(prices), np.zeros(jobs), np.zeros(jobs))


@compiled
def respond(
    pieces: Pieces, jobs: Jobs, prices: Floats, first: Ints, last: Ints, moved: float, answers: Answers
) -> float:  # fmt: skip
    """Sum of the cheapest costs of all jobs [g]; `answers` are replaced.

    `first` and `last` name the pieces that hold each job's `lo` and the end of its window. No price differs by more
    than `moved` [g/s] from those that `answers` belong to; infinity where they belong to none. Switches are not
    counted: leaving them out can only make the bound lower.
    """
    usage, burnt = answers.usage, answers.grams
    longest, answered = 1, 0
    for j in range(jobs.lo.size):
        longest = max(longest, last[j] - first[j] + 1)
    value, near = np.empty(longest), np.empty(longest)
    weight, near_weight = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
    for pool in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            usage[pool, piece], burnt[pool, piece] = 0.0, 0.0
    for j in range(jobs.lo.size):
        if j < answered:
            continue
        times = _equals_from(jobs, j)
        answered = j + times
        if jobs.hi[j] - jobs.lo[j] <= jobs.work[j]:
            _hold(pieces, jobs, j, first[j], jobs.lo[j], times, answers)
        elif jobs.divisible[j]:
            _cheapest_pieces(
                pieces, jobs, prices, j, first[j], last[j], times, moved, answers, value, weight, near, near_weight
            )  # fmt: skip
        else:
            _cheapest_window(pieces, jobs, prices, j, first[j], times, answers)
    total = 0.0
    for pool in range(prices.shape[0]):
        for piece in range(prices.shape[1]):
            total += pieces.rate[piece] * burnt[pool, piece] + prices[pool, piece] * usage[pool, piece]
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
def _hold(pieces: Pieces, jobs: Jobs, j: int, piece: int, start: int, times: int, answers: Answers) -> None:
    """Add the window that begins at `start`, inside `piece`, to the answers, so many times, as far as pieces go."""
    pool, width, grams = jobs.pool[j], times * jobs.width[j], times * jobs.grams[j]
    end, at = start + jobs.work[j], start
    while at < end and piece < pieces.rate.size:
        until = min(end, pieces.edges[piece + 1])
        seconds = (until - at) * PER_SECOND
        answers.usage[pool, piece] += seconds * width
        answers.grams[pool, piece] += seconds * grams
        at = until
        piece += 1


@lean
def _cheapest_window(
    pieces: Pieces, jobs: Jobs, prices: Floats, j: int, first: int, times: int, answers: Answers
) -> None:
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
    for k in range(j, j + times):
        answers.start[k] = best_start
    _hold(pieces, jobs, j, best_head, best_start, times, answers)


@lean
def _cheapest_pieces(
    pieces: Pieces, jobs: Jobs, prices: Floats, j: int, first: int, last: int, times: int, moved: float,
    answers: Answers, value: Floats, weight: Ints, near: Floats, near_weight: Ints,
) -> None:  # fmt: skip
    """The cheapest stretches of the window that add up to the work; of equal ones the same share of each.

    Loops without branches, over rows that begin at the window: the compiler makes several pieces one step. A job's
    level moves no further than its costs, mostly much less, so only pieces near the last level need sorting out.
    """
    pool, width, grams, count = jobs.pool[j], jobs.width[j], jobs.grams[j], last - first + 1
    edges, rate, price = pieces.edges[first:], pieces.rate[first:], prices[pool, first:]
    for i in range(count):
        value[i] = grams * rate[i] + width * price[i]
        weight[i] = edges[i + 1] - edges[i]
    weight[0] -= jobs.lo[j] - edges[0]
    weight[count - 1] -= edges[count] - jobs.hi[j]
    reach = _REACH * width * moved
    while True:
        lowest, highest = answers.level[j] - reach, answers.level[j] + reach
        need, spare, some = jobs.work[j], -jobs.work[j], 0
        for i in range(count):
            need -= weight[i] if value[i] < lowest else 0
            spare += weight[i] if value[i] <= highest else 0
        if reach == np.inf or (need > 0 and spare >= 0):
            break
        reach = np.inf
    for i in range(count):
        near[some], near_weight[some] = value[i], weight[i]
        some += lowest <= value[i] <= highest
    level, share = level_of(near, near_weight, some, need)
    answers.level[j] = level
    usage, burnt = answers.usage[pool, first:], answers.grams[pool, first:]
    places, power = times * width * PER_SECOND, times * grams * PER_SECOND
    for i in range(count):
        held = weight[i] * (1.0 if value[i] < level else (share if value[i] == level else 0.0))
        usage[i] += held * places
        burnt[i] += held * power
