"""Plans with their reasons, as documents."""

from __future__ import annotations

import zlib

from sqlalchemy import delete, select

from scheduler.domain.plans import Plan
from scheduler.storage.documents import Documents
from scheduler.storage.records import Records, inserted_id
from scheduler.storage.tables import PLAN
from scheduler.storage.times import moment_us

KEPT_PLANS = 2_000
"""A week of a plan every five minutes; older ones only took room."""

_documents = Documents(Plan)


class PlanRecords(Records):
    def add_plan(self, plan: Plan) -> None:
        document = zlib.compress(_documents.text(plan.for_the_record()).encode())
        values = {"made_at_us": moment_us(plan.made_at), "policy": plan.policy, "document": document}
        with self._database.writing() as connection:
            number = inserted_id(connection, PLAN, values)
            connection.execute(delete(PLAN).where(PLAN.c.id <= number - KEPT_PLANS))

    def latest_plan(self) -> Plan | None:
        newest = select(PLAN.c.document).order_by(PLAN.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            document = connection.execute(newest).scalar_one_or_none()
        try:
            return None if document is None else _documents.value(zlib.decompress(document))
        except (ValueError, zlib.error):  # msgspec's errors are ValueErrors
            # The next plan keeps to it where it can; nothing is lost but that.
            return None
