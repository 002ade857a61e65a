"""The whole queue at once: jobs choose in order of least flexibility, late ones go first the next time, and no result
may be worse than first come, first served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from scheduler.domain.places import length_micros
from scheduler.planning.board import Board
from scheduler.planning.cost import weighed_g
from scheduler.planning.demand import Demand, Schedule, Segments, predecessors_first
from scheduler.planning.feasibility import due_with_successors, least_flexible_first, wanted_ends
from scheduler.planning.guard import first_sound, late_jobs
from scheduler.planning.hysteresis import steady
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import LOOK_AHEAD, Situation
from scheduler.planning.windows import Room

Choose = Callable[[Demand, Room, Situation, Outlook], Segments | None]
"""One job's cheapest placement in a room; None where it does not fit."""

_ROUNDS = 4
"""Times the queue is planned anew with the jobs that came late put first."""
_POLISHED_JOBS = 200
"""Longer queues are not gone through a second time: it takes as long again and gains little."""


def plan_queue(situation: Situation, outlook: Outlook, choose: Choose) -> Schedule:
    """The plan we would like best among those that are no worse than first come, first served."""
    due = due_with_successors(situation.demands)
    planner = _Planner(situation, outlook, choose, due, wanted_ends(situation, due))
    return first_sound(planner.attempts(), situation)


def pull_forward(board: Board, situation: Situation) -> Schedule:
    """Jobs that are not to wait use whatever the others' patience has left free."""
    for demand in situation.demands:
        if demand.run_now and not demand.running:
            board.lift(demand)
            board.place(demand, board.as_soon_as_possible(demand, board.earliest(demand)))
    return board.frozen()


@dataclass(frozen=True, slots=True)
class _Planner:
    situation: Situation
    outlook: Outlook
    choose: Choose
    due: Mapping[int, int]
    wanted: Mapping[int, int]
    """By when each job is to end where there is room: its due time less its margin."""

    def attempts(self) -> Iterator[Schedule]:
        """The plan we would like best, first."""
        board = self._in_order_of_flexibility()
        if len(self.situation.demands) <= _POLISHED_JOBS:
            self._polish(board)
        patient = board.frozen()
        yield pull_forward(board, self.situation)
        yield patient
        yield self._improved_run_now()

    def _improved_run_now(self) -> Schedule:
        """First come, first served, with each job moved where that emits less and makes nobody late."""
        board = Board(self.situation, self.situation.run_now)
        self._polish(board)
        return board.frozen()

    def _in_order_of_flexibility(self) -> Board:
        first: set[int] = set()
        late_anyway = late_jobs(self.situation.run_now, self.situation)
        for _ in range(_ROUNDS):
            board = self._placed_in_turn(first)
            late = late_jobs(board.placed, self.situation) - late_anyway
            if not late - first:
                break
            first |= late
        return self._without_margins(board, first) if late and self.wanted != self.due else board

    def _without_margins(self, board: Board, first: set[int]) -> Board:
        """Placed again with no margin for anybody, where that leaves fewer jobs late."""
        tight = replace(self, wanted=self.due)._placed_in_turn(first)
        late = [len(late_jobs(each.placed, self.situation)) for each in (tight, board)]
        return tight if late[0] < late[1] else board

    def _placed_in_turn(self, first: set[int]) -> Board:
        """Those in `first` choose before all others; who cannot be in time takes what is left, as soon as possible."""
        board, due = Board(self.situation), self.due
        order = least_flexible_first(self.situation.demands, due)
        for demand in order:
            if demand.run_now and not demand.running:
                board.place(demand, self.situation.run_now[demand.id])
        unplaced = []
        for demand in predecessors_first(sorted(order, key=lambda d: d.id not in first)):
            if demand.id not in board.placed and not self._place_best(board, demand):
                unplaced.append(demand)
        for demand in unplaced:
            board.place(demand, board.as_soon_as_possible(demand, board.earliest(demand)))
        return board

    def _place_best(self, board: Board, demand: Demand) -> bool:
        """In time, and with its margin where there is room for that."""
        if not board.ready(demand):
            return False
        wanted, due = self.wanted[demand.id], self.due[demand.id]
        best = self._best(board, demand, wanted)
        if best is None and wanted < due:
            best = self._best(board, demand, due)
        if best is not None:
            board.place(demand, best)
        return best is not None

    def _best(self, board: Board, demand: Demand, due: int) -> Segments | None:
        """The cheapest placement in time; looks no further ahead than there is something to know, if that will do."""
        begin, end = board.earliest(demand), board.latest(demand, due)
        known_until = max(self.outlook.end, self.situation.now) + length_micros(LOOK_AHEAD)
        for until in sorted({min(end, known_until), end}):
            starts, ends = board.stretches(demand, begin, until)
            if not starts.size:
                continue
            room = Room(starts, ends)
            best = self.choose(demand, room, self.situation, self.outlook)
            if best is not None:
                return steady(best, demand, room, self.situation, self.outlook)
        return None

    def _polish(self, board: Board) -> None:
        """Let each job choose once more among the others, now that all are placed."""
        for demand in least_flexible_first(self.situation.demands, self.due):
            if demand.fixed or demand.run_now or board.placed[demand.id][-1][1] > demand.due:
                continue
            old = board.lift(demand)
            with_margin = demand.margin and old[-1][1] <= self.wanted[demand.id]
            new = self._best(board, demand, self.wanted[demand.id] if with_margin else demand.due)
            board.place(demand, new if new is not None and self._cheaper(demand, new, old) else old)

    def _cheaper(self, demand: Demand, new: Segments, old: Segments) -> bool:
        now = self.situation.now
        return weighed_g(demand, new, self.outlook, now) < weighed_g(demand, old, self.outlook, now)
