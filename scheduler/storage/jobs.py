"""Jobs, their steps and their events."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, update
from sqlmodel import col, select

from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import IllegalTransition, NotFound
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobEvent, JobState, advance
from scheduler.ports import JobDraft, JobEventRecord, JobQuery
from scheduler.storage.job_rows import event_from, job_from, job_values, new_job
from scheduler.storage.records import Records, differing, id_list
from scheduler.storage.tables import JobEventRow, JobRow, JobTagRow
from scheduler.storage.times import moment_us

SUBMITTED = "submitted"
"""Name of a job's first event."""


class JobRecords(Records):
    def add_job(self, draft: JobDraft) -> Job:
        with self._database.writing() as connection:
            values = job_values(new_job(0, draft))
            job = new_job(_inserted_id(connection, values), draft)
            tags = [{"tag": tag, "job_id": job.id} for tag in set(job.spec.tags)]
            if tags:
                connection.execute(insert(JobTagRow), tags)
            _add_event(connection, job, draft.submitted_at, SUBMITTED)
        return job

    def job(self, job_id: int) -> Job | None:
        with self._database.reading() as connection:
            return _find(connection, job_id)

    def jobs(self, query: JobQuery) -> tuple[Job, ...]:
        newest_first = select(JobRow).where(*_conditions(query)).order_by(col(JobRow.id).desc()).limit(query.limit)
        with self._database.reading() as connection:
            rows = connection.execute(newest_first).all()
        return tuple(job_from(row) for row in reversed(rows))

    def advance_job(self, job_id: int, event: JobEvent, at: datetime, changes: JobChanges, expected: JobState) -> Job:
        with self._database.writing() as connection:
            job = _known(connection, job_id)
            if job.state is not expected:
                raise IllegalTransition(
                    f"job {job_id} is {job.state}, not {expected}: the step '{event}' was not taken"
                )
            after = replace(changes.applied_to(job), state=advance(expected, event))
            _update(connection, job, after)
            _add_event(connection, after, at, event)
        return after

    def change_job(self, job_id: int, at: datetime, changes: JobChanges, note: str | None = None) -> Job:
        with self._database.writing() as connection:
            job = _known(connection, job_id)
            after = changes.applied_to(job)
            _update(connection, job, after)
            if note is not None:
                _add_event(connection, after, at, note)
        return after

    def job_events(self, job_id: int) -> tuple[JobEventRecord, ...]:
        events = select(JobEventRow).where(col(JobEventRow.job_id) == job_id).order_by(col(JobEventRow.id))
        with self._database.reading() as connection:
            return tuple(event_from(row) for row in connection.execute(events))


def _find(connection: Connection, job_id: int) -> Job | None:
    row = connection.execute(select(JobRow).where(col(JobRow.id) == job_id)).one_or_none()
    return None if row is None else job_from(row)


def _known(connection: Connection, job_id: int) -> Job:
    job = _find(connection, job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}; `carbonq list --all` shows every job")
    return job


def _inserted_id(connection: Connection, values: dict[str, Any]) -> int:
    key = connection.execute(insert(JobRow).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _update(connection: Connection, before: Job, after: Job) -> None:
    """Guarded by the state: with a second writer, the one that comes late changes nothing and hears of it."""
    values = differing(job_values(after), job_values(before))
    if not values:
        return
    guarded = update(JobRow).where(col(JobRow.id) == before.id, col(JobRow.state) == before.state.value)
    if connection.execute(guarded.values(values)).rowcount != 1:
        raise IllegalTransition(f"job {before.id} is no longer {before.state}: nothing was changed")


def _add_event(connection: Connection, job: Job, at: datetime, event: str) -> None:
    connection.execute(
        insert(JobEventRow).values(
            job_id=job.id,
            at_us=moment_us(at),
            event=str(event),
            state=job.state.value,
            reason=job.reason.value,
            detail=job.detail,
        )
    )


def _conditions(query: JobQuery) -> list[ColumnElement[bool]]:
    equal = (
        (JobRow.owner_uid, query.uid),
        (JobRow.owner_name, query.user),
        (JobRow.project, query.project),
        (JobRow.zone, query.zone),
    )
    conditions = [col(column) == value for column, value in equal if value is not None]
    if query.ids:
        conditions.append(col(JobRow.id).in_(id_list(query.ids)))
    if query.states:
        conditions.append(col(JobRow.state).in_(sorted(state.value for state in query.states)))
    if query.tag is not None:
        tagged = select(JobTagRow.job_id).where(col(JobTagRow.tag) == query.tag)
        conditions.append(col(JobRow.id).in_(tagged))
    if query.since is not None:
        conditions.append(col(JobRow.submitted_at_us) >= moment_us(query.since))
    if query.until is not None:
        conditions.append(col(JobRow.submitted_at_us) < moment_us(query.until))
    return conditions
