"""Statements: appended, the newest of a job holds, the earlier ones stay to be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, or_
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from scheduler.domain.lifecycle import TERMINAL
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions, Energy
from scheduler.storage.records import Records, id_list
from scheduler.storage.series import key_from, series_number
from scheduler.storage.tables import JobRow, SeriesRow, StatementRow
from scheduler.storage.times import moment, moment_us

ENDED = sorted(state.value for state in TERMINAL)


class StatementRecords(Records):
    def add_statement(self, statement: EmissionsStatement) -> bool:
        with self._database.writing() as connection:
            newest = _newest_of(connection, [statement.job]).get(statement.job)
            if newest is not None and replace(newest, computed_at=statement.computed_at) == statement:
                return False
            series_id = None if statement.key is None else series_number(connection, statement.key)
            connection.execute(insert(StatementRow).values(_values(statement, series_id)))
        return True

    def statement(self, job_id: int) -> EmissionsStatement | None:
        return self.statements([job_id]).get(job_id)

    def statements(self, job_ids: Iterable[int]) -> Mapping[int, EmissionsStatement]:
        with self._database.reading() as connection:
            return _newest_of(connection, job_ids)

    def statement_history(self, job_id: int) -> tuple[EmissionsStatement, ...]:
        history = _with_series().where(col(StatementRow.job_id) == job_id).order_by(col(StatementRow.id))
        with self._database.reading() as connection:
            return tuple(_statement_from(row) for row in connection.execute(history))

    def unsettled_jobs(self) -> tuple[int, ...]:
        newest = select(func.max(StatementRow.id)).where(col(StatementRow.job_id) == JobRow.id).correlate(JobRow)
        settlement = select(StatementRow.settlement).where(col(StatementRow.id) == newest.scalar_subquery())
        found = settlement.scalar_subquery()
        unsettled = (
            select(JobRow.id)
            .where(col(JobRow.state).in_(ENDED), col(JobRow.started_at_us).is_not(None))
            .where(or_(found.is_(None), found != Settlement.FINAL.value))
            .order_by(col(JobRow.id))
        )
        with self._database.reading() as connection:
            return tuple(connection.execute(unsettled).scalars())


def _newest_of(connection: Connection, job_ids: Iterable[int]) -> dict[int, EmissionsStatement]:
    newest = select(func.max(StatementRow.id)).where(col(StatementRow.job_id).in_(id_list(job_ids)))
    rows = connection.execute(_with_series().where(col(StatementRow.id).in_(newest.group_by(col(StatementRow.job_id)))))
    return {row.job_id: _statement_from(row) for row in rows}


def _with_series() -> Select[Any]:
    statement = StatementRow.metadata.tables["statement"]
    series = SeriesRow.metadata.tables["series"]
    key = (series.c[name] for name in ("source", "zone", "kind", "accounting", "basis"))
    return select_columns(statement, *key).outerjoin_from(statement, series)


def _values(statement: EmissionsStatement, series_id: int | None) -> dict[str, Any]:
    return {
        "job_id": statement.job,
        "settlement": statement.settlement.value,
        "method": statement.method.value,
        "energy_j": statement.energy.joules if statement.energy else None,
        "pue": statement.pue,
        "coverage": statement.coverage,
        "emissions_g": _grams(statement.emissions),
        "run_now_emissions_g": _grams(statement.run_now_emissions),
        "at_submission_emissions_g": _grams(statement.at_submission_emissions),
        "series_id": series_id,
        "computed_at_us": moment_us(statement.computed_at),
        "note": statement.note,
    }


def _grams(emissions: Emissions | None) -> float | None:
    return None if emissions is None else emissions.grams


def _emissions(grams: float | None) -> Emissions | None:
    return None if grams is None else Emissions(grams)


def _statement_from(row: Row[Any]) -> EmissionsStatement:
    return EmissionsStatement(
        job=row.job_id,
        settlement=Settlement(row.settlement),
        method=StatementMethod(row.method),
        energy=None if row.energy_j is None else Energy(row.energy_j),
        pue=row.pue,
        coverage=row.coverage,
        emissions=_emissions(row.emissions_g),
        run_now_emissions=_emissions(row.run_now_emissions_g),
        at_submission_emissions=_emissions(row.at_submission_emissions_g),
        key=None if row.series_id is None else key_from(row),
        computed_at=moment(row.computed_at_us),
        note=row.note,
    )
