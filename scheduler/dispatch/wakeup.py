"""The next moment at which the plan asks for something, so that the daemon can sleep until then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from scheduler.dispatch.urgency import latest_start
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import HOLDING_GPUS, WAITING
from scheduler.domain.plans import Plan


def next_wakeup(plan: Plan | None, jobs: Iterable[Job], now: datetime) -> datetime | None:
    """The earliest planned start or pause, or last safe start, after `now`."""
    live = [job for job in jobs if job.state in WAITING | HOLDING_GPUS]
    due = (latest_start(job) for job in live if job.state in WAITING)
    return min((moment for moment in (*due, *_edges(plan, live)) if moment > now), default=None)


def _edges(plan: Plan | None, jobs: Iterable[Job]) -> Iterator[datetime]:
    ids = {job.id for job in jobs}
    for placement in plan.placements if plan else ():
        if placement.job in ids:
            for interval in placement.intervals:
                yield interval.start
                yield interval.end
