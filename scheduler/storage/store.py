"""The durable record in a database: every subject's part over one connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scheduler.storage.database import Database
from scheduler.storage.energy import EnergyRecords
from scheduler.storage.forecasts import ForecastRecords
from scheduler.storage.jobs import JobRecords
from scheduler.storage.locking import WriterLock
from scheduler.storage.observations import ObservationRecords
from scheduler.storage.plans import PlanRecords
from scheduler.storage.segments import SegmentRecords
from scheduler.storage.statements import StatementRecords
from scheduler.storage.upkeep import Upkeep


class SqlStore(
    JobRecords,
    SegmentRecords,
    EnergyRecords,
    ForecastRecords,
    ObservationRecords,
    PlanRecords,
    StatementRecords,
    Upkeep,
):
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
