"""A job as a row and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from scheduler.domain.jobs import Basis, Job, JobSpec, Owner
from scheduler.domain.lifecycle import JobState, Reason
from scheduler.domain.units import Power
from scheduler.ports import JobDraft, JobEventRecord
from scheduler.storage.documents import as_json, numbers, words
from scheduler.storage.times import (
    length,
    length_or_none,
    length_us,
    length_us_or_none,
    moment,
    moment_or_none,
    moment_us,
    moment_us_or_none,
)


def job_values(job: Job) -> dict[str, Any]:
    return _spec_values(job.spec) | {
        "owner_uid": job.owner.uid,
        "owner_name": job.owner.name,
        "submitted_at_us": moment_us(job.submitted_at),
        "state": job.state.value,
        "reason": job.reason.value,
        "expected_duration_us": length_us(job.expected_duration),
        "duration_basis": job.duration_basis.value,
        "expected_power_w": job.expected_power.watts,
        "power_basis": job.power_basis.value,
        "finish_by_us": moment_us(job.finish_by),
        "detail": job.detail,
        "attempts": job.attempts,
        "started_at_us": moment_us_or_none(job.started_at),
        "ended_at_us": moment_us_or_none(job.ended_at),
        "exit_code": job.exit_code,
        "work_done_us": length_us(job.work_done),
        "stop_requested": job.stop_requested,
    }


def _spec_values(spec: JobSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "argv_json": as_json(spec.argv),
        "workdir": spec.workdir,
        "gpus": spec.gpus,
        "interruptible": spec.interruptible,
        "duration_us": length_us_or_none(spec.duration),
        "time_limit_us": length_us_or_none(spec.time_limit),
        "power_w": spec.power.watts if spec.power else None,
        "deadline_us": moment_us_or_none(spec.deadline),
        "run_now": spec.run_now,
        "zone": spec.zone,
        "project": spec.project,
        "tags_json": as_json(spec.tags),
        "after_json": as_json(spec.after),
        "checkpoint_signal": spec.checkpoint_signal,
        "grace_us": length_us(spec.grace),
        "retries": spec.retries,
    }


def job_from(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        spec=_spec_from(row),
        owner=Owner(row.owner_uid, row.owner_name),
        submitted_at=moment(row.submitted_at_us),
        state=JobState(row.state),
        reason=Reason(row.reason),
        expected_duration=length(row.expected_duration_us),
        duration_basis=Basis(row.duration_basis),
        expected_power=Power(row.expected_power_w),
        power_basis=Basis(row.power_basis),
        finish_by=moment(row.finish_by_us),
        detail=row.detail,
        attempts=row.attempts,
        started_at=moment_or_none(row.started_at_us),
        ended_at=moment_or_none(row.ended_at_us),
        exit_code=row.exit_code,
        work_done=length(row.work_done_us),
        stop_requested=row.stop_requested,
    )


def _spec_from(row: Row[Any]) -> JobSpec:
    return JobSpec(
        argv=words(row.argv_json),
        workdir=row.workdir,
        name=row.name,
        gpus=row.gpus,
        interruptible=row.interruptible,
        duration=length_or_none(row.duration_us),
        time_limit=length_or_none(row.time_limit_us),
        power=None if row.power_w is None else Power(row.power_w),
        deadline=moment_or_none(row.deadline_us),
        run_now=row.run_now,
        zone=row.zone,
        project=row.project,
        tags=words(row.tags_json),
        after=numbers(row.after_json),
        checkpoint_signal=row.checkpoint_signal,
        grace=length(row.grace_us),
        retries=row.retries,
    )


def new_job(job_id: int, draft: JobDraft) -> Job:
    """The job that a draft becomes: queued, and new."""
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


def event_from(row: Row[Any]) -> JobEventRecord:
    return JobEventRecord(row.job_id, moment(row.at_us), row.event, JobState(row.state), Reason(row.reason), row.detail)
