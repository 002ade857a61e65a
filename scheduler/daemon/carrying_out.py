"""Carries instructions out: lock, commit, send. The commit always comes before the process it announces."""

from __future__ import annotations

import logging
import os
from datetime import timedelta

from scheduler import protocol
from scheduler.daemon.parts import Parts
from scheduler.daemon.start_failures import Failing, StartFailures
from scheduler.dispatch.reconcile import CancelDependant, Instruction, StartSegment, StopSegment, next_segment
from scheduler.domain.carbon import SeriesKey
from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.errors import ExecutorError, IllegalTransition, NotFound, StorageError
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import HOLDING_GPUS, WAITING, JobEvent, JobState, Reason, StopReason
from scheduler.domain.runs import Segment
from scheduler.presenting.jobs import running_time
from scheduler.steps import Step, reached

logger = logging.getLogger(__name__)


async def carry_out(parts: Parts, instruction: Instruction, jobs: dict[int, Job], failures: StartFailures) -> bool:
    """One instruction; whether it had an effect. What fails is logged and judged again by the next look."""
    match instruction:
        case StartSegment():
            return await _start(parts, instruction, jobs[instruction.job], failures)
        case StopSegment():
            return await _stop(parts, instruction)
        case CancelDependant():
            return await parts.writer(_cancel_dependant, parts, instruction, jobs[instruction.job])


async def _start(parts: Parts, instruction: StartSegment, job: Job, failures: StartFailures) -> bool:
    past = await parts.writer(parts.store.segments, job.id)
    segment = next_segment(job, past, instruction.gpu_uuids, parts.clock.now())
    try:
        env = await parts.writer(parts.spool.get, job.id)
    except NotFound:
        return await parts.writer(_cancel_without_environment, parts, job)
    except StorageError as error:
        # One job's file: the others do not wait for it.
        failures.unfit.add(job.id)
        failures.note(segment.id, str(error), parts.clock.now())
        await parts.writer(_note_obstacle, parts, job, str(error))
        return False
    failures.unfit.discard(job.id)
    try:
        order = start_order(parts, job, segment, past, env)
        return await _locked_and_sent(parts, job, segment, order)
    except StorageError:
        raise
    except ExecutorError as error:
        logger.warning("start failed", extra={"segment": str(segment.id), "reason": str(error)})
        reason = str(error)
    except Exception as error:
        # A fault of ours that one job brings out: it rests as if it were refused, and the others start.
        logger.error("start failed", extra={"segment": str(segment.id), "reason": str(error)}, exc_info=error)
        reason = f"the daemon failed in an unforeseen way ({type(error).__name__}), its log has the details"
    failing = failures.note(segment.id, reason, parts.clock.now())
    await parts.writer(note_failing, parts, job.id, failing)
    return False


async def _locked_and_sent(parts: Parts, job: Job, segment: Segment, order: protocol.StartOrder) -> bool:
    """Lock, commit, send; our copy of the lock is closed whatever happens."""
    lock = parts.executor.lock(segment.id)
    try:
        reached(Step.LOCKED)
        if not await parts.writer(_commit_starting, parts, job, segment):
            return False
        reached(Step.COMMITTED_STARTING)
        await parts.executor.start(order, lock)
        reached(Step.ORDER_SENT)
        return True
    finally:
        os.close(lock)


def start_order(
    parts: Parts, job: Job, segment: Segment, past: tuple[Segment, ...], env: dict[str, str]
) -> protocol.StartOrder:
    """All that the supervisor is told."""
    spec, worker = job.spec, parts.settings.worker
    inventory = parts.live.inventory
    slots = inventory.cpu_slots if inventory else 1
    used = running_time(past, parts.clock.now())
    left = max(timedelta(seconds=1), spec.time_limit - used) if spec.time_limit else None
    return protocol.StartOrder(
        protocol.RunSpec(
            segment=str(segment.id),
            argv=list(spec.argv),
            env=env,
            workdir=spec.workdir,
            gpu_uuids=list(segment.gpu_uuids),
            checkpoint_dir=str(parts.paths.runs / "checkpoints" / str(job.id)),
            resume=segment.resume,
            checkpoint_signal=spec.checkpoint_signal,
            grace_s=spec.grace.total_seconds(),
            time_limit_s=left.total_seconds() if left else None,
            sample_s=worker.sample.total_seconds(),
            slice_s=worker.slice.total_seconds(),
            log_limit_bytes=int(worker.log_limit_mb * 1024 * 1024),
            cpu_share=_host_share(job, slots, len(inventory.gpus) if inventory else 0),
        ),
        run_as_uid=job.owner.uid,
    )


def _host_share(job: Job, cpu_slots: int, gpus: int) -> float:
    """Share of the idle host that the job reserves: its places over all places of its pool."""
    return min(1.0, job.spec.width / max(1, gpus if job.spec.gpus else cpu_slots))


def _commit_starting(parts: Parts, job: Job, segment: Segment) -> bool:
    """Whether the job is ours to start: another step, a cancel say, may have come first."""
    now = parts.clock.now()
    changes = JobChanges(reason=Reason.LAUNCHING, detail=None, series=job.series or _series_planned_with(parts))
    try:
        with parts.store.transaction():
            parts.store.advance_job(job.id, JobEvent.LAUNCH, now, changes, expected=job.state)
            parts.store.add_segment(segment)
    except IllegalTransition:
        return False
    return True


def _series_planned_with(parts: Parts) -> SeriesKey | None:
    forecast = parts.live.problem.forecast if parts.live.problem else None
    return forecast.key if forecast else None


async def _stop(parts: Parts, instruction: StopSegment) -> bool:
    """The reason is written down first, so that a crash in between cannot make a pause look like a failure."""
    if not await parts.writer(_commit_stop, parts, instruction):
        return False
    try:
        await parts.executor.stop(instruction.segment, instruction.reason)
    except ExecutorError as error:
        logger.warning("stop not delivered", extra={"segment": str(instruction.segment), "reason": str(error)})
        return False
    await parts.writer(parts.store.change_segment, instruction.segment, SegmentChanges(stop_reason=instruction.reason))
    return True


def _commit_stop(parts: Parts, instruction: StopSegment) -> bool:
    """Whether the stop is still wanted: the job is read anew, for a cancel that came meanwhile must not be lost."""
    job = parts.store.job(instruction.segment.job)
    if job is None or job.state not in HOLDING_GPUS:
        return False
    if job.stop_requested is not None:
        return job.stop_requested == instruction.reason
    reason = Reason.CANCELLING if instruction.reason is StopReason.CANCEL else Reason.SUSPENDING
    changes = JobChanges(reason=reason, stop_requested=instruction.reason)
    parts.store.change_job(job.id, parts.clock.now(), changes, note=f"{instruction.reason}-requested")
    return True


def _cancel_dependant(parts: Parts, instruction: CancelDependant, job: Job) -> bool:
    detail = f"job {instruction.before}, which it comes after, did not complete"
    return _end(parts, job, JobEvent.DEPENDENCY_FAILED, Reason.DEPENDENCY_FAILED, detail)


def _cancel_without_environment(parts: Parts, job: Job) -> bool:
    detail = "its environment file is gone from the state directory; submit it again"
    return _end(parts, job, JobEvent.CANCEL, Reason.COULD_NOT_START, detail)


def note_failing(parts: Parts, job_id: int, failing: Failing) -> None:
    """Say so of the job; one that runs all the same, or has ended, has its own words by then."""
    job = parts.store.job(job_id)
    if job is not None and job.state in WAITING | {JobState.STARTING}:
        parts.store.change_job(job_id, parts.clock.now(), JobChanges(detail=failing.words))


def _note_obstacle(parts: Parts, job: Job, obstacle: str) -> None:
    if job.detail != obstacle:
        logger.error("job cannot be started", extra={"job": job.id, "reason": obstacle})
        parts.store.change_job(job.id, parts.clock.now(), JobChanges(detail=obstacle))


def _end(parts: Parts, job: Job, event: JobEvent, reason: Reason, detail: str) -> bool:
    """End a job that waits; False where its user was quicker."""
    now = parts.clock.now()
    changes = JobChanges(reason=reason, detail=detail, ended_at=now)
    try:
        parts.store.advance_job(job.id, event, now, changes, expected=job.state)
    except IllegalTransition:
        return False
    parts.spool.drop(job.id)
    return True
