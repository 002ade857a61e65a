"""The queue as it was recorded: when first-come-first-served would have begun each job, and whether that is settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.accounting.baseline import uninterrupted_length
from scheduler.accounting.queue import Competitor, run_now_starts, settled_starts
from scheduler.daemon.parts import Parts
from scheduler.domain.gpus import Pool
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobEvent, JobState
from scheduler.domain.runs import Segment
from scheduler.ports import JobQuery

LOOK_BACK = timedelta(days=30)
"""Jobs submitted earlier than this before a job are taken not to have kept it waiting."""
_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Start:
    """When first-come-first-served would have begun a job, and whether no other job can change that any more."""

    moment: datetime
    settled: bool


class RecordedQueue:
    """Of one installation, read from the store: everything here runs on the writer thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def starts_so_far(self, jobs: Sequence[Job]) -> dict[int, datetime]:
        """When first-come-first-served would have begun each of these jobs, as far as that is known."""
        return run_now_starts(self._competitors(jobs), self._capacity())

    def starts(self, jobs: Sequence[Job]) -> dict[int, Start]:
        """Of each, and whether that is settled: one replay of the recorded queue serves all."""
        queue, capacity = self._competitors(jobs), self._capacity()
        starts = run_now_starts(queue, capacity)
        settled = settled_starts(queue, capacity, self._parts.clock.now())
        return {job.id: Start(starts[job.id], job.id in settled) for job in jobs}

    def length(self, job: Job, now: datetime) -> timedelta | None:
        """Of its running in one go, until `now` where it still runs; None while it has not begun."""
        return self._length(job, self._parts.store.segments(job.id), now)

    def _competitors(self, jobs: Sequence[Job]) -> list[Competitor]:
        """These jobs and those that came before one of them and competed with it for places."""
        if not jobs:
            return []
        store, now = self._parts.store, self._parts.clock.now()
        submitted, last = [job.submitted_at for job in jobs], max(job.id for job in jobs)
        # Two jobs may be submitted in the same instant: their numbers say which came first.
        query = JobQuery(since=min(submitted) - LOOK_BACK, until=max(submitted) + _MOMENT)
        came = {job.id: job for job in (*store.jobs(query), *jobs)}
        asked = {job.id for job in jobs}
        competed = [job for job in came.values() if job.id in asked or (job.id <= last and _competed(job))]
        ids = [job.id for job in competed]
        released, segments = store.last_noted(JobEvent.RELEASE, ids), store.segments_of(ids)
        return [
            Competitor(job, self._length(job, segments.get(job.id, ()), now), self._released_at(job, released))
            for job in competed
        ]

    def _length(self, job: Job, segments: Sequence[Segment], now: datetime) -> timedelta | None:
        if job.started_at is None:
            return None
        return uninterrupted_length(job, segments, self._parts.settings.queue.switch_cost, now)

    def _released_at(self, job: Job, released: Mapping[int, datetime]) -> datetime | None:
        """By its user, before it first began; what they held later did not keep it from beginning."""
        last = released.get(job.id)
        if last is None or job.started_at is None or last <= job.started_at:
            return last
        events = self._parts.store.job_events(job.id)
        before = [each.at for each in events if each.event == JobEvent.RELEASE and each.at <= job.started_at]
        return max(before, default=None)

    def _capacity(self) -> dict[Pool, int]:
        inventory = self._parts.live.inventory
        return {pool: inventory.capacity(pool) if inventory else 0 for pool in Pool}


def _competed(job: Job) -> bool:
    """Whether it held places, or may still come to: one that never ran, or that its user holds back, takes none."""
    return job.started_at is not None or (not job.ended and job.state is not JobState.HELD)
