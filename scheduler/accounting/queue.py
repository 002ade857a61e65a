"""When first-come-first-served would have begun a job, by the recorded queue, and whether that can still change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.gpus import Pool
from scheduler.domain.jobs import Job
from scheduler.domain.queue_replay import Arrival, first_come_first_served


@dataclass(frozen=True, slots=True)
class Competitor:
    """A job that competed for places as it came, by what is recorded of it."""

    job: Job
    length: timedelta | None
    """Its running in one go, so far where it has not ended; None while it has not begun."""
    released_at: datetime | None = None
    """When its user let it go, where they had held it: the wait until then was their wish."""


def run_now_starts(queue: Sequence[Competitor], capacity: Mapping[Pool, int]) -> dict[int, datetime]:
    """When first-come-first-served would have started each job; those that have not ended as long as is expected.

    A job that comes after others starts once they would have ended. Capacity is at least what the widest job was given.
    """
    return _replayed(queue, capacity, _expected)


def settled_starts(queue: Sequence[Competitor], capacity: Mapping[Pool, int], now: datetime) -> frozenset[int]:
    """The jobs whose start is the same whether those before them that have not ended now do, or run on and on."""
    if all(each.job.ended for each in queue):
        return frozenset(each.job.id for each in queue)
    # Longer than all that is recorded: whatever could have begun by now had to wait for it.
    on_and_on = now - min(each.job.submitted_at for each in queue) + max(map(_expected, queue))
    least = _replayed([each for each in queue if each.length is not None], capacity, _recorded)
    most = _replayed(queue, capacity, lambda each: _recorded(each) if each.job.ended else on_and_on)
    return frozenset(job_id for job_id, start in least.items() if most[job_id] == start)


def _recorded(competitor: Competitor) -> timedelta:
    """At least a moment, for a place was held."""
    return max(_MOMENT, competitor.length or _MOMENT)


def _expected(competitor: Competitor) -> timedelta:
    """Of one that outlives what was expected, twice as much: a figure that grew with every look would never rest."""
    length = _recorded(competitor)
    if competitor.job.ended:
        return length
    expected = max(_MOMENT, competitor.job.expected_duration)
    while expected < length:
        expected *= 2
    return expected


def _replayed(
    queue: Iterable[Competitor], capacity: Mapping[Pool, int], length: Callable[[Competitor], timedelta]
) -> dict[int, datetime]:
    # Two jobs may be submitted in the same instant: their numbers say which came first.
    in_order = sorted(queue, key=lambda each: each.job.id)
    places = {pool: max([capacity.get(pool, 0), *_widths(in_order, pool)]) for pool in Pool}
    return first_come_first_served([_arrival(each, length(each)) for each in in_order], places)


def _widths(queue: Iterable[Competitor], pool: Pool) -> list[int]:
    return [each.job.spec.width for each in queue if each.job.spec.pool is pool]


def _arrival(competitor: Competitor, length: timedelta) -> Arrival:
    job = competitor.job
    earliest = max(job.submitted_at, competitor.released_at or job.submitted_at)
    return Arrival(job.id, job.submitted_at, job.spec.pool, job.spec.width, length, earliest, job.spec.after)


_MOMENT = timedelta(milliseconds=1)
