"""Copies of the database: consistent, readable by its owner alone, and never half there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from scheduler.domain.errors import StorageError
from scheduler.storage.database import Database
from scheduler.storage.engine import copy_to
from scheduler.storage.failures import translated


def copy_whole(database: Database, target: Path) -> None:
    """Replaces `target`, once the copy is complete and on disk."""
    if target.exists() and target.samefile(database.path):
        raise StorageError(f"{target} is the database itself; name another file for the copy")
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with database.reading() as connection, translated(target):
            copy_to(connection, partial)
        partial.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise StorageError(f"no copy of {database.path} could be made at {target}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
