"""Work that will come, from what was submitted lately: read from the store now and then, not for every plan."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.jobs import Job
from scheduler.domain.plans import ExpectedWork
from scheduler.planning.arrivals import AHEAD, REMEMBERED, Arrival, Arrivals
from scheduler.ports import JobQuery, Store

_READ_EVERY = timedelta(hours=1)


class Expectation:
    """Asked on the thread that may read the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_at: datetime | None = None
        self._expected: tuple[ExpectedWork, ...] = ()

    def at(self, now: datetime, inventory: Inventory) -> tuple[ExpectedWork, ...]:
        if self._read_at is None or not timedelta(0) <= now - self._read_at < _READ_EVERY:
            jobs = self._store.jobs(JobQuery(since=now - REMEMBERED, until=now))
            self._expected = tuple(
                work
                for pool in Pool
                if inventory.capacity(pool)
                for work in Arrivals(pool, _arrivals(jobs)).expected(now, now + AHEAD)
            )
            self._read_at = now
        return self._expected


def _arrivals(jobs: Iterable[Job]) -> Iterable[Arrival]:
    """Those that were not to wait took no part in any plan's choice, but took their places all the same."""
    for job in sorted(jobs, key=lambda job: (job.submitted_at, job.id)):
        yield Arrival(
            job.submitted_at, job.spec.pool, job.spec.width, job.expected_duration, job.finish_by, job.expected_power
        )
