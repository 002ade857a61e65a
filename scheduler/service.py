"""Use cases on jobs: submit, cancel, hold, release, run now, update. Store and time are passed in."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from scheduler.config import QueueSettings
from scheduler.domain.changes import JobChanges
from scheduler.domain.durations import format_duration
from scheduler.domain.errors import NotFound, RequestError
from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.jobs import Basis, Job, JobSpec, Owner
from scheduler.domain.lifecycle import HOLDING_GPUS, TERMINAL, WAITING, JobEvent, JobState, Reason, StopReason
from scheduler.domain.units import Power
from scheduler.ports import JobDraft, JobQuery, SecretSpool, Store

CANCELLABLE_AT_ONCE = WAITING | {JobState.HELD}
LONGEST_ARGV_BYTES = 128 * 1024
"""A command of more than this is refused: Linux would refuse to execute it (MAX_ARG_STRLEN)."""


def draft_job(
    store: Store, spec: JobSpec, owner: Owner, now: datetime, inventory: Inventory | None, queue: QueueSettings
) -> JobDraft:
    """Check a request against the machine and the clock and fill in what the user left open; RequestError says how."""
    _check_command(spec)
    _check_fits(spec, inventory)
    _check_dependencies(store, spec, owner)
    duration, duration_basis = _expected_duration(store, spec, owner, queue)
    if duration_basis is Basis.ASSUMED and spec.deadline is not None and spec.deadline > now:
        # What nobody said must not stand in the way: with a deadline so near, the job simply starts at once.
        duration = min(duration, spec.deadline - now)
    power, power_basis = _expected_power(store, spec, owner, inventory, queue)
    finish_by = _finish_by(spec, now, duration, duration_basis, queue)
    return JobDraft(spec, owner, now, duration, duration_basis, power, power_basis, finish_by)


def submit(store: Store, spool: SecretSpool, draft: JobDraft, env: Mapping[str, str], held: bool, limit: int) -> Job:
    """Record the job and put its environment aside, both or neither; RequestError when the queue is full."""
    with store.transaction():
        waiting = len(store.jobs(JobQuery(states=frozenset(CANCELLABLE_AT_ONCE))))
        if waiting >= limit:
            raise RequestError(
                f"the queue holds {waiting} jobs, its limit; cancel some or raise queue.most_queued"
            )
        job = store.add_job(draft)
        spool.put(job.id, env)
        return hold(store, job.id, draft.submitted_at) if held else job


def preview(draft: JobDraft, job_id: int) -> Job:
    """The job as it would be recorded, for a dry run."""
    return Job(
        id=job_id,
        spec=draft.spec,
        owner=draft.owner,
        submitted_at=draft.submitted_at,
        state=JobState.QUEUED,
        reason=Reason.NEW,
        expected_duration=draft.expected_duration,
        duration_basis=draft.duration_basis,
        expected_power=draft.expected_power,
        power_basis=draft.power_basis,
        finish_by=draft.finish_by,
    )


def known_job(store: Store, job_id: int) -> Job:
    job = store.job(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}; `carbonq list --all` shows those there are")
    return job


def cancel(store: Store, job_id: int, now: datetime) -> Job:
    """End a waiting job now; ask a running one to stop. Cancelling twice changes nothing."""
    job = known_job(store, job_id)
    if job.state in TERMINAL:
        raise RequestError(f"job {job_id} has already ended ({job.state}); there is nothing to cancel")
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
        raise RequestError(f"job {job_id} is {job.state}; only a waiting job can be held (`carbonq cancel` ends one)")
    changes = JobChanges(reason=Reason.HELD_BY_USER, detail=None)
    return store.advance_job(job_id, JobEvent.HOLD, now, changes, expected=job.state)


def release(store: Store, job_id: int, now: datetime) -> Job:
    """Let a held job be planned again."""
    job = known_job(store, job_id)
    if job.state is not JobState.HELD:
        raise RequestError(f"job {job_id} is {job.state}, not held; there is nothing to release")
    return store.advance_job(job_id, JobEvent.RELEASE, now, JobChanges(reason=Reason.NEW), expected=job.state)


def run_now(store: Store, job_id: int, now: datetime) -> Job:
    """Stop waiting for clean power: the job starts as soon as its places are free."""
    job = known_job(store, job_id)
    if job.state in TERMINAL or job.state in HOLDING_GPUS:
        raise RequestError(f"job {job_id} is {job.state}; only a waiting job can be told to run now")
    if job.state is JobState.HELD:
        raise RequestError(f"job {job_id} is held; release it first with `carbonq release {job_id}`")
    return store.change_job(job_id, now, JobChanges(run_now=True), note="run-now-requested")


def update_deadline(store: Store, job_id: int, deadline: datetime | None, now: datetime, queue: QueueSettings) -> Job:
    """Move the deadline of a job that has not ended; None takes it away, and the longest wait holds instead."""
    job = known_job(store, job_id)
    if job.state in TERMINAL:
        raise RequestError(f"job {job_id} has ended ({job.state}); its deadline can no longer be moved")
    if deadline is not None:
        _check_deadline(deadline, now, job.remaining, job.duration_basis)
    finish_by = deadline or max(now, job.submitted_at + queue.longest_wait) + job.remaining
    return store.change_job(job_id, now, JobChanges(deadline=deadline, finish_by=finish_by), note="deadline-moved")


def _check_command(spec: JobSpec) -> None:
    size = sum(len(part.encode("utf-8", "surrogateescape")) + 1 for part in spec.argv)
    if size > LONGEST_ARGV_BYTES:
        raise RequestError(f"the command is {size:,} bytes long, more than {LONGEST_ARGV_BYTES:,}; put it in a script")
    if any("\0" in part for part in spec.argv):
        raise RequestError("the command holds a NUL byte, which no program can be given")


def _check_fits(spec: JobSpec, inventory: Inventory | None) -> None:
    if inventory is None:
        return
    have = inventory.capacity(Pool.GPU)
    if spec.gpus > have:
        why = f" ({inventory.degraded})" if inventory.degraded else ""
        rest = "use --gpus 0 for a CPU slot" if have == 0 else f"ask for {have} or fewer"
        raise RequestError(f"{spec.gpus} GPUs asked for, {inventory.host} has {have}{why}; {rest}")


def _check_dependencies(store: Store, spec: JobSpec, owner: Owner) -> None:
    for job_id in spec.after:
        before = known_job(store, job_id)
        if before.state in TERMINAL and before.state is not JobState.COMPLETED:
            raise RequestError(f"--after {job_id}: that job ended as {before.state}, so this one could never start")
        if before.owner.uid != owner.uid:
            raise RequestError(
                f"--after {job_id}: that job belongs to {before.owner.name}; wait for your own jobs only"
            )


def _expected_duration(store: Store, spec: JobSpec, owner: Owner, queue: QueueSettings) -> tuple[timedelta, Basis]:
    if spec.duration is not None:
        return spec.duration, Basis.USER
    like = store.like_durations(spec, owner)
    expected, basis = (_median(like), Basis.HISTORY) if like else (queue.assumed_duration, Basis.ASSUMED)
    # A job is stopped at its limit, so it cannot be expected to run longer.
    return (min(expected, spec.time_limit) if spec.time_limit else expected), basis


def _median(lengths: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=max(1.0, statistics.median(length.total_seconds() for length in lengths)))


def _expected_power(
    store: Store, spec: JobSpec, owner: Owner, inventory: Inventory | None, queue: QueueSettings
) -> tuple[Power, Basis]:
    if spec.power is not None:
        return spec.power, Basis.USER
    if like := store.like_powers(spec, owner):
        return Power(statistics.median(power.watts for power in like)), Basis.HISTORY
    if not spec.gpus:
        return Power(queue.assumed_cpu_w), Basis.ASSUMED
    limits = [gpu.power_limit.watts for gpu in inventory.gpus if gpu.power_limit] if inventory else []
    return Power(spec.gpus * (statistics.median(limits) if limits else queue.assumed_gpu_w)), Basis.ASSUMED


def _finish_by(spec: JobSpec, now: datetime, duration: timedelta, basis: Basis, queue: QueueSettings) -> datetime:
    if spec.deadline is not None:
        _check_deadline(spec.deadline, now, duration, basis)
        return spec.deadline
    return now + duration if spec.run_now else now + queue.longest_wait + duration


def _check_deadline(deadline: datetime, now: datetime, duration: timedelta, basis: Basis) -> None:
    left = deadline - now
    if left <= timedelta(0):
        raise RequestError(f"the deadline passed {format_duration(-left)} ago; give a later one with --by or --within")
    if left < duration:
        source = "you expect it to run" if basis is Basis.USER else "jobs like it ran (median)"
        raise RequestError(
            f"the deadline is {format_duration(left)} away, but {source} for {format_duration(duration)}; "
            "give a later deadline, or a shorter --duration if you know better"
        )
