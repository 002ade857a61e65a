"""Statements: appended, the newest of a job holds, the earlier ones stay to be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection, func, insert, or_, select

from scheduler.domain.lifecycle import TERMINAL
from scheduler.domain.statements import EmissionsStatement, Settlement
from scheduler.storage.documents import Documents
from scheduler.storage.records import Records, id_list
from scheduler.storage.tables import JOB, STATEMENT

ENDED = sorted(state.value for state in TERMINAL)

_documents = Documents(EmissionsStatement)


class StatementRecords(Records):
    def add_statement(self, statement: EmissionsStatement) -> bool:
        values = {
            "job_id": statement.job,
            "settlement": statement.settlement.value,
            "document_json": _documents.text(statement),
        }
        with self._database.writing() as connection:
            newest = _newest_of(connection, [statement.job]).get(statement.job)
            if newest is not None and replace(newest, computed_at=statement.computed_at) == statement:
                return False
            connection.execute(insert(STATEMENT), values)
        return True

    def statement(self, job_id: int) -> EmissionsStatement | None:
        return self.statements([job_id]).get(job_id)

    def statements(self, job_ids: Iterable[int]) -> Mapping[int, EmissionsStatement]:
        with self._database.reading() as connection:
            return _newest_of(connection, job_ids)

    def statement_history(self, job_id: int) -> tuple[EmissionsStatement, ...]:
        of_job = select(STATEMENT.c.document_json).where(STATEMENT.c.job_id == job_id).order_by(STATEMENT.c.id)
        with self._database.reading() as connection:
            return tuple(_documents.values(connection.execute(of_job).scalars().all()))

    def unsettled_jobs(self) -> tuple[int, ...]:
        of_job = select(STATEMENT.c.settlement).where(STATEMENT.c.job_id == JOB.c.id)
        settlement = of_job.order_by(STATEMENT.c.id.desc()).limit(1).scalar_subquery()
        unsettled = (
            select(JOB.c.id)
            .where(JOB.c.state.in_(ENDED), JOB.c.started_at_us.is_not(None))
            .where(or_(settlement.is_(None), settlement == Settlement.PROVISIONAL.value))
            .order_by(JOB.c.id)
        )
        with self._database.reading() as connection:
            return tuple(connection.execute(unsettled).scalars())


def _newest_of(connection: Connection, job_ids: Iterable[int]) -> dict[int, EmissionsStatement]:
    job = STATEMENT.c.job_id
    newest = select(func.max(STATEMENT.c.id)).where(job.in_(id_list(job_ids))).group_by(job)
    found = connection.execute(select(STATEMENT.c.document_json).where(STATEMENT.c.id.in_(newest))).scalars().all()
    return {statement.job: statement for statement in _documents.values(found)}
