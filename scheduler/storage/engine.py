"""All that is particular to SQLite: how a connection is set up, how it begins, and how it is checked and copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

BUSY_TIMEOUT_MS = 5_000
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    # NORMAL may lose the last commits when the power fails, and a lost STARTING row is a job started twice.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
)


def sqlite_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite+pysqlite:///{path}", poolclass=NullPool)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def log_of(database: Path) -> Path:
    """Where SQLite writes first; it is gone once the database was closed by its last process."""
    return database.with_name(database.name + "-wal")


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own: see _begin
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and then writes cannot wait for the lock: it fails at once, whatever the timeout.
    # So whoever may write takes the lock at the start.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def rebuilding(connection: Connection) -> Iterator[None]:
    """For migrations: a table may be rebuilt (dropped and renamed) without its references being followed."""
    raw = _raw(connection)
    raw.execute("PRAGMA foreign_keys = OFF")  # has no effect inside a transaction
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys = ON")


def faults(connection: Connection) -> tuple[str, ...]:
    """What SQLite finds wrong with the file, in its words, at most ten; empty when all is well."""
    found = _quick_check(connection, 10)
    if found:
        return found
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(10)
    return tuple(f"{table} names a missing {parent}" for table, _row, parent, _key in orphans)


def is_damaged(connection: Connection) -> str | None:
    """The first fault of the file's structure, or None."""
    return next(iter(_quick_check(connection, 1)), None)


def _quick_check(connection: Connection, most: int) -> tuple[str, ...]:
    rows = connection.exec_driver_sql(f"PRAGMA quick_check({most})").scalars()
    return tuple(" ".join(str(row).split()) for row in rows if row != "ok")


def copy_to(connection: Connection, target: Path) -> None:
    """A consistent copy, as one file without a -wal; `target` must be a new or empty file."""
    copy = sqlite3.connect(target)
    try:
        _raw(connection).backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()


def _raw(connection: Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)
