"""Random draws of the search."""

from __future__ import annotations

from itertools import permutations

import pytest

from scheduler.planning.decomposition.drawing import drawn, next_state


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_what_is_drawn_does_not_decide_what_is_drawn_next(count: int) -> None:
    """Also of 2^k things, where a generator's low bits go round in a circle of that length."""
    state, last, seen = 1, 0, set()
    for _ in range(40 * count * count):
        state = next_state(state)
        now = drawn(state, count)
        seen.add((last, now))
        last = now
    assert seen >= set(permutations(range(count), 2))


def test_each_is_drawn_about_as_often() -> None:
    state, often = 1, [0] * 5
    for _ in range(10_000):
        state = next_state(state)
        often[drawn(state, 5)] += 1
    assert all(1_800 < times < 2_200 for times in often)
