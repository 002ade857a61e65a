"""The numbers that stand for a SeriesKey."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from scheduler.domain.carbon import Accounting, Basis, SeriesKey, SignalKind
from scheduler.storage.records import equal, inserted_id
from scheduler.storage.tables import SERIES


def series_row(connection: Connection, key: SeriesKey) -> Row[Any] | None:
    return connection.execute(select(SERIES).where(equal(SERIES, _values(key)))).one_or_none()


def series_number(connection: Connection, key: SeriesKey) -> int:
    """Given out on first use."""
    row = series_row(connection, key)
    return int(row.id) if row is not None else inserted_id(connection, SERIES, _values(key) | {"longest_us": 0})


def key_from(row: Row[Any]) -> SeriesKey:
    return SeriesKey(row.source, row.zone, SignalKind(row.kind), Accounting(row.accounting), Basis(row.basis))


def _values(key: SeriesKey) -> dict[str, Any]:
    return {
        "source": key.source,
        "zone": key.zone,
        "kind": key.kind.value,
        "accounting": key.accounting.value,
        "basis": key.basis.value,
    }
