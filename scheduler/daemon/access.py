"""Who may see, change and submit: the owner of a job, and root, which has no jobs of its own where others share."""

from __future__ import annotations

import os

from scheduler.domain.errors import NotPermitted
from scheduler.domain.jobs import Job
from scheduler.service_views.requests import Caller

ROOT = 0


def may_see(caller: Caller, job: Job) -> bool:
    """Whether what a job runs and prints is the caller's to read."""
    return caller.uid in (ROOT, job.owner.uid)


def may_touch(caller: Caller, job: Job) -> None:
    """NotPermitted unless the caller owns the job or is root."""
    if not may_see(caller, job):
        raise NotPermitted(f"job {job.id} belongs to {job.owner.name}; only they or root may do this")


def may_submit(caller: Caller) -> None:
    """NotPermitted for root, unless the daemon is root's own: no worker would run the job."""
    if caller.uid == ROOT and os.getuid() != ROOT:
        raise NotPermitted("jobs of root are not run here; submit as the ordinary user whose job it is")
