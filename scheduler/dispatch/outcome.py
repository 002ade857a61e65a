"""What the end of a segment means for its job: one step of the transition table and the fields that go with it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.changes import JobChanges
from scheduler.domain.intervals import from_epoch
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobEvent, JobState, Reason, StopReason
from scheduler.protocol import EXIT_SUSPENDED, ExitRecord

COULD_NOT_EXECUTE = 127
"""The shell's exit code for a command it could not execute."""


@dataclass(frozen=True, slots=True)
class JobStep:
    """One event and what is set with it, in one transaction."""

    event: JobEvent
    changes: JobChanges


def shell_code(code: int) -> int:
    """An exit code as the shell says it: 128 + signal for a process that a signal ended."""
    return 128 - code if code < 0 else code


def ending(job: Job, record: ExitRecord, shortest_run: timedelta) -> JobStep:
    """The step that exit.json stands for; `job.attempts` counts the run that ended."""
    if record.code is None:
        return _could_not_start(job, record)
    if record.finished or (record.code == 0 and record.stop_reason is None):
        return _ended(JobEvent.EXITED_ZERO, Reason.EXITED_ZERO, record)
    if StopReason.CANCEL in (record.stop_reason, job.stop_requested):
        return _ended(JobEvent.CANCEL, Reason.CANCELLED_BY_USER, record)
    if record.stop_reason == StopReason.TIME_LIMIT:
        return _ended(JobEvent.TIMED_OUT, Reason.TIME_LIMIT, record)
    if record.stop_reason == StopReason.SUSPEND:
        return _suspended(job, record, Reason.CARBON_WINDOW, None)
    if record.code == EXIT_SUSPENDED and record.asked_by_machine:
        return _suspended(
            job, record, Reason.RETRY, "the machine went down, and it wrote its checkpoint (exit code 99)"
        )
    if record.code == EXIT_SUSPENDED and running_time(record) >= shortest_run:
        return _suspended(job, record, Reason.RETRY, "it wrote its checkpoint and asked to be run again (exit code 99)")
    return _failed(job, record)


def lost(job: Job, ended_at: datetime) -> JobStep:
    """Its supervisor is gone without a last word; `ended_at` is its last sign of life."""
    if job.stop_requested == StopReason.CANCEL:
        detail = "its worker was lost while it was being stopped"
        return JobStep(JobEvent.CANCEL, JobChanges(reason=Reason.CANCELLED_BY_USER, detail=detail, ended_at=ended_at))
    if attempts_left(job):
        return _retry("its worker was lost")
    detail = "its worker was lost; nobody knows how it ended, so it is not run again (--retries would allow it)"
    return JobStep(JobEvent.VANISHED, JobChanges(reason=Reason.WORKER_LOST, detail=detail, ended_at=ended_at))


def never_started(job: Job, now: datetime) -> JobStep:
    """Back to the queue, as if it had not been tried; a job that was being cancelled is cancelled."""
    if job.stop_requested == StopReason.CANCEL:
        return JobStep(JobEvent.CANCEL, JobChanges(reason=Reason.CANCELLED_BY_USER, detail=None, ended_at=now))
    detail = "the worker never began it; it will be started again"
    changes = JobChanges(reason=Reason.NEVER_STARTED, detail=detail, stop_requested=None)
    return JobStep(JobEvent.NEVER_STARTED, changes)


def attempts_left(job: Job) -> bool:
    return job.attempts <= job.spec.retries


def _could_not_start(job: Job, record: ExitRecord) -> JobStep:
    # A job already seen running has no step COULD_NOT_START; the reason says it all the same.
    event = JobEvent.COULD_NOT_START if job.state is JobState.STARTING else JobEvent.EXITED_NONZERO
    return JobStep(
        event,
        JobChanges(
            reason=Reason.COULD_NOT_START,
            detail=record.spawn_error or "the command could not be executed",
            ended_at=from_epoch(record.ended_t),
            exit_code=COULD_NOT_EXECUTE,
        ),
    )


def _ended(event: JobEvent, reason: Reason, record: ExitRecord, detail: str | None = None) -> JobStep:
    code = None if record.code is None else shell_code(record.code)
    changes = JobChanges(reason=reason, detail=detail, ended_at=from_epoch(record.ended_t), exit_code=code)
    return JobStep(event, changes)


def _suspended(job: Job, record: ExitRecord, reason: Reason, detail: str | None) -> JobStep:
    kept = job.work_done + running_time(record) if checkpointed(job, record) else job.work_done
    return JobStep(JobEvent.SUSPENDED, JobChanges(reason=reason, detail=detail, work_done=kept, stop_requested=None))


def _failed(job: Job, record: ExitRecord) -> JobStep:
    reason, detail = _why_failed(record)
    if attempts_left(job):
        return _retry(f"attempt {job.attempts} failed: {detail}")
    return _ended(JobEvent.EXITED_NONZERO, reason, record, detail)


def _retry(detail: str) -> JobStep:
    return JobStep(JobEvent.RETRY, JobChanges(reason=Reason.RETRY, detail=detail, stop_requested=None))


def _why_failed(record: ExitRecord) -> tuple[Reason, str]:
    code = record.code or 0
    if code >= 0:
        return Reason.EXITED_NONZERO, f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return Reason.SIGNALLED, f"ended by {name}"


def checkpointed(job: Job, record: ExitRecord) -> bool:
    """Whether the work of this segment can be taken to be on disk; if not, the next run starts over."""
    said_so = record.checkpoint_step is not None or record.code == EXIT_SUSPENDED
    return said_so or job.spec.checkpoint_signal is not None


def running_time(record: ExitRecord) -> timedelta:
    """As it was measured; records of an earlier version have two moments of a clock that may have been set."""
    if record.ran_s is not None:
        return timedelta(seconds=record.ran_s)
    return timedelta(seconds=max(0.0, record.ended_t - record.started_t))
