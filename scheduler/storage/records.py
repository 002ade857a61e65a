"""What the parts of the store, one a subject, have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, and_, bindparam, insert

from scheduler.storage.database import Database


class Records:
    def __init__(self, database: Database) -> None:
        self._database = database


def inserted_id(connection: Connection, table: Table, values: dict[str, Any]) -> int:
    key = connection.execute(insert(table), values).inserted_primary_key
    assert key is not None
    return int(key[0])


def id_list(ids: Iterable[int]) -> BindParameter[Any]:
    """For `column.in_()`: the numbers are written into the statement, so that there may be more than parameters can."""
    return bindparam("ids", sorted(set(ids)), expanding=True, literal_execute=True)


def equal(table: Table, values: dict[str, Any]) -> ColumnElement[bool]:
    """Every one of these columns has its value."""
    return and_(*(table.c[name] == value for name, value in values.items()))


def differing(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """The columns that an update has to set."""
    return {name: value for name, value in new.items() if value != old[name]}
