"""The health of the database, and copies of it."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from scheduler.domain.errors import StorageError
from scheduler.storage.copying import copy_whole
from scheduler.storage.engine import faults
from scheduler.storage.failures import restore_advice
from scheduler.storage.records import Records

LITTLE_ROOM_BYTES = 100 * 1_000_000


class Upkeep(Records):
    def check(self) -> tuple[str, ...]:
        return (*self._damage(), *_readable_by_others(self._database.path), *_little_room(self._database.path))

    def backup(self, path: str) -> None:
        if self._database.in_transaction:
            # SQLite would wait for the writer to end, and that is us.
            raise RuntimeError("a copy is made between transactions, not inside one")
        copy_whole(self._database, Path(path).absolute())

    def _damage(self) -> tuple[str, ...]:
        path = self._database.path
        try:
            with self._database.reading() as connection:
                found = faults(connection)
        except StorageError as error:
            return (str(error),)
        return tuple(f"the database {path} is damaged: {fault}; {restore_advice(path)}" for fault in found)


def _readable_by_others(path: Path) -> tuple[str, ...]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & 0o077:
        return ()
    return (f"the database {path} is open to other users (mode {mode:04o}); close it with `chmod 600 {path}`",)


def _little_room(path: Path) -> tuple[str, ...]:
    free = shutil.disk_usage(path.parent).free
    if free >= LITTLE_ROOM_BYTES:
        return ()
    return (f"only {free / 1e6:.0f} MB are free on the disk that holds {path}; make room before it is full",)
