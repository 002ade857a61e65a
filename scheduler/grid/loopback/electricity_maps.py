"""The dialect of Electricity Maps, version 3: keys that cover little, estimates that turn into measurements."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid.loopback.dialect import FREE_KEY, KEY, Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

HOUR = timedelta(hours=1)
ESTIMATED_FOR = timedelta(hours=3)
CALLERS_ZONE = "US-CAR-DUK"
"""Answered for when the zone is unknown and the caller did not forbid it."""
FREE_ACCESS = ["carbon-intensity/latest", "carbon-intensity/history"]


class ElectricityMapsDialect:
    name = "electricity-maps"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        key = request.headers.get("auth-token", "")
        if key not in (KEY, FREE_KEY):
            return json_reply({"error": "Invalid auth-token"}, 401)
        if request.path == "zones":
            access = ["*"] if key == KEY else FREE_ACCESS
            zones = {"FR": {"zoneName": "France", "access": access}, "DE": {"zoneName": "Germany", "access": access}}
            return json_reply(zones if key == KEY else {"DE": zones["DE"]})
        if key == FREE_KEY and request.path not in FREE_ACCESS:
            zone = request.param("zone")
            return json_reply({"error": f"Request unauthorized for zoneKey={zone},dataType=carbon-intensity."}, 401)
        return self._series(request, grid)

    def _series(self, request: Request, grid: LoopbackGrid) -> Reply:
        zone = request.param("zone")
        if zone not in ("DE", "FR") and request.param("disableCallerLookup") == "true":
            return json_reply({"status": "error", "message": f"Zone {zone} does not exist."}, 400)
        if zone not in ("DE", "FR") or Fault.WRONG_ZONE in request.faults:
            zone = CALLERS_ZONE
        hour = _hour(grid.now())
        match request.path:
            case "carbon-intensity/history":
                slots = bent_slots(request, grid, Interval(hour - 24 * HOUR, hour), HOUR)
                rows = [_measured(slot, zone, grid.now()) for slot in slots]
                return json_reply({"zone": zone, "history": rows})
            case "carbon-intensity/past-range":
                return self._past_range(request, grid, zone)
            case "carbon-intensity/forecast":
                slots = bent_slots(request, grid, Interval(hour, hour + 25 * HOUR), HOUR)
                rows = [{"carbonIntensity": slot.shown_forecast, "datetime": _stamp(slot)} for slot in slots]
                return json_reply({"zone": zone, "forecast": rows, "updatedAt": f"{hour:%Y-%m-%dT%H:%M:%S}.043Z"})
        return json_reply({"error": "Endpoint not available"}, 401)

    def _past_range(self, request: Request, grid: LoopbackGrid, zone: str) -> Reply:
        start, end = (datetime.fromisoformat(request.param(name)) for name in ("start", "end"))
        if end - start > timedelta(days=10):
            return json_reply({"status": "error", "message": "The time range is too long, at most 10 days."}, 400)
        slots = bent_slots(request, grid, Interval(start, end), HOUR) if start < end else []
        rows = [_measured(slot, zone, grid.now()) for slot in slots if slot.interval.start < grid.now()]
        return json_reply({"zone": zone, "data": rows, "temporalGranularity": "hourly"})


def _measured(slot: Slot, zone: str, now: datetime) -> dict[str, object]:
    start = slot.interval.start
    estimated = now - start < ESTIMATED_FOR
    value = slot.shown_forecast if slot.actual is None else slot.shown_actual
    updated_at = start - timedelta(minutes=11) if estimated else min(start + 18 * HOUR, now)
    return {
        "zone": zone,
        "carbonIntensity": value,
        "datetime": _stamp(slot),
        "updatedAt": f"{updated_at:%Y-%m-%dT%H:%M:%S}.926Z",
        "createdAt": f"{start - 72 * HOUR:%Y-%m-%dT%H:%M:%S}.265Z",
        "emissionFactorType": "lifecycle",
        "isEstimated": estimated,
        "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
    }


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _stamp(slot: Slot) -> str:
    return f"{slot.interval.start:%Y-%m-%dT%H:%M:%S}.000Z"
