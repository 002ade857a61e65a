"""Jobs, their steps and their events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, func, insert, select, update

from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import IllegalTransition, NotFound
from scheduler.domain.jobs import Job, JobSpec, Owner
from scheduler.domain.lifecycle import JobEvent, JobState, Reason, advance
from scheduler.ports import CLEANED, JobDraft, JobEventRecord, JobQuery
from scheduler.storage.documents import Documents, as_json
from scheduler.storage.records import Records, differing, id_list, inserted_id
from scheduler.storage.tables import JOB, JOB_EVENT, JOB_TAG
from scheduler.storage.times import moment, moment_us, moment_us_or_none

SUBMITTED = "submitted"
"""Name of a job's first event."""

_documents = Documents(Job)


class JobRecords(Records):
    def add_job(self, draft: JobDraft) -> Job:
        with self._database.writing() as connection:
            unnumbered = draft.as_job(0)
            job = replace(unnumbered, id=inserted_id(connection, JOB, _values(unnumbered)))
            _update(connection, unnumbered, job)
            tags = [{"tag": tag, "job_id": job.id} for tag in set(job.spec.tags)]
            if tags:
                connection.execute(insert(JOB_TAG), tags)
            _add_event(connection, job, draft.submitted_at, SUBMITTED)
        return job

    def job(self, job_id: int) -> Job | None:
        with self._database.reading() as connection:
            return _find(connection, job_id)

    def job_under(self, key: str, owner: Owner) -> Job | None:
        under = select(JOB.c.document_json).where(JOB.c.owner_uid == owner.uid, JOB.c.idempotency_key == key)
        with self._database.reading() as connection:
            document = connection.execute(under).scalar_one_or_none()
        return None if document is None else _documents.value(document)

    def jobs(self, query: JobQuery) -> tuple[Job, ...]:
        newest_first = select(JOB.c.document_json).where(*_conditions(query)).order_by(JOB.c.id.desc())
        with self._database.reading() as connection:
            found = connection.execute(newest_first.limit(query.limit)).scalars().all()
        return tuple(_documents.values(reversed(found)))

    def advance_job(self, job_id: int, event: JobEvent, at: datetime, changes: JobChanges, expected: JobState) -> Job:
        with self._database.writing() as connection:
            job = _known(connection, job_id)
            if job.state is not expected:
                raise IllegalTransition(f"job {job_id} is {job.state}, not {expected}: no step '{event}' was taken")
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
        events = select(JOB_EVENT).where(JOB_EVENT.c.job_id == job_id).order_by(JOB_EVENT.c.id)
        with self._database.reading() as connection:
            return tuple(_event_from(row) for row in connection.execute(events))

    def last_noted(self, event: str, job_ids: Iterable[int]) -> Mapping[int, datetime]:
        job = JOB_EVENT.c.job_id
        of_jobs = job.in_(id_list(job_ids))
        newest = select(job, func.max(JOB_EVENT.c.at_us)).where(of_jobs, JOB_EVENT.c.event == event).group_by(job)
        with self._database.reading() as connection:
            return {job_id: moment(at_us) for job_id, at_us in connection.execute(newest)}


def likeness(spec: JobSpec, owner: Owner) -> bytes:
    """The same for jobs of one owner with one command and as many GPUs."""
    return sha256(as_json((str(owner.uid), str(spec.gpus), *spec.argv)).encode()).digest()[:16]


def _values(job: Job) -> dict[str, Any]:
    return {
        "state": job.state.value,
        "owner_uid": job.owner.uid,
        "owner_name": job.owner.name,
        "project": job.spec.project,
        "zone": job.spec.zone,
        "submitted_at_us": moment_us(job.submitted_at),
        "started_at_us": moment_us_or_none(job.started_at),
        "idempotency_key": job.spec.idempotency_key,
        "likeness": likeness(job.spec, job.owner),
        "document_json": _documents.text(job),
    }


def _find(connection: Connection, job_id: int) -> Job | None:
    document = connection.execute(select(JOB.c.document_json).where(JOB.c.id == job_id)).scalar_one_or_none()
    return None if document is None else _documents.value(document)


def _known(connection: Connection, job_id: int) -> Job:
    job = _find(connection, job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}; `carbonq list --all` shows every job")
    return job


def _update(connection: Connection, before: Job, after: Job) -> None:
    """Guarded by the state: with a second writer, the one that comes late changes nothing and hears of it."""
    values = differing(_values(after), _values(before))
    if not values:
        return
    guarded = update(JOB).where(JOB.c.id == after.id, JOB.c.state == before.state.value).values(values)
    if connection.execute(guarded).rowcount != 1:
        raise IllegalTransition(f"job {after.id} is no longer {before.state}: nothing was changed")


def _add_event(connection: Connection, job: Job, at: datetime, event: str) -> None:
    values = {
        "job_id": job.id,
        "at_us": moment_us(at),
        "event": str(event),
        "state": job.state.value,
        "reason": job.reason.value,
        "detail": job.detail,
    }
    connection.execute(insert(JOB_EVENT), values)


def _event_from(row: Row[Any]) -> JobEventRecord:
    return JobEventRecord(row.job_id, moment(row.at_us), row.event, JobState(row.state), Reason(row.reason), row.detail)


def _conditions(query: JobQuery) -> list[ColumnElement[bool]]:
    equal = (
        (JOB.c.owner_uid, query.uid),
        (JOB.c.owner_name, query.user),
        (JOB.c.project, query.project),
        (JOB.c.zone, query.zone),
    )
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if query.ids:
        conditions.append(JOB.c.id.in_(id_list(query.ids)))
    if query.states:
        conditions.append(JOB.c.state.in_(sorted(state.value for state in query.states)))
    if query.with_files:
        conditions.append(~exists().where(JOB_EVENT.c.job_id == JOB.c.id, JOB_EVENT.c.event == CLEANED))
    if query.tag is not None:
        conditions.append(JOB.c.id.in_(select(JOB_TAG.c.job_id).where(JOB_TAG.c.tag == query.tag)))
    if query.since is not None:
        conditions.append(JOB.c.submitted_at_us >= moment_us(query.since))
    if query.until is not None:
        conditions.append(JOB.c.submitted_at_us < moment_us(query.until))
    return conditions
