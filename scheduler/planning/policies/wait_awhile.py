"""wait-awhile: interruptible jobs in the cheapest slots before their deadline, heedless of what switches cost.

Other jobs take their lowest window (Wiesner et al., "Let's Wait Awhile", Middleware 2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scheduler.domain.places import Micros
from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.alone import each_by_its_rule, free_pieces
from scheduler.planning.situation import Outcome, Situation
from scheduler.planning.windows import Room, cheapest_window


def wait_awhile(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, _cheapest_slots)


def _cheapest_slots(demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments | None:
    if not demand.interruptible:
        return room.goes_on(demand, situation.now) or cheapest_window(room, demand.work, outlook)
    cuts, lengths, rate = free_pieces(room, outlook)
    return _until_done(cuts, lengths, np.argsort(rate, kind="stable"), demand, situation.now)


def _until_done(cuts: Micros, lengths: Micros, cheapest_first: Micros, demand: Demand, now: int) -> Segments | None:
    """The cheapest slots until the work, and the switches that they bring about, are done; None where that is never."""
    taken = np.zeros(lengths.size, dtype=np.bool_)
    for piece in cheapest_first[lengths[cheapest_first] > 0]:
        taken[piece] = True
        segments = _joined(cuts, taken)
        spare = sum(end - start for start, end in segments) - _needed(demand, segments, now)
        if spare >= 0:
            return _shortened(segments, spare, demand.switch)
    return None


def _joined(cuts: Micros, taken: NDArray[np.bool_]) -> Segments:
    turns = np.flatnonzero(np.diff(np.concatenate(([False], taken, [False])).astype(np.int8)))
    return tuple((int(cuts[a]), int(cuts[b])) for a, b in zip(turns[::2], turns[1::2], strict=True))


def _needed(demand: Demand, segments: Segments, now: int) -> int:
    return demand.work_from(segments[0][0], now) + demand.switch * (len(segments) - 1)


def _shortened(segments: Segments, spare: int, switch: int) -> Segments | None:
    """Done sooner by `spare`: taken off the last segments that can give it."""
    shorter = list(segments)
    for k in range(len(shorter) - 1, -1, -1):
        start, end = shorter[k]
        cut = min(spare, max(end - start - switch - 1, 0))
        shorter[k], spare = (start, end - cut), spare - cut
    return tuple(shorter) if not spare else None
