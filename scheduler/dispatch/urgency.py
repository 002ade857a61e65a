"""How much running time a job still needs, and the last moment at which it may begin."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.jobs import Job
from scheduler.domain.runs import Segment

OVERRUN_SHARE = 0.1
"""A run that has outlived its estimate is expected to need this share of it more: an estimate is no limit."""


def remaining_at(job: Job, segment: Segment | None, now: datetime) -> timedelta:
    """Running time still expected at `now`, what the open segment has run taken off."""
    if segment is None or segment.started_at is None:
        return job.remaining
    ran = max(now - segment.started_at, timedelta(0))
    return max(job.expected_duration - job.work_done - ran, job.expected_duration * OVERRUN_SHARE)


def latest_start(job: Job) -> datetime:
    """When a waiting job must begin to finish in time."""
    return job.finish_by - job.remaining


def is_due(job: Job, now: datetime, segment: Segment | None = None) -> bool:
    """Whether the job can wait no longer: no slack is left, or the user asked for none."""
    return job.spec.run_now or job.finish_by - remaining_at(job, segment, now) <= now
