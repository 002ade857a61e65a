"""The dialect of Electricity Maps, versions 3 and 4: keys that cover little, estimates that turn into measurements."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid import places
from scheduler.grid.loopback.dialect import FREE_KEY, KEY, Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

HOUR = timedelta(hours=1)
ESTIMATED_FOR = timedelta(hours=3)
KNOWN = ("DE", "FR")
CALLERS_ZONE = "US-CAR-DUK"
"""Answered for when the zone is unknown and the caller did not forbid it."""
FREE_ACCESS = ["carbon-intensity/latest", "carbon-intensity/history"]


class ElectricityMapsDialect:
    """Below `v4/` as version 4 does, elsewhere (`v3/` or nothing) as version 3."""

    name = "electricity-maps"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        newer = request.path.startswith("v4/")
        path = request.path.removeprefix("v3/").removeprefix("v4/")
        request = replace(request, path=path)
        key = request.headers.get("auth-token", "")
        if key not in (KEY, FREE_KEY):
            return json_reply({"error": "Invalid auth-token"}, 401)
        if path == "zones":
            return json_reply(_zones(key, newer))
        zone = request.param("zone") or _zone_around(request)
        if key == FREE_KEY and (path not in FREE_ACCESS or zone != "DE"):
            return json_reply({"error": f"Request unauthorized for zoneKey={zone},dataType=carbon-intensity."}, 401)
        return self._about(zone, request, grid, newer)

    def _about(self, zone: str, request: Request, grid: LoopbackGrid, newer: bool) -> Reply:
        if zone not in KNOWN and request.param("disableCallerLookup") == "true":
            return json_reply({"status": "error", "message": f"Zone {zone} does not exist."}, 400)
        if zone not in KNOWN or Fault.WRONG_ZONE in request.faults:
            zone = CALLERS_ZONE
        said = self._series(zone, request, grid, newer)
        if said is None:
            return json_reply({"error": "Endpoint not available"}, 404 if newer else 401)
        if "error" in said.values():
            return json_reply(said, 400)
        return json_reply(said | {"temporalGranularity": "hourly"} if newer else said)

    def _series(self, zone: str, request: Request, grid: LoopbackGrid, newer: bool) -> dict[str, object] | None:
        now = grid.now()
        hour = _hour(now)
        match request.path:
            case "carbon-intensity/latest":
                (slot,) = bent_slots(request, grid, Interval(hour, hour + HOUR), HOUR)[:1]
                return _measured(slot, zone, request, now)
            case "carbon-intensity/history":
                slots = bent_slots(request, grid, Interval(hour - 24 * HOUR, hour), HOUR)
                return {"zone": zone, "history": [_measured(slot, zone, request, now) for slot in slots]}
            case "carbon-intensity/past-range":
                return self._past_range(request, grid, zone)
            case "carbon-intensity/forecast":
                slots = bent_slots(request, grid, Interval(hour, hour + 25 * HOUR), HOUR)
                rows = [{"carbonIntensity": slot.shown_forecast, "datetime": _stamp(slot)} for slot in slots]
                return {"zone": zone, "forecast": rows, "updatedAt": f"{hour:%Y-%m-%dT%H:%M:%S}.043Z"}
            case "updated-since" if not newer:
                return _updated(request, grid, zone)
        return None

    def _past_range(self, request: Request, grid: LoopbackGrid, zone: str) -> dict[str, object]:
        start, end = _window(request)
        if end - start > timedelta(days=10):
            return {"status": "error", "message": "The time range is too long, at most 10 days."}
        slots = bent_slots(request, grid, Interval(start, end), HOUR) if start < end else []
        rows = [_measured(slot, zone, request, grid.now()) for slot in slots if slot.interval.start < grid.now()]
        return {"zone": zone, "data": rows, "temporalGranularity": "hourly"}


def _zones(key: str, newer: bool) -> dict[str, object]:
    access = ["*"] if key == KEY else FREE_ACCESS
    listed: dict[str, object] = {zone: {"zoneName": zone, "access": access} for zone in KNOWN}
    if key == FREE_KEY:
        listed = {"DE": listed["DE"]}
    return {"zones": listed} if newer else listed


def _zone_around(request: Request) -> str:
    place = places.place_of(f"{request.param('lat')},{request.param('lon')}")
    around = places.zones_at(place) if place else ()
    return around[0] if around else "nowhere"


def _updated(request: Request, grid: LoopbackGrid, zone: str) -> dict[str, object]:
    """Which hours have changed since; at most `limit` of them."""
    start, end = _window(request)
    since, limit = datetime.fromisoformat(request.param("since")), int(request.param("limit", "100"))
    rows = [_measured(slot, zone, request, grid.now()) for slot in grid.slots(Interval(start, end), HOUR)]
    updates = [
        {"updated_at": row["updatedAt"], "datetime": row["datetime"]}
        for row in rows
        if datetime.fromisoformat(str(row["updatedAt"])) >= since
    ]
    return {"zone": zone, "updates": updates[:limit], "limit": limit, "limitReached": len(updates) > limit}


def _window(request: Request) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(request.param("start")), datetime.fromisoformat(request.param("end"))


def _measured(slot: Slot, zone: str, request: Request, now: datetime) -> dict[str, object]:
    start = slot.interval.start
    estimated = now - start < ESTIMATED_FOR
    value = slot.shown_forecast if slot.actual is None else slot.shown_actual
    updated_at = start + (timedelta(minutes=-11) if estimated else 25 * HOUR if slot.revised else ESTIMATED_FOR)
    return {
        "zone": zone,
        "carbonIntensity": value,
        "datetime": _stamp(slot),
        "updatedAt": f"{updated_at:%Y-%m-%dT%H:%M:%S}.926Z",
        "createdAt": f"{start - 72 * HOUR:%Y-%m-%dT%H:%M:%S}.265Z",
        "emissionFactorType": request.param("emissionFactorType", "lifecycle"),
        "isEstimated": estimated,
        "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
    }


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _stamp(slot: Slot) -> str:
    return f"{slot.interval.start:%Y-%m-%dT%H:%M:%S}.000Z"
