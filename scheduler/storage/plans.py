"""Plans with their reasons, as documents."""

from __future__ import annotations

import zlib

import msgspec
from sqlalchemy import delete, insert
from sqlmodel import col, select

from scheduler.domain.plans import Plan
from scheduler.storage.records import Records
from scheduler.storage.tables import PlanRow
from scheduler.storage.times import moment_us

KEPT_PLANS = 2_000
"""A week of a plan every five minutes; older ones only took room."""

_plan = msgspec.json.Decoder(Plan)


class PlanRecords(Records):
    def add_plan(self, plan: Plan) -> None:
        document = zlib.compress(msgspec.json.encode(plan))
        values = {"made_at_us": moment_us(plan.made_at), "policy": plan.policy, "document": document}
        with self._database.writing() as connection:
            inserted = connection.execute(insert(PlanRow).values(values)).inserted_primary_key
            assert inserted is not None
            connection.execute(delete(PlanRow).where(col(PlanRow.id) <= inserted[0] - KEPT_PLANS))

    def latest_plan(self) -> Plan | None:
        newest = select(PlanRow.document).order_by(col(PlanRow.id).desc()).limit(1)
        with self._database.reading() as connection:
            document = connection.execute(newest).scalar_one_or_none()
        return None if document is None else _plan.decode(zlib.decompress(document))
