"""What a report says of one segment, as values for the store: the job's steps, the segment's fields, the energy.

The lock is looked at *before* the report is asked for: a free lock means that every file is final, so a report made
after that is complete. The other way round a process that ends in between would look lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.dispatch.outcome import JobStep, checkpointed, ending, lost, never_started, running_time
from scheduler.dispatch.slices import new_slices
from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.intervals import from_epoch
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import HOLDING_GPUS, JobEvent, JobState, Reason, SegmentState, StopReason
from scheduler.domain.readings import EnergySlice
from scheduler.domain.runs import Segment
from scheduler.protocol import ExitRecord, RunRecord, SegmentReport

SHORTEST_RUN = timedelta(minutes=5)
"""A segment that by itself asks to be run again (exit code 99) sooner than this failed: else it could ask for ever."""

_RUNNING_REASON = {StopReason.CANCEL.value: Reason.CANCELLING, StopReason.SUSPEND.value: Reason.SUSPENDING}


@dataclass(frozen=True, slots=True)
class Observation:
    """What to write, in one transaction; nothing when nothing new is known."""

    steps: tuple[JobStep, ...] = ()
    segment: SegmentChanges | None = None
    slices: tuple[EnergySlice, ...] = ()
    concluded: bool = False
    """The segment is over and all its energy is here or stored: the agent may forget it."""

    def __bool__(self) -> bool:
        return bool(self.steps or self.segment or self.slices or self.concluded)


def observe(
    job: Job,
    segment: Segment,
    lock_free: bool,
    report: SegmentReport | None,
    now: datetime,
    shortest_run: timedelta = SHORTEST_RUN,
    metered_until: datetime | None = None,
) -> Observation:
    """Judge one open segment by the rule of docs/architecture.md; without a report nothing is concluded.

    `metered_until`: the end of the last slice that is stored, the last sign of life of a run without a last word.
    """
    if report is None:
        return Observation()
    slices = new_slices(report.slices, segment.readings_upto)
    if not lock_free:
        return _alive(job, segment, report, slices)
    if report.exit is not None:
        return _ended(job, segment, report, report.exit, slices, shortest_run)
    # A segment once seen running has had its run.json, even if a reboot has swept the directory away since.
    if report.run is not None or segment.state is SegmentState.RUNNING:
        return _lost(job, segment, report.run, slices, now, metered_until)
    return _never_started(job, segment, now)


def _alive(job: Job, segment: Segment, report: SegmentReport, slices: tuple[EnergySlice, ...]) -> Observation:
    if report.run is None or segment.state is SegmentState.RUNNING:
        return Observation(slices=slices)
    return Observation(_started(job, segment, from_epoch(report.run.t)), _running(report.run), slices)


def _ended(
    job: Job,
    segment: Segment,
    report: SegmentReport,
    record: ExitRecord,
    slices: tuple[EnergySlice, ...],
    shortest_run: timedelta,
) -> Observation:
    stored = max([segment.readings_upto, *(s.seq for s in slices)])
    # An ended job has all its energy, so the end waits for the last slice, or for a journal with no more to give.
    if stored < record.last_seq and slices:
        return Observation(slices=slices)
    began = () if record.code is None else _started(job, segment, from_epoch(record.started_t))
    step = ending(_after(job, began), record, shortest_run)
    changes = SegmentChanges(
        state=SegmentState.ENDED,
        host=report.run.host if report.run else segment.host,
        started_at=from_epoch(record.started_t),
        ended_at=from_epoch(record.ended_t),
        exit_code=record.code,
        stop_reason=_stop_reason(record, step),
        last_seq=stored,
        work_kept=checkpointed(job, record) if step.event is JobEvent.SUSPENDED else None,
        ran=running_time(record),
    )
    return Observation(_steps(job, began, step), changes, slices, concluded=True)


def _lost(
    job: Job,
    segment: Segment,
    run: RunRecord | None,
    slices: tuple[EnergySlice, ...],
    now: datetime,
    metered_until: datetime | None,
) -> Observation:
    # Nobody knows the last seq, so the journal is read until it gives nothing more.
    if slices:
        return Observation(slices=slices)
    started_at = from_epoch(run.t) if run else segment.started_at or now
    # Until it is noticed days may pass in which nothing ran: what is left of a time limit must not shrink by them.
    ended_at = max(started_at, metered_until or started_at)
    began = _started(job, segment, started_at)
    known = SegmentChanges() if run is None else _running(run)
    changes = replace(known, state=SegmentState.LOST, ended_at=ended_at, last_seq=segment.readings_upto)
    return Observation(_steps(job, began, lost(_after(job, began), ended_at)), changes, concluded=True)


def _never_started(job: Job, segment: Segment, now: datetime) -> Observation:
    changes = SegmentChanges(state=SegmentState.NEVER_STARTED, ended_at=now)
    return Observation(_steps(job, (), never_started(job, now)), changes, concluded=True)


def _started(job: Job, segment: Segment, at: datetime) -> tuple[JobStep, ...]:
    """The step STARTING to RUNNING, where it is still to be taken."""
    if job.state is not JobState.STARTING:
        return ()
    changes = JobChanges(
        reason=_RUNNING_REASON.get(job.stop_requested or "", Reason.EXECUTING),
        detail=None,
        attempts=max(job.attempts, segment.id.attempt),
        started_at=job.started_at or at,
    )
    return (JobStep(JobEvent.STARTED, changes),)


def _after(job: Job, began: tuple[JobStep, ...]) -> Job:
    """The job as it is once `began` is written."""
    if not began:
        return job
    return replace(began[0].changes.applied_to(job), state=JobState.RUNNING)


def _steps(job: Job, began: tuple[JobStep, ...], last: JobStep) -> tuple[JobStep, ...]:
    # A job that holds nothing any more has been judged already; only its segment is still to be closed.
    return (*began, last) if job.state in HOLDING_GPUS else ()


def _running(run: RunRecord) -> SegmentChanges:
    return SegmentChanges(state=SegmentState.RUNNING, host=run.host, started_at=from_epoch(run.t))


def _stop_reason(record: ExitRecord, step: JobStep) -> StopReason | None:
    """Why it ended, as its job took it: a pause only where its run goes on, a cancel also on the way to a pause."""
    if step.event is JobEvent.SUSPENDED:
        return StopReason.SUSPEND
    if step.event is JobEvent.CANCEL:
        return StopReason.CANCEL
    asked = None if record.stop_reason is None else StopReason(record.stop_reason)
    return None if asked is StopReason.SUSPEND else asked
