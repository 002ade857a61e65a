"""Sets as bits of words hold what sets of numbers hold, the bit of a word's sign included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.planning.decomposition.bits import add, has, least, put, words_for
from scheduler.planning.decomposition.compiled import COMPILED

pytestmark = pytest.mark.skipif(not COMPILED, reason="numpy's own numbers refuse to overflow into the sign")
numbers = st.sets(st.one_of(st.sampled_from([0, 62, 63, 64, 127, 128]), st.integers(0, 199)))


def members(words: np.ndarray) -> list[int]:
    """Taken out one after the other, the least first."""
    found = []
    for word, bits in enumerate(words.tolist()):
        while bits:
            number, bits = least(word, bits)
            found.append(number)
    return found


@given(numbers, numbers)
def test_what_was_put_in_and_not_taken_out_comes_out_in_order(given_numbers: set[int], gone: set[int]) -> None:
    """In one of several sets; the others stay empty."""
    sets = np.zeros((3, words_for(200)), dtype=np.int64)
    for number in given_numbers | gone:
        put(sets, 1, number, True)
    for number in gone:
        put(sets, 1, number, False)
    assert members(sets[1]) == sorted(given_numbers - gone)
    assert not sets[0].any() and not sets[2].any()


@given(numbers)
def test_it_has_what_was_added(given_numbers: set[int]) -> None:
    """And nothing else."""
    words = np.zeros(words_for(200), dtype=np.int64)
    for number in given_numbers:
        add(words, number)
    assert {number for number in range(200) if has(words, number)} == given_numbers


@pytest.mark.parametrize(("count", "words"), [(0, 0), (1, 1), (64, 1), (65, 2), (200, 4)])
def test_there_are_words_enough(count: int, words: int) -> None:
    """And no more."""
    assert words_for(count) == words
