"""As little late as can be: jobs that must be late go before those that can wait."""

from __future__ import annotations

import numpy as np

from scheduler.planning.decomposition.arrays import Flags, Ints, Jobs
from scheduler.planning.decomposition.placing import Placements, no_placements, place_soonest
from scheduler.planning.decomposition.searching import Queue, empty_line, ends, late_of


def with_the_tardy_first(queue: Queue) -> Queue | None:
    """Those that are late whatever is planned are to end as soon as they can, and choose first.

    None where there are none. What runs goes on; else the earliest due date goes first, which is least late at worst
    (Jackson 1955).
    """
    tardy = _tardy(queue.jobs, queue.order)
    if not tardy.any():
        return None
    rows = queue.order[tardy[queue.order]]
    first = rows[np.lexsort((queue.jobs.hi[rows], ~queue.jobs.going[rows]))]
    soonest = _in_turn(queue, first)
    if soonest[first].max() > queue.pieces.edges[-1]:
        return None
    by = np.where(tardy, soonest, queue.jobs.hi)
    wanted = None if queue.wanted is None else np.where(tardy, by, queue.wanted)
    order = np.concatenate((first, queue.order[~tardy[queue.order]]))
    return queue._replace(jobs=queue.jobs._replace(hi=by), order=order, wanted=wanted)


def by_due_date(queue: Queue, late: Flags) -> Ints | None:
    """When each job ends where nobody waits, the earliest due date first; None where others than `late` then are."""
    ended = _in_turn(queue, queue.order[np.argsort(queue.jobs.hi[queue.order], kind="stable")])
    return ended if (late | (ended <= queue.jobs.hi)).all() else None


def how_late(placed: Placements, queue: Queue, due: Ints) -> tuple[int, int, int]:
    """Jobs that must not be late and are, late jobs, and how late these are together [us]: the smaller the better."""
    return *late_of(placed, queue, due), int(np.maximum(ends(placed) - due, 0).sum())


def _in_turn(queue: Queue, order: Ints) -> Ints:
    """When each of these ends, placed one after the other as soon as there is room; of others nothing is said."""
    placed = no_placements(queue.jobs.lo.size)
    place_soonest(empty_line(queue, np.zeros_like(queue.pieces.places)), queue.jobs, placed, order)
    return ends(placed)


def _tardy(jobs: Jobs, order: Ints) -> Flags:
    """Who is late even if it begins at once; a job that waits for others only where they are tardy, too."""
    tardy: Flags = jobs.lo + jobs.work > jobs.hi
    if jobs.before.size and tardy.any():
        for j in order:
            tardy[j] &= tardy[jobs.before[jobs.before_from[j] : jobs.before_from[j + 1]]].all()
    return tardy
