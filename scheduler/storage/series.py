"""The numbers that stand for a SeriesKey."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert
from sqlmodel import select

from scheduler.domain.carbon import Accounting, Basis, SeriesKey, SignalKind
from scheduler.storage.tables import SeriesRow


def series_row(connection: Connection, key: SeriesKey) -> Row[Any] | None:
    return connection.execute(select(SeriesRow).where(_is_series(key))).one_or_none()


def series_number(connection: Connection, key: SeriesKey) -> int:
    """Given out on first use."""
    row = series_row(connection, key)
    if row is not None:
        return int(row.id)
    inserted = connection.execute(insert(SeriesRow).values(_values(key) | {"longest_us": 0})).inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


def key_from(row: Row[Any]) -> SeriesKey:
    """From a row that holds the columns of `series`."""
    return SeriesKey(row.source, row.zone, SignalKind(row.kind), Accounting(row.accounting), Basis(row.basis))


def _values(key: SeriesKey) -> dict[str, Any]:
    return {
        "source": key.source,
        "zone": key.zone,
        "kind": key.kind.value,
        "accounting": key.accounting.value,
        "basis": key.basis.value,
    }


def _is_series(key: SeriesKey) -> ColumnElement[bool]:
    return and_(*(getattr(SeriesRow, name) == value for name, value in _values(key).items()))
