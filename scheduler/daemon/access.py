"""Who may see and change what: the owner of a job, and root."""

from __future__ import annotations

from scheduler.domain.errors import NotPermitted
from scheduler.domain.jobs import Job
from scheduler.service_views import Caller

ROOT = 0


def may_touch(caller: Caller, job: Job) -> None:
    """NotPermitted unless the caller owns the job or is root."""
    if caller.uid not in (ROOT, job.owner.uid):
        raise NotPermitted(f"job {job.id} belongs to {job.owner.name}; only they or root may do this")
