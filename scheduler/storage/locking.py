"""One process writes the database: the one that holds the lock on `<database>.lock`."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from scheduler.domain.errors import DatabaseLocked, StorageError


class WriterLock:
    """Held from construction to `release`; the kernel frees it with the process, however that ends."""

    def __init__(self, database: Path) -> None:
        self._file = _open(database.with_name(database.name + ".lock"))
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise DatabaseLocked(_held_by(holder, database)) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StorageError(f"the lock file {path} cannot be opened ({error.strerror}); check who owns it") from error


def _held_by(holder: str, database: Path) -> str:
    who = f"process {holder}" if holder else "another process"
    stop = f"stop it first (`kill {holder}`, or `systemctl --user stop carbonq`)" if holder else "stop it first"
    return f"{database} is in use by {who}; {stop}, or let this daemon keep its files elsewhere (CARBONQ_HOME)"
