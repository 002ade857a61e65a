"""One connection, used by one thread, in one transaction at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from scheduler.domain.errors import StorageError
from scheduler.storage.engine import rebuilding
from scheduler.storage.failures import translated


class Database:
    """Lends its connection inside `reading` or `writing`; what happens inside `writing` is one transaction."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.path = path
        self._thread = threading.get_ident()
        self.in_transaction = False
        self._failure: StorageError | None = None
        self._engine = engine
        with translated(path):
            self._connection = engine.connect()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._joined() if self.in_transaction else self._transaction(reading=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._joined() if self.in_transaction else self._transaction(reading=False) as connection:
            yield connection

    @contextmanager
    def rebuilding(self) -> Iterator[Connection]:
        """As `writing`, for migrations: tables may be rebuilt without references being followed meanwhile."""
        with rebuilding(self._connection), self.writing() as connection:
            yield connection

    def close(self) -> None:
        self._check_thread()
        with translated(self.path):
            self._connection.close()
            self._engine.dispose()

    @contextmanager
    def _transaction(self, *, reading: bool) -> Iterator[Connection]:
        self._check_thread()
        with translated(self.path):
            self._connection.execution_options(reading=reading)
            self._connection.begin()
            self.in_transaction = True
            try:
                yield self._connection
                self._refuse_after_failure()
                self._connection.commit()
            except BaseException:
                self._roll_back()
                raise
            finally:
                self.in_transaction, self._failure = False, None

    @contextmanager
    def _joined(self) -> Iterator[Connection]:
        self._check_thread()
        self._refuse_after_failure()
        try:
            with translated(self.path):
                yield self._connection
        except StorageError as error:
            self._failure = error
            raise

    def _refuse_after_failure(self) -> None:
        # A full disk makes SQLite roll back by itself: what came after in the same block would be committed alone.
        if self._failure is not None:
            raise StorageError(f"nothing was written, because a step before failed: {self._failure}") from self._failure

    def _roll_back(self) -> None:
        self._connection.rollback()
        # After a COMMIT that failed SQLAlchemy holds the transaction for ended; SQLite does not.
        self._connection.connection.rollback()

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("a store is used by the thread that opened it, and by no other; open it in that thread")
