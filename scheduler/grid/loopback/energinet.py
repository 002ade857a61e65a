"""The dialect of Energi Data Service: newest hundred first unless told otherwise, UTC that does not say so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.domain.intervals import Interval
from scheduler.grid.loopback.dialect import Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

SLOT = timedelta(minutes=5)
DANISH = ZoneInfo("Europe/Copenhagen")
OBSERVED, FORECAST = "CO2Emis", "CO2EmisProg"


class EnerginetDialect:
    name = "energinet"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        dataset = request.path.removeprefix("dataset/")
        areas = json.loads(request.param("filter", "{}")).get("PriceArea", [])
        if dataset not in (OBSERVED, FORECAST) or not set(areas) <= {"DK1", "DK2"}:
            return json_reply({"message": "Unknown dataset or price area."}, 400)
        area = "DK2" if Fault.WRONG_ZONE in request.faults else areas[0]
        rows = [_record(slot, area, dataset) for slot in self._slots(request, grid, dataset)]
        sort = request.param("sort", "Minutes5UTC DESC")
        if sort.endswith("DESC"):
            rows.reverse()
        limit = int(request.param("limit", "100"))
        return json_reply(
            {
                "total": len(rows),
                "filters": request.param("filter"),
                "sort": sort,
                "limit": limit,
                "dataset": dataset,
                "records": rows[:limit] if limit else rows,
            }
        )

    def _slots(self, request: Request, grid: LoopbackGrid, dataset: str) -> list[Slot]:
        """As the real service may: times of the question are taken for Danish ones, whatever `timezone` says."""
        start, end = (datetime.fromisoformat(request.param(name)).replace(tzinfo=DANISH) for name in ("start", "end"))
        slots = bent_slots(request, grid, Interval(start, end), SLOT)
        if dataset == OBSERVED:
            return [slot for slot in slots if slot.actual is not None]
        now = grid.now().astimezone(DANISH)
        # The end of today, in the afternoon of tomorrow.
        days = 2 if now.hour >= 15 else 1
        last = datetime.combine(now.date() + timedelta(days=days), datetime.min.time(), DANISH)
        return [slot for slot in slots if slot.interval.start < last]


def _record(slot: Slot, area: str, dataset: str) -> dict[str, object]:
    start = slot.interval.start
    return {
        "Minutes5UTC": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        "Minutes5DK": f"{start.astimezone(DANISH):%Y-%m-%dT%H:%M:%S}",
        "PriceArea": area,
        "CO2Emission": slot.shown_actual if dataset == OBSERVED else slot.shown_forecast,
    }
