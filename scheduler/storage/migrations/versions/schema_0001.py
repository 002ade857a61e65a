"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INT, LONG, FLOAT, BOOL = sa.Integer(), sa.BigInteger(), sa.Float(), sa.Boolean()
TEXT, BYTES = sa.Text(), sa.LargeBinary()

OPEN_SEGMENT = sa.text("state IN ('starting', 'running') OR readings_upto < last_seq")


def upgrade() -> None:
    _jobs()
    _segments()
    _carbon()
    _plans_and_statements()


def _always(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _maybe(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _jobs() -> None:
    """A job, its tags and its events."""
    op.create_table(
        "job",
        _always("id", INT),
        _always("state", TEXT),
        _always("owner_uid", LONG),
        _always("owner_name", TEXT),
        _maybe("project", TEXT),
        _maybe("zone", TEXT),
        _always("submitted_at_us", LONG),
        _maybe("started_at_us", LONG),
        _always("likeness", BYTES),
        _always("document_json", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_likeness", "job", ["likeness"])
    op.create_index("ix_job_state", "job", ["state"])
    op.create_index("ix_job_submitted_at_us", "job", ["submitted_at_us"])
    op.create_table(
        "job_tag",
        _always("tag", TEXT),
        _always("job_id", INT),
        sa.PrimaryKeyConstraint("tag", "job_id", name="pk_job_tag"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_tag_job"),
    )
    op.create_table(
        "job_event",
        _always("id", INT),
        _always("job_id", INT),
        _always("at_us", LONG),
        _always("event", TEXT),
        _always("state", TEXT),
        _always("reason", TEXT),
        _maybe("detail", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_job_event"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_event_job"),
    )
    op.create_index("ix_job_event_job_id", "job_event", ["job_id"])


def _segments() -> None:
    """The starts of jobs and what they drew."""
    op.create_table(
        "segment",
        _always("job_id", INT),
        _always("attempt", INT),
        _always("number", INT),
        _always("state", TEXT),
        _always("created_at_us", LONG),
        _always("gpu_uuids_json", TEXT),
        _always("resume", BOOL),
        _maybe("host", TEXT),
        _maybe("started_at_us", LONG),
        _maybe("ended_at_us", LONG),
        _maybe("exit_code", INT),
        _maybe("stop_reason", TEXT),
        _always("readings_upto", INT),
        _maybe("last_seq", INT),
        sa.PrimaryKeyConstraint("job_id", "attempt", "number", name="pk_segment"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_segment_job"),
    )
    op.create_index(
        "ix_segment_open", "segment", ["created_at_us"], sqlite_where=OPEN_SEGMENT, postgresql_where=OPEN_SEGMENT
    )
    op.create_table(
        "energy_slice",
        _always("job_id", INT),
        _always("attempt", INT),
        _always("number", INT),
        _always("seq", INT),
        _always("start_us", LONG),
        _always("end_us", LONG),
        _maybe("energy_j", FLOAT),
        _always("parts", BYTES),
        sa.PrimaryKeyConstraint("job_id", "attempt", "number", "seq", name="pk_energy_slice"),
        sa.ForeignKeyConstraint(
            ["job_id", "attempt", "number"],
            ["segment.job_id", "segment.attempt", "segment.number"],
            name="fk_energy_slice_segment",
        ),
    )


def _carbon() -> None:
    """Carbon intensity, forecast and observed."""
    op.create_table(
        "series",
        _always("id", INT),
        _always("source", TEXT),
        _always("zone", TEXT),
        _always("kind", TEXT),
        _always("accounting", TEXT),
        _always("basis", TEXT),
        _always("longest_us", LONG),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint(
            "source", "zone", "kind", "accounting", "basis", name="uq_series_source_zone_kind_accounting_basis"
        ),
    )
    op.create_table(
        "forecast",
        _always("id", INT),
        _always("series_id", INT),
        _always("issued_at_us", LONG),
        _always("fetched_at_us", LONG),
        _always("method", TEXT),
        _always("digest", BYTES),
        _always("packed", BYTES),
        sa.PrimaryKeyConstraint("id", name="pk_forecast"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_forecast_series"),
        sa.UniqueConstraint(
            "series_id", "issued_at_us", "method", "digest", name="uq_forecast_series_id_issued_at_us_method_digest"
        ),
    )
    op.create_table(
        "observation",
        _always("id", INT),
        _always("series_id", INT),
        _always("start_us", LONG),
        _always("end_us", LONG),
        _always("g_per_kwh", FLOAT),
        _always("status", TEXT),
        _always("fetched_at_us", LONG),
        _maybe("provider_updated_at_us", LONG),
        _maybe("raw_value", FLOAT),
        _always("raw_unit", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_observation"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_observation_series"),
    )
    op.create_index("ix_observation_series_id_start_us", "observation", ["series_id", "start_us"])


def _plans_and_statements() -> None:
    """What was decided, and what came of it."""
    op.create_table(
        "plan",
        _always("id", INT),
        _always("made_at_us", LONG),
        _always("policy", TEXT),
        _always("document", BYTES),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )
    op.create_table(
        "statement",
        _always("id", INT),
        _always("job_id", INT),
        _always("settlement", TEXT),
        _always("document_json", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_statement"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_statement_job"),
    )
    op.create_index("ix_statement_job_id_id", "statement", ["job_id", "id"])
