"""A job may have an idempotency key; a segment tells how long it ran and whether its work was kept. Old ones: NULL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("job", sa.Column("idempotency_key", sa.Text(), nullable=True))
    op.create_index("ix_job_owner_uid_idempotency_key", "job", ["owner_uid", "idempotency_key"], unique=True)
    op.add_column("segment", sa.Column("work_kept", sa.Boolean(), nullable=True))
    op.add_column("segment", sa.Column("ran_us", sa.BigInteger(), nullable=True))
