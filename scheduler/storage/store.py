"""The durable record on SQLite: every part of the store over one connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scheduler.storage.database import Database
from scheduler.storage.energy import EnergyRecords
from scheduler.storage.jobs import JobRecords
from scheduler.storage.locking import WriterLock
from scheduler.storage.segments import SegmentRecords


class SqlStore(JobRecords, SegmentRecords, EnergyRecords):
    """Satisfies scheduler.ports.Store. Used by the thread that opened it, and by no other."""

    def __init__(self, database: Database, lock: WriterLock) -> None:
        super().__init__(database)
        self._lock = lock

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._database.writing():
            yield

    def close(self) -> None:
        self._database.close()
        self._lock.release()
