"""The tables. Rows belong to this room alone and validate nothing (SQLModel's do not); the domain values do.

A name ends in its unit. `_us` is whole microseconds, of a moment since 1970-01-01 UTC: what a datetime holds, exactly.
`_json` is a JSON document that is read and written whole: a job or a statement comes out of one eight times faster
than out of as many columns, and lists of ten thousand are asked for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

OPEN_SEGMENT = "state IN ('starting', 'running') OR readings_upto < last_seq"
"""Still alive, or with energy slices that are not here yet. One text, so that index and query are seen to agree."""


def _text() -> Any:
    return Field(sa_type=Text)


def _text_or_null() -> Any:
    return Field(default=None, sa_type=Text)


def _micros() -> Any:
    return Field(sa_type=BigInteger)


def _micros_or_null() -> Any:
    return Field(default=None, sa_type=BigInteger)


def _number() -> Any:
    return Field(default=None, primary_key=True)


class Row(SQLModel):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class JobRow(Row, table=True):
    """A job: what it is searched, guarded and counted by, and all of it as a document."""

    __tablename__ = "job"
    __table_args__ = (
        Index(None, "state"),
        Index(None, "submitted_at_us"),
        Index(None, "likeness"),
        Index(None, "owner_uid", "idempotency_key", unique=True),
    )

    id: int | None = _number()
    state: str = _text()
    owner_uid: int = Field(sa_type=BigInteger)
    owner_name: str = _text()
    project: str | None = _text_or_null()
    zone: str | None = _text_or_null()
    submitted_at_us: int = _micros()
    started_at_us: int | None = _micros_or_null()
    idempotency_key: str | None = _text_or_null()
    likeness: bytes = Field(sa_type=LargeBinary)
    """Digest of owner, command and GPU count: jobs with the same one are alike."""
    document_json: str = _text()
    """A domain Job; every column above but `likeness` is in it too."""


class JobTagRow(Row, table=True):
    """Finds jobs by tag; the tags themselves, in their order, are in the job's document."""

    __tablename__ = "job_tag"

    tag: str = Field(primary_key=True, sa_type=Text)
    job_id: int = Field(primary_key=True, foreign_key="job.id")


class JobEventRow(Row, table=True):
    """Append-only: one line for each step and note of a job."""

    __tablename__ = "job_event"

    id: int | None = _number()
    job_id: int = Field(foreign_key="job.id", index=True)
    at_us: int = _micros()
    event: str = _text()
    state: str = _text()
    reason: str = _text()
    detail: str | None = _text_or_null()


class SegmentRow(Row, table=True):
    """One start of a job's process."""

    __tablename__ = "segment"
    __table_args__ = (
        Index("ix_segment_open", "created_at_us", sqlite_where=text(OPEN_SEGMENT), postgresql_where=text(OPEN_SEGMENT)),
    )

    job_id: int = Field(primary_key=True, foreign_key="job.id")
    attempt: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    state: str = _text()
    created_at_us: int = _micros()
    gpu_uuids_json: str = _text()
    resume: bool
    host: str | None = _text_or_null()
    started_at_us: int | None = _micros_or_null()
    ended_at_us: int | None = _micros_or_null()
    exit_code: int | None
    stop_reason: str | None = _text_or_null()
    readings_upto: int
    last_seq: int | None
    work_kept: bool | None
    ran_us: int | None = _micros_or_null()


class EnergySliceRow(Row, table=True):
    """Append-only: what a segment drew in at most five minutes.

    `parts`: a list of [component, device, joules, method, [flags]], as deflated JSON (a third of the room).
    """

    __tablename__ = "energy_slice"
    __table_args__ = (
        ForeignKeyConstraint(["job_id", "attempt", "number"], ["segment.job_id", "segment.attempt", "segment.number"]),
    )

    job_id: int = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    start_us: int = _micros()
    end_us: int = _micros()
    energy_j: float | None
    """The sum of the parts; NULL where there are none, for nothing was metered."""
    parts: bytes = Field(sa_type=LargeBinary)


class SeriesRow(Row, table=True):
    """A SeriesKey, so that a million rows can name it in one number."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("source", "zone", "kind", "accounting", "basis"),)

    id: int | None = _number()
    source: str = _text()
    zone: str = _text()
    kind: str = _text()
    accounting: str = _text()
    basis: str = _text()
    longest_us: int = _micros()
    """Length of its longest observation: how far before a moment one may start and still cover it."""


class ForecastRow(Row, table=True):
    """Append-only: one issue of a forecast, its arrays packed into one blob (see packing.py)."""

    __tablename__ = "forecast"
    __table_args__ = (UniqueConstraint("series_id", "issued_at_us", "method", "digest"),)

    id: int | None = _number()
    series_id: int = Field(foreign_key="series.id")
    issued_at_us: int = _micros()
    fetched_at_us: int = _micros()
    method: str = _text()
    digest: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the values, shortened to 16 bytes."""
    packed: bytes = Field(sa_type=LargeBinary)


class ObservationRow(Row, table=True):
    """Append-only: a published value; the highest id of a start is the newest revision."""

    __tablename__ = "observation"
    __table_args__ = (Index(None, "series_id", "start_us"),)

    id: int | None = _number()
    series_id: int = Field(foreign_key="series.id")
    start_us: int = _micros()
    end_us: int = _micros()
    g_per_kwh: float
    status: str = _text()
    fetched_at_us: int = _micros()
    provider_updated_at_us: int | None = _micros_or_null()
    raw_value: float | None
    raw_unit: str = _text()


class PlanRow(Row, table=True):
    """A plan with its reasons, as a document (a domain Plan, deflated JSON). The newest KEPT_PLANS stay."""

    __tablename__ = "plan"

    id: int | None = _number()
    made_at_us: int = _micros()
    policy: str = _text()
    document: bytes = Field(sa_type=LargeBinary)


class StatementRow(Row, table=True):
    """Append-only: the highest id of a job is its newest statement, the others are its history."""

    __tablename__ = "statement"
    __table_args__ = (Index(None, "job_id", "id"),)

    id: int | None = _number()
    job_id: int = Field(foreign_key="job.id")
    settlement: str = _text()
    document_json: str = _text()
    """A domain EmissionsStatement."""


def _table(row: type[Row]) -> Table:
    return Row.metadata.tables[str(row.__tablename__)]


JOB, JOB_TAG, JOB_EVENT = _table(JobRow), _table(JobTagRow), _table(JobEventRow)
SEGMENT, ENERGY_SLICE = _table(SegmentRow), _table(EnergySliceRow)
SERIES, FORECAST, OBSERVATION = _table(SeriesRow), _table(ForecastRow), _table(ObservationRow)
PLAN, STATEMENT = _table(PlanRow), _table(StatementRow)
