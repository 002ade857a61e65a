"""Whether the jobs that a job comes after have completed, may still, or never will."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import TERMINAL, JobState

ENDED_BADLY = TERMINAL - {JobState.COMPLETED}
NOT_BEGUN = frozenset({JobState.QUEUED, JobState.HELD})


class Verdict(StrEnum):
    """On the jobs that one job comes after, all together."""

    MET = "met"
    WAITING = "waiting"
    FAILED = "failed"


def dependency_verdict(job: Job, states: Mapping[int, JobState]) -> Verdict:
    """`states` holds the jobs that `job` comes after; one that is missing there is waited for."""
    if failed_dependency(job, states) is not None:
        return Verdict.FAILED
    met = all(states.get(other) is JobState.COMPLETED for other in job.spec.after)
    return Verdict.MET if met else Verdict.WAITING


def failed_dependency(job: Job, states: Mapping[int, JobState]) -> int | None:
    """The first job that `job` comes after and that ended without completing."""
    return next((other for other in job.spec.after if states.get(other) in ENDED_BADLY), None)


def doomed(jobs: Iterable[Job], ended: Mapping[int, JobState]) -> dict[int, int]:
    """Jobs that can never start, each with the job that failed it; what falls takes the jobs after it with it."""
    states = known_states(jobs, ended)
    found: dict[int, int] = {}
    # A job comes only after jobs that were there when it was submitted: lower numbers first sees every fall.
    for job in sorted(jobs, key=lambda job: job.id):
        before = failed_dependency(job, states)
        if before is not None and job.state in NOT_BEGUN:
            found[job.id] = before
            states[job.id] = JobState.CANCELLED
    return found


def known_states(jobs: Iterable[Job], ended: Mapping[int, JobState]) -> dict[int, JobState]:
    return {**ended, **{job.id: job.state for job in jobs}}
