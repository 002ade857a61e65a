"""Opening the store: one process, a sound file, the schema of this carbonq."""

from __future__ import annotations

import os
from pathlib import Path

from scheduler.domain.errors import StorageError
from scheduler.storage.database import Database
from scheduler.storage.engine import is_damaged, log_of, sqlite_engine
from scheduler.storage.failures import restore_advice
from scheduler.storage.locking import WriterLock
from scheduler.storage.schema import upgrade
from scheduler.storage.store import SqlStore

SQLITE_URL = "sqlite:///"


def open_store(url_or_path: Path | str, *, backup_dir: Path | None = None) -> SqlStore:
    """The store kept in this file, made (0600) where there is none; copies before migrations go to `backup_dir`.

    Waits for nothing: DatabaseLocked when another process has the store, DatabaseTooNew when a newer carbonq wrote it.
    """
    path = _path(url_or_path)
    _make_private_file(path)
    lock = WriterLock(path)
    try:
        return SqlStore(_ready(path, backup_dir or path.parent / "backups"), lock)
    except BaseException:
        lock.release()
        raise


def _path(url_or_path: Path | str) -> Path:
    text = str(url_or_path)
    if "://" in text and not text.startswith(SQLITE_URL):
        raise StorageError(f"'{text}' is no database of carbonq's; give a file, or {SQLITE_URL}/path/to/carbonq.db")
    return Path(text.removeprefix(SQLITE_URL)).absolute()


def _make_private_file(path: Path) -> None:
    # SQLite gives its -wal and -shm files the mode of the database.
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StorageError(f"the database {path} cannot be opened ({error.strerror}); check who owns it") from error


def _ready(path: Path, backup_dir: Path) -> Database:
    was_closed = not log_of(path).exists()
    database = Database(sqlite_engine(path), path)
    try:
        if not was_closed:
            _look_through(database)
        upgrade(database, backup_dir)
    except BaseException:
        database.close()
        raise
    return database


def _look_through(database: Database) -> None:
    """After a crash. After a clean end SQLite itself notices a file cut short, and `check` looks for the rest."""
    with database.reading() as connection:
        damage = is_damaged(connection)
    if damage is not None:
        raise StorageError(f"{database.path} is damaged ({damage}); {restore_advice(database.path)}")
