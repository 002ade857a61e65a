"""Energy slices, and what earlier jobs like a new one took."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, insert, select, update

from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job, JobSpec, Owner
from scheduler.domain.lifecycle import JobState
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod, ReadingFlag
from scheduler.domain.runs import CompletedRun, SegmentId
from scheduler.domain.units import Energy, Power
from scheduler.storage.documents import Documents
from scheduler.storage.jobs import likeness
from scheduler.storage.records import Records
from scheduler.storage.segments import is_segment, known_segment
from scheduler.storage.tables import ENERGY_SLICE, JOB, SEGMENT
from scheduler.storage.times import length, moment, moment_us

_jobs = Documents(Job)
_parts = msgspec.json.Decoder(tuple[tuple[Component, str, float, MeterMethod, tuple[ReadingFlag, ...]], ...])


class EnergyRecords(Records):
    def add_slices(self, segment: SegmentId, slices: Iterable[EnergySlice]) -> int:
        given = {s.seq: s for s in slices}
        with self._database.writing() as connection:
            upto = known_segment(connection, segment).readings_upto
            new = sorted(given.keys() - _stored(connection, segment, given))
            if not new:
                return upto
            connection.execute(insert(ENERGY_SLICE), [_values(segment, given[seq]) for seq in new])
            upto = max(upto, new[-1])
            connection.execute(update(SEGMENT).where(is_segment(segment)).values(readings_upto=upto))
        return upto

    def slices(self, job_id: int) -> tuple[tuple[SegmentId, EnergySlice], ...]:
        key = (ENERGY_SLICE.c.attempt, ENERGY_SLICE.c.number, ENERGY_SLICE.c.seq)
        of_job = select(ENERGY_SLICE).where(ENERGY_SLICE.c.job_id == job_id).order_by(*key)
        with self._database.reading() as connection:
            rows = connection.execute(of_job).all()
        return tuple((SegmentId(row.job_id, row.attempt, row.number), _slice_from(row)) for row in rows)

    def like_durations(self, spec: JobSpec, owner: Owner, limit: int = 20) -> tuple[timedelta, ...]:
        """Of the attempt that completed: its suspended time and earlier attempts are left out."""
        with self._database.reading() as connection:
            return tuple(_last_attempts(connection, _alike(spec, owner, limit)).values())

    def completed_runs(self, owner: Owner, limit: int) -> tuple[CompletedRun, ...]:
        completed = (JOB.c.owner_uid == owner.uid, JOB.c.state == JobState.COMPLETED.value)
        newest = select(JOB.c.id).where(*completed).order_by(JOB.c.id.desc()).limit(limit)
        documents = select(JOB.c.id, JOB.c.document_json).where(JOB.c.id.in_(newest))
        with self._database.reading() as connection:
            ran = _last_attempts(connection, newest)
            specs = {job_id: _jobs.value(document).spec for job_id, document in connection.execute(documents)}
        return tuple(
            CompletedRun(specs[job_id].argv, specs[job_id].gpus, specs[job_id].duration, held)
            for job_id, held in ran.items()
        )

    def like_powers(self, spec: JobSpec, owner: Owner, limit: int = 20) -> tuple[Power, ...]:
        job = ENERGY_SLICE.c.job_id
        metered_us = func.sum(ENERGY_SLICE.c.end_us - ENERGY_SLICE.c.start_us)
        by_job = (
            select(func.sum(ENERGY_SLICE.c.energy_j), metered_us)
            .where(job.in_(_alike(spec, owner, limit)), ENERGY_SLICE.c.energy_j.is_not(None))
            .group_by(job)
            .order_by(job.desc())
        )
        with self._database.reading() as connection:
            totals = connection.execute(by_job).all()
        return tuple(Energy(joules) / length(int(us)) for joules, us in totals)


def _last_attempts(connection: Connection, jobs: Select[Any]) -> dict[int, timedelta]:
    """How long the last attempt of each of these jobs ran, the newest job first."""
    held = func.sum(func.coalesce(SEGMENT.c.ran_us, SEGMENT.c.ended_at_us - SEGMENT.c.started_at_us))
    key = (SEGMENT.c.job_id, SEGMENT.c.attempt)
    by_attempt = select(SEGMENT.c.job_id, held).where(key[0].in_(jobs)).group_by(*key).order_by(key[0].desc(), key[1])
    return {job_id: length(int(us)) for job_id, us in connection.execute(by_attempt) if us is not None}


def _alike(spec: JobSpec, owner: Owner, limit: int) -> Select[Any]:
    """Numbers of the newest completed jobs."""
    alike = select(JOB.c.id).where(JOB.c.likeness == likeness(spec, owner), JOB.c.state == JobState.COMPLETED.value)
    return alike.order_by(JOB.c.id.desc()).limit(limit)


def _stored(connection: Connection, segment: SegmentId, given: dict[int, EnergySlice]) -> set[int]:
    if not given:
        return set()
    seq = ENERGY_SLICE.c.seq
    stored = select(seq).where(
        ENERGY_SLICE.c.job_id == segment.job,
        ENERGY_SLICE.c.attempt == segment.attempt,
        ENERGY_SLICE.c.number == segment.segment,
        seq.between(min(given), max(given)),
    )
    return set(connection.execute(stored).scalars())


def _values(segment: SegmentId, energy_slice: EnergySlice) -> dict[str, Any]:
    parts = [(p.component, p.device, p.energy.joules, p.method, p.flags) for p in energy_slice.parts]
    return {
        "job_id": segment.job,
        "attempt": segment.attempt,
        "number": segment.segment,
        "seq": energy_slice.seq,
        "start_us": moment_us(energy_slice.interval.start),
        "end_us": moment_us(energy_slice.interval.end),
        "energy_j": energy_slice.energy.joules if parts else None,
        "parts": zlib.compress(msgspec.json.encode(parts)),
    }


def _slice_from(row: Row[Any]) -> EnergySlice:
    parts = tuple(
        ComponentEnergy(component, device, Energy(joules), method, flags)
        for component, device, joules, method, flags in _parts.decode(zlib.decompress(row.parts))
    )
    return EnergySlice(row.seq, Interval(moment(row.start_us), moment(row.end_us)), parts)
