"""Small predicted gains are noise: what was announced stays, and nothing waits, for less than a set gain."""

from __future__ import annotations

from scheduler.planning.board import Board
from scheduler.planning.cost import emissions_g, weighed_g
from scheduler.planning.demand import Demand, Segments
from scheduler.planning.feasibility import due_with_successors, wanted_ends
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import Situation
from scheduler.planning.windows import Room


def settle(board: Board, situation: Situation, outlook: Outlook) -> None:
    """Go through a finished plan and undo, job by job, what gains too little; without a least gain nothing does."""
    if not situation.settings.start_gain and not situation.settings.move_gain:
        return
    due = due_with_successors(situation.demands)
    wanted = wanted_ends(situation, due)
    for demand in situation.demands:
        end = board.placed[demand.id][-1][1]
        if demand.fixed or demand.run_now or end > due[demand.id]:
            continue
        by = wanted[demand.id] if end <= wanted[demand.id] else due[demand.id]
        best = board.lift(demand)
        room = Room(*board.stretches(demand, board.earliest(demand), board.latest(demand, by)))
        board.place(demand, steady(best, demand, room, situation, outlook))


def steady(best: Segments, demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments:
    """`best` where it gains enough over the announced placement, or else over starting as soon as there is room."""
    settings = situation.settings
    if not settings.start_gain and not settings.move_gain:
        return best
    announced = _still_announced(demand, room, situation) if settings.move_gain else None
    if announced is not None:
        rival, gain = announced, settings.move_gain
    else:
        rival, gain = room.soonest(demand, situation.now) or best, settings.start_gain
    usual = emissions_g(demand, rival, outlook.intensity, situation.now)
    # A gain in grams, waiting and money at their prices, is held against what the rival emits.
    least = usual * (1 - gain) + (weighed_g(demand, rival, outlook, situation.now) - usual)
    return best if weighed_g(demand, best, outlook, situation.now) <= least else rival


def _still_announced(demand: Demand, room: Room, situation: Situation) -> Segments | None:
    """What is left of the announced placement, its end moved to the work that is left; None where it cannot be kept."""
    left = [(max(s, situation.now), e) for s, e in situation.previous.get(demand.id, ()) if e > situation.now]
    if not left:
        return None
    needed = demand.work_from(left[0][0], situation.now) + demand.switch * (len(left) - 1)
    start, end = left[-1]
    end += needed - sum(e - s for s, e in left)
    if end <= start:
        return None
    announced = (*left[:-1], (start, end))
    return announced if room.holds(announced) else None
