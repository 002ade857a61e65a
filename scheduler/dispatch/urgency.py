"""How much running time a job still needs, and the last moment at which it may begin."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.jobs import Job
from scheduler.domain.running_time import RunningTime
from scheduler.domain.runs import Segment

OVERRUN_SHARE = 0.1
"""A run that has outlived its estimate is expected to need this share of it more, at least: an estimate is no limit."""


def ran_at(job: Job, segment: Segment | None, now: datetime) -> timedelta:
    """Running time that counts toward the expected duration, what the open segment has run included."""
    if segment is None or segment.started_at is None:
        return job.work_done
    return job.work_done + max(now - segment.started_at, timedelta(0))


def remaining_at(job: Job, segment: Segment | None, now: datetime, likely: RunningTime | None = None) -> timedelta:
    """Running time still expected at `now`, what the open segment has run taken off.

    `likely`, given what it has run, tells how much more a job needs that has outlived what was expected.
    """
    left = job.remaining
    if segment is not None and segment.started_at is not None:
        left = max(job.expected_duration - ran_at(job, segment, now), job.expected_duration * OVERRUN_SHARE)
    return left if likely is None else likely.left(left)


def latest_start(job: Job) -> datetime:
    """When a waiting job must begin to finish in time."""
    return job.finish_by - job.remaining


def is_due(job: Job, now: datetime, segment: Segment | None = None) -> bool:
    """Whether the job can wait no longer: no slack is left, or the user asked for none."""
    return job.spec.run_now or job.finish_by - remaining_at(job, segment, now) <= now
