"""Small predicted gains are noise: what was announced stays, and nothing waits, for less than a set gain."""

from __future__ import annotations

from scheduler.planning.board import Board
from scheduler.planning.cost import all_weighed_g, emissions_g, weighed_g
from scheduler.planning.demand import Demand, Schedule, Segments
from scheduler.planning.feasibility import due_with_successors, wanted_ends
from scheduler.planning.guard import late_jobs
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import Situation
from scheduler.planning.windows import Room


def settled(jointly: Schedule, announced: Schedule | None, situation: Situation, outlook: Outlook) -> Schedule:
    """A joint plan without what gains too little; `announced`: the last plan, with what is new among it.

    The joint plan may have the same jobs in each other's places: no job moves to where nobody makes room for it. Only
    where all of them together gain enough do all move.
    """
    if not situation.settings.patient:
        return jointly
    anew = _without_small_gains(jointly, jointly, situation, outlook)
    if announced is None:
        return anew
    held = _without_small_gains(announced, jointly, situation, outlook)
    if late_jobs(held, situation) - late_jobs(anew, situation):
        return anew
    weighs = [all_weighed_g(situation.demands, each, outlook, situation.now) for each in (anew, held)]
    return anew if weighs[0] <= (1 - situation.settings.move_gain) * weighs[1] else held


def _without_small_gains(
    schedule: Schedule, wished: Schedule, situation: Situation, outlook: Outlook
) -> Schedule:  # fmt: skip
    """Job by job, where the schedule has it or, if there is room and that gains enough, where it is wished."""
    board = Board(situation, schedule)
    due = due_with_successors(situation.demands)
    wanted = wanted_ends(situation, due)
    for demand in situation.demands:
        end = board.placed[demand.id][-1][1]
        if demand.fixed or demand.run_now or end > due[demand.id]:
            continue
        by = wanted[demand.id] if end <= wanted[demand.id] else due[demand.id]
        best = board.lift(demand)
        room = Room(*board.stretches(demand, board.earliest(demand), board.latest(demand, by)))
        if room.holds(wished[demand.id]):
            best = wished[demand.id]
        board.place(demand, steady(best, demand, room, situation, outlook))
    return board.frozen()


def steady(best: Segments, demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments:
    """`best` where it gains enough over the announced placement, or else over starting as soon as there is room."""
    settings = situation.settings
    if not settings.patient:
        return best
    announced = _still_announced(demand, room, situation) if settings.move_gain else None
    soonest = room.soonest(demand, situation.now)
    if announced is not None and not _waits_for_nothing(announced, soonest, demand, situation, outlook):
        rival, gain = announced, settings.move_gain
    else:
        rival, gain = soonest or best, settings.start_gain
    usual = emissions_g(demand, rival, outlook.intensity, situation.now)
    # A gain in grams, waiting and money at their prices, is held against what the rival emits.
    least = usual * (1 - gain) + (weighed_g(demand, rival, outlook, situation.now) - usual)
    return best if weighed_g(demand, best, outlook, situation.now) <= least else rival


def _waits_for_nothing(
    announced: Segments, soonest: Segments | None, demand: Demand, situation: Situation, outlook: Outlook
) -> bool:
    """Whether it could begin earlier, for places have become free, and would emit no more."""
    if soonest is None or soonest[0][0] >= announced[0][0]:
        return False
    now = situation.now
    return weighed_g(demand, soonest, outlook, now) <= weighed_g(demand, announced, outlook, now)


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
