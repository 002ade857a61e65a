"""What the database says when something is wrong, in our words."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from scheduler.domain.errors import DatabaseLocked, DiskFull, StorageError

FULL_BELOW_BYTES = 1 << 20
"""With less room than this an IOERR is a full disk: SQLite says so when it cannot grow its -shm file."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Every failure of the database at `path` becomes a StorageError that names the next step."""
    try:
        yield
    except DBAPIError as error:
        raise storage_error(path, error.orig or error) from error
    except sqlite3.Error as error:
        raise storage_error(path, error) from error


def storage_error(path: Path, error: BaseException) -> StorageError:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _is_full(path)):
        return DiskFull(f"the disk that holds {path} is full; nothing was written: make room there, then do it again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DatabaseLocked(
            f"another process is writing to {path}; close what has it open (`fuser {path}` says what) and try again"
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StorageError(f"{path} is damaged or is not a carbonq database ({error}); {restore_advice(path)}")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageError(f"{path} cannot be written ({error}); check who owns it and whether its disk is read-only")
    return StorageError(f"the database {path} failed: {error}")


def restore_advice(path: Path) -> str:
    return f"move it aside, with {path.name}-wal and {path.name}-shm, and put a backup in its place (docs/storage.md)"


def _is_full(path: Path) -> bool:
    return shutil.disk_usage(path.parent).free < FULL_BELOW_BYTES
