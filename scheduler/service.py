"""Use cases on jobs: submit, cancel, hold, release, run now, update. Store and time are passed in.

IllegalTransition says that a job's state does not allow a change, and what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.config import QueueSettings
from scheduler.dispatch.urgency import remaining_at
from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import IllegalTransition, RequestError
from scheduler.domain.jobs import Basis, Job, JobSpec, Owner
from scheduler.domain.lifecycle import (
    HOLDING_GPUS,
    TERMINAL,
    WAITING,
    JobEvent,
    JobState,
    Reason,
    SegmentState,
    StopReason,
)
from scheduler.drafting import assumed_before, check_deadline, known_job
from scheduler.ports import JobDraft, JobQuery, SecretSpool, Store

CANCELLABLE_AT_ONCE = WAITING | {JobState.HELD}


def submit(store: Store, spool: SecretSpool, draft: JobDraft, env: Mapping[str, str], held: bool, limit: int) -> Job:
    """Record the job and put its environment aside, both or neither; RequestError when the queue is full.

    Its owner's job with the same idempotency key, if there is one, is the answer, and nothing is recorded.
    """
    job: Job | None = None
    try:
        with store.transaction():
            if (earlier := submitted_before(store, draft.spec, draft.owner)) is not None:
                return earlier
            _refuse_when_full(store, limit)
            job = store.add_job(draft)
            spool.put(job.id, env)
            return hold(store, job.id, draft.submitted_at) if held else job
    except BaseException:
        if job is not None:
            spool.drop(job.id)
        raise


def submitted_before(store: Store, spec: JobSpec, owner: Owner) -> Job | None:
    """The job that this is, by its idempotency key; RequestError where the key stands for another command."""
    if spec.idempotency_key is None:
        return None
    earlier = store.job_under(spec.idempotency_key, owner)
    if earlier is not None and (earlier.spec.argv, earlier.spec.workdir) != (spec.argv, spec.workdir):
        raise RequestError(
            f"idempotency_key: '{spec.idempotency_key}' stands for job {earlier.id}, which runs another command or in "
            f"another directory (`carbonq show {earlier.id}`); give this job a key of its own"
        )
    return earlier


def cancel(store: Store, job_id: int, now: datetime) -> Job:
    """End a waiting job now; ask a running one to stop. Cancelling twice changes nothing."""
    job = known_job(store, job_id)
    if job.state in TERMINAL:
        raise IllegalTransition(f"job {job_id} has already ended ({job.state}); there is nothing to cancel")
    if job.stop_requested == StopReason.CANCEL:
        return job
    if job.state in CANCELLABLE_AT_ONCE:
        changes = JobChanges(reason=Reason.CANCELLED_BY_USER, detail=None, ended_at=now)
        return store.advance_job(job_id, JobEvent.CANCEL, now, changes, expected=job.state)
    asked = JobChanges(reason=Reason.CANCELLING, stop_requested=StopReason.CANCEL)
    return store.change_job(job_id, now, asked, note="cancel-requested")


def hold(store: Store, job_id: int, now: datetime) -> Job:
    """Keep a waiting job from starting until it is released."""
    job = known_job(store, job_id)
    if job.state is JobState.HELD:
        return job
    if job.state not in WAITING:
        raise IllegalTransition(
            f"job {job_id} is {job.state}; only a waiting job can be held (`carbonq cancel` ends one)"
        )
    changes = JobChanges(reason=Reason.HELD_BY_USER, detail=None)
    return store.advance_job(job_id, JobEvent.HOLD, now, changes, expected=job.state)


def release(store: Store, job_id: int, now: datetime, queue: QueueSettings) -> Job:
    """Let a held job be planned again; without a deadline its longest wait begins anew."""
    job = known_job(store, job_id)
    if job.state is not JobState.HELD:
        raise IllegalTransition(f"job {job_id} is {job.state}, not held; there is nothing to release")
    finish_by = job.spec.deadline or now + queue.longest_wait + job.remaining
    changes = JobChanges(reason=Reason.NEW, finish_by=finish_by)
    return store.advance_job(job_id, JobEvent.RELEASE, now, changes, expected=job.state)


def run_now(store: Store, job_id: int, now: datetime) -> Job:
    """Stop waiting for clean power: the job starts as soon as its places are free."""
    job = known_job(store, job_id)
    if job.state in TERMINAL or job.state in HOLDING_GPUS:
        raise IllegalTransition(f"job {job_id} is {job.state}; only a waiting job can be told to run now")
    if job.state is JobState.HELD:
        raise IllegalTransition(f"job {job_id} is held; release it first with `carbonq release {job_id}`")
    return store.change_job(job_id, now, JobChanges(run_now=True), note="run-now-requested")


def update_deadline(store: Store, job_id: int, deadline: datetime | None, now: datetime, queue: QueueSettings) -> Job:
    """Move the deadline of a job that has not ended; None takes it away, and the longest wait holds instead."""
    job = known_job(store, job_id)
    if job.state in TERMINAL:
        raise IllegalTransition(f"job {job_id} has ended ({job.state}); its deadline can no longer be moved")
    job = replace(job, expected_duration=_expected_under(deadline, job, now, queue))
    if deadline is not None:
        check_deadline(deadline, now, _still_to_run(store, job, now), job.duration_basis)
    finish_by = deadline or max(now, job.submitted_at + queue.longest_wait) + job.remaining
    changes = JobChanges(deadline=deadline, finish_by=finish_by, expected_duration=job.expected_duration)
    return store.change_job(job_id, now, changes, note="deadline-moved")


def _refuse_when_full(store: Store, limit: int) -> None:
    waiting = len(store.jobs(JobQuery(states=frozenset(CANCELLABLE_AT_ONCE))))
    if waiting >= limit:
        raise RequestError(f"the queue holds {waiting} jobs, its limit; cancel some or raise queue.most_queued")


def _expected_under(deadline: datetime | None, job: Job, now: datetime, queue: QueueSettings) -> timedelta:
    """Running time to expect under a new deadline: only what was assumed bends to it."""
    if job.duration_basis is not Basis.ASSUMED:
        return job.expected_duration
    assumed = min(queue.assumed_duration, job.spec.time_limit or queue.assumed_duration)
    left = max(assumed - job.work_done, timedelta(seconds=1))
    return job.work_done + (left if deadline is None else assumed_before(deadline, now, left))


def _still_to_run(store: Store, job: Job, now: datetime) -> timedelta:
    running = [segment for segment in store.segments(job.id) if segment.state is SegmentState.RUNNING]
    return remaining_at(job, running[-1] if running else None, now)
