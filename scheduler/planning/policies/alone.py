"""The field's policies as they are: each job in turn, by its own rule, in the places that earlier ones left.

No repair and no comparison with run-now: a job that its rule leaves without room in time starts as soon as it can.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scheduler.domain.places import Micros
from scheduler.domain.series import Floats
from scheduler.planning.board import Board
from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import Outcome, Situation
from scheduler.planning.windows import Room

_SECOND = 1_000_000

Rule = Callable[[Demand, Room, Situation, Outlook], Segments | None]
StartRule = Callable[[Demand, Micros, Situation, Outlook], int]
"""Picks one of the possible starts, given in order."""
Level = Callable[[int, bool], float]
"""(work done, whether it runs) to the intensity up to which it is to run [g/kWh]."""


def each_by_its_rule(situation: Situation, outlook: Outlook, rule: Rule) -> Outcome:
    """Jobs choose in order of arrival; what runs without a pause goes on."""
    board = Board(situation)
    for demand in situation.demands:
        if demand.id in board.placed:
            continue
        begin = board.earliest(demand)
        chosen = None
        if not demand.run_now:
            starts, ends = board.stretches(demand, begin, demand.due)
            chosen = rule(demand, Room(starts, ends), situation, outlook) if starts.size else None
        board.place(demand, chosen or board.as_soon_as_possible(demand, begin))
    return Outcome(board.frozen())


def begun_at(start_rule: StartRule) -> Rule:
    """A rule for jobs in one piece from one for their start; what runs goes on."""

    def rule(demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments | None:
        if demand.running:
            return room.goes_on(demand, situation.now)
        starts = possible_starts(room, demand.work, outlook)
        if not starts.size:
            return None
        start = start_rule(demand, starts, situation, outlook)
        return ((start, start + demand.work),)

    return rule


def possible_starts(room: Room, work: int, outlook: Outlook) -> Micros:
    """Moments at which the job can begin and the intensity, or what is free, changes; and the latest of all."""
    edges = outlook.edges_between(room.begin, room.end)
    starts = np.unique(np.concatenate((room.starts, edges, room.ends - work)))
    row = np.searchsorted(room.starts, starts, side="right") - 1
    fits = (row >= 0) & (starts + work <= room.ends[np.maximum(row, 0)])
    possible: Micros = starts[fits]
    return possible


def walked(
    demand: Demand, room: Room, situation: Situation, outlook: Outlook, level: Level
) -> Segments | None:  # fmt: skip
    """Piece by piece, wherever the intensity is at most the level; what could not be done in time otherwise is done at
    any level. None where the room ends too soon."""
    cuts, lengths, rates = free_pieces(room, outlook)
    spare = lengths.sum() - np.cumsum(lengths)
    begun, running, left = demand.running, demand.running and room.begin == situation.now, demand.work
    taken: list[tuple[int, int]] = []
    for start, length, rate, after in zip(
        cuts.tolist(), lengths.tolist(), rates.tolist(), spare.tolist(), strict=False
    ):
        too_dear = rate * _SECOND > level(max(demand.work - left, 0), running)
        if not length or (too_dear and after >= left + demand.switch):
            running = False
            continue
        left += demand.switch if begun and not running else 0
        end = start + min(length, left)
        taken.append((taken.pop()[0] if running and taken else start, end))
        begun, running, left = True, True, left - (end - start)
        if not left:
            return tuple(taken)
    return None


def free_pieces(room: Room, outlook: Outlook) -> tuple[Micros, Micros, Floats]:
    """(cuts, length of each piece between them, its intensity a microsecond); 0 and inf where none is free."""
    cuts = np.unique(np.concatenate((room.starts, room.ends, outlook.edges_between(room.begin, room.end))))
    row = np.searchsorted(room.starts, cuts[:-1], side="right") - 1
    free = cuts[:-1] < room.ends[row]
    lengths = np.where(free, np.diff(cuts), 0)
    rate = np.where(free, np.diff(outlook.integral_to(cuts)) / np.diff(cuts), np.inf)
    return cuts, lengths, rate


def intensity_at(moments: Micros, outlook: Outlook) -> Floats:
    """Expected intensity in the second after each moment."""
    rate: Floats = outlook.integral_to(moments + _SECOND) - outlook.integral_to(moments)
    return rate


def quantile_until(share: float, begin: int, end: int, outlook: Outlook) -> float:
    """The intensity that a share of the time between two moments does not exceed."""
    edges = outlook.edges_between(begin, end)
    cuts = np.unique(np.concatenate((np.array([begin, end]), edges)))
    rate = np.diff(outlook.integral_to(cuts)) / np.diff(cuts)
    order = np.argsort(rate)
    passed = np.cumsum(np.diff(cuts)[order]) / (end - begin)
    return float(rate[order][min(int(np.searchsorted(passed, share)), order.size - 1)]) * _SECOND
