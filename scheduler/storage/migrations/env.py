"""What Alembic runs: the migrations, inside the transaction that `schema.upgrade` has begun."""

from __future__ import annotations

from alembic import context

from scheduler.storage.tables import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
