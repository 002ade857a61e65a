"""The durable record: the only room that knows sqlmodel, sqlalchemy and alembic; and the spool for secrets."""

from scheduler.storage.opening import open_store as open_store
from scheduler.storage.secrets import FileSecretSpool as FileSecretSpool
from scheduler.storage.store import SqlStore as SqlStore
