"""Sets of small numbers as bits of 64-bit words: a whole word of members is compared at once."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import Ints
from scheduler.planning.decomposition.compiled import inlined, lean

_WORD, _WITHIN = 6, 63
"""A number's high bits say in which word it is, its low six where in it."""
_MODULUS = 131
"""2 is a primitive root of it: each bit leaves another remainder, the one that is a word's sign too."""
_NUMBER_OF = np.zeros(_MODULUS, dtype=np.int64)
for _k in range(64):
    _NUMBER_OF[(2**_k if _k < _WITHIN else -(2**_k)) % _MODULUS] = _k


def words_for(count: int) -> int:
    """Words that hold the numbers below `count`."""
    return -(-count >> _WORD)


@inlined
def has(members: Ints, number: int) -> bool:
    return bool(members[number >> _WORD] >> (number & _WITHIN) & 1)


@inlined
def add(members: Ints, number: int) -> None:
    members[number >> _WORD] |= 1 << (number & _WITHIN)


@inlined
def empty(members: Ints) -> None:
    for word in range(members.size):
        members[word] = 0


@inlined
def copy_set(members: Ints, into: Ints) -> None:
    for word in range(members.size):
        into[word] = members[word]


@inlined
def put(sets: Ints, which: int, number: int, there: bool) -> None:
    """Into one of several sets, or out of it."""
    bit = 1 << (number & _WITHIN)
    if there:
        sets[which, number >> _WORD] |= bit
    else:
        sets[which, number >> _WORD] &= ~bit


@lean
def least(word: int, bits: int) -> tuple[int, int]:
    """(the least number of a set's word that has any, its bits without that one)."""
    lowest = bits & -bits
    return (word << _WORD) + _NUMBER_OF[lowest % _MODULUS], bits ^ lowest
