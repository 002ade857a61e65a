"""Segments: the starts of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, text, update

from scheduler.domain.changes import SegmentChanges
from scheduler.domain.errors import NotFound
from scheduler.domain.lifecycle import SegmentState, StopReason
from scheduler.domain.runs import Segment, SegmentId
from scheduler.storage.documents import as_json, words
from scheduler.storage.records import Records, differing, id_list
from scheduler.storage.tables import OPEN_SEGMENT, SEGMENT
from scheduler.storage.times import (
    length_or_none,
    length_us_or_none,
    moment,
    moment_or_none,
    moment_us,
    moment_us_or_none,
)

IN_ORDER = (SEGMENT.c.attempt, SEGMENT.c.number)


class SegmentRecords(Records):
    def add_segment(self, segment: Segment) -> None:
        with self._database.writing() as connection:
            connection.execute(insert(SEGMENT), segment_values(segment))

    def segments(self, job_id: int) -> tuple[Segment, ...]:
        of_job = select(SEGMENT).where(SEGMENT.c.job_id == job_id).order_by(*IN_ORDER)
        with self._database.reading() as connection:
            return tuple(segment_from(row) for row in connection.execute(of_job))

    def segments_of(self, job_ids: Iterable[int]) -> Mapping[int, tuple[Segment, ...]]:
        of_jobs = select(SEGMENT).where(SEGMENT.c.job_id.in_(id_list(job_ids))).order_by(SEGMENT.c.job_id, *IN_ORDER)
        with self._database.reading() as connection:
            segments = [segment_from(row) for row in connection.execute(of_jobs)]
        return {job_id: tuple(those) for job_id, those in groupby(segments, key=lambda segment: segment.id.job)}

    def open_segments(self) -> tuple[Segment, ...]:
        by_creation = (SEGMENT.c.created_at_us, SEGMENT.c.job_id, *IN_ORDER)
        still_open = select(SEGMENT).where(text(OPEN_SEGMENT)).order_by(*by_creation)
        with self._database.reading() as connection:
            return tuple(segment_from(row) for row in connection.execute(still_open))

    def change_segment(self, segment: SegmentId, changes: SegmentChanges) -> Segment:
        with self._database.writing() as connection:
            before = known_segment(connection, segment)
            after = changes.applied_to(before)
            values = differing(segment_values(after), segment_values(before))
            if values:
                connection.execute(update(SEGMENT).where(is_segment(segment)).values(values))
        return after


def is_segment(segment: SegmentId) -> ColumnElement[bool]:
    return and_(
        SEGMENT.c.job_id == segment.job,
        SEGMENT.c.attempt == segment.attempt,
        SEGMENT.c.number == segment.segment,
    )


def known_segment(connection: Connection, segment: SegmentId) -> Segment:
    row = connection.execute(select(SEGMENT).where(is_segment(segment))).one_or_none()
    if row is None:
        raise NotFound(f"there is no segment {segment}")
    return segment_from(row)


def segment_values(segment: Segment) -> dict[str, Any]:
    return {
        "job_id": segment.id.job,
        "attempt": segment.id.attempt,
        "number": segment.id.segment,
        "state": segment.state.value,
        "created_at_us": moment_us(segment.created_at),
        "gpu_uuids_json": as_json(segment.gpu_uuids),
        "resume": segment.resume,
        "host": segment.host,
        "started_at_us": moment_us_or_none(segment.started_at),
        "ended_at_us": moment_us_or_none(segment.ended_at),
        "exit_code": segment.exit_code,
        "stop_reason": segment.stop_reason.value if segment.stop_reason else None,
        "readings_upto": segment.readings_upto,
        "last_seq": segment.last_seq,
        "work_kept": segment.work_kept,
        "ran_us": length_us_or_none(segment.ran),
    }


def segment_from(row: Row[Any]) -> Segment:
    return Segment(
        id=SegmentId(row.job_id, row.attempt, row.number),
        state=SegmentState(row.state),
        created_at=moment(row.created_at_us),
        gpu_uuids=words(row.gpu_uuids_json),
        resume=row.resume,
        host=row.host,
        started_at=moment_or_none(row.started_at_us),
        ended_at=moment_or_none(row.ended_at_us),
        exit_code=row.exit_code,
        stop_reason=None if row.stop_reason is None else StopReason(row.stop_reason),
        readings_upto=row.readings_upto,
        last_seq=row.last_seq,
        work_kept=row.work_kept,
        ran=length_or_none(row.ran_us),
    )
