"""Why a waiting job waits, in the closed words of the reference."""

from __future__ import annotations

from datetime import datetime

from scheduler.dispatch.dependencies import Verdict
from scheduler.dispatch.urgency import is_due
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import Reason
from scheduler.domain.plans import Placement

_OF_PLACEMENT = {
    "carbon-window": Reason.CARBON_WINDOW,
    "resources": Reason.RESOURCES,
    "dependency": Reason.DEPENDENCY,
    "due": Reason.DUE,
    "run-now": Reason.RESOURCES,
    "no-forecast": Reason.RESOURCES,
}


def waiting_reason(job: Job, verdict: Verdict, placement: Placement | None, now: datetime) -> Reason:
    """What keeps a queued or suspended job from running at `now`; its reason stays where no plan says more."""
    if verdict is not Verdict.MET:
        return Reason.DEPENDENCY
    if is_due(job, now):
        return Reason.DUE
    if placement is None:
        return job.reason
    if placement.active_at(now):
        return Reason.RESOURCES
    return _OF_PLACEMENT.get(placement.reason, job.reason)
