"""The dialect of the platform that publishes éCO2mix: a bare list, null where nothing is known yet."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid.loopback.dialect import Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

PATH = "api/explore/v2.1/catalog/datasets/eco2mix-national-tr/exports/json"
SLOT = timedelta(minutes=15)
DATES = re.compile(r"date_heure >= date'([^']+)' and date_heure < date'([^']+)'")


class RteDialect:
    name = "rte"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        window = DATES.fullmatch(request.param("where"))
        if request.path != PATH or window is None:
            return json_reply({"error_code": "ODSQLError", "message": "The query is not valid."}, 400)
        start, end = (datetime.fromisoformat(text) for text in window.groups())
        return json_reply([_record(slot) for slot in bent_slots(request, grid, Interval(start, end), SLOT)])


def _record(slot: Slot) -> dict[str, object]:
    """The real service has a value each half hour only, now and then."""
    start = slot.interval.start
    value = None if start.hour == 3 and start.minute % 30 else slot.shown_actual
    return {"date_heure": start.isoformat(), "taux_co2": value}
