"""Random draws that are the same for the same problem, on every machine."""

from __future__ import annotations

from scheduler.planning.decomposition.compiled import lean

_LOW_BITS = 12


@lean
def next_state(state: int) -> int:
    """A linear congruential generator of 31 bits (ANSI C's example)."""
    return (state * 1_103_515_245 + 12_345) % 2_147_483_648


@lean
def drawn(state: int, count: int) -> int:
    """One of 0 to count - 1, by the high bits.

    The lowest k go round in a circle of 2^k: of eight jobs the one drawn would decide which is drawn next.
    """
    return (state >> _LOW_BITS) % count
