"""The dialect of WattTime, version 3: tokens that expire, plans, inclusive ends, values that fill in late."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.domain.units import G_PER_KWH_PER_LB_PER_MWH
from scheduler.grid.loopback.dialect import KEY, Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

SLOT = timedelta(minutes=5)
TOKEN_LIFE = timedelta(minutes=30)
LONGEST_RANGE = timedelta(days=32)
USER = "loopback"
COVERED = ("CAISO_NORTH", "PJM_CHICAGO")
KNOWN = (*COVERED, "ERCOT_EASTTX")
ALL_PATHS = ["v3/forecast", "v3/forecast/historical", "v3/historical", "v3/signal-index"]


class WattTimeDialect:
    name = "watttime"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        if request.path == "login":
            return self._login(request, grid)
        if not self._is_fresh(request.headers.get("authorization", ""), grid.now()):
            return json_reply({"error": "Invalid token"}, 401)
        if request.path == "v3/my-access":
            return json_reply({"signal_types": [_access(signal) for signal in ("co2_moer", "co2_aoer")]})
        if request.path == "v3/region-from-loc":
            return self._region(request)
        region, signal = request.param("region"), request.param("signal_type")
        if region not in KNOWN or signal not in ("co2_moer", "co2_aoer"):
            return json_reply({"error": "Invalid query parameters", "message": "Unknown region or signal."}, 400)
        if request.path == "v3/signal-index":
            return self._index(request, grid)
        if region not in COVERED:
            return json_reply({"error": "Invalid query parameters", "message": "Invalid scope."}, 403)
        if request.path == "v3/forecast":
            return self._forecast(request, grid)
        if request.path == "v3/historical":
            return self._historical(request, grid)
        return json_reply({"error": "Not found"}, 404)

    def _login(self, request: Request, grid: LoopbackGrid) -> Reply:
        expected = base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return json_reply({"error": "Unauthorized"}, 401)
        # The token says until when it is good, so the server need not remember any.
        return json_reply({"token": f"until-{(grid.now() + TOKEN_LIFE).timestamp():.0f}"})

    def _is_fresh(self, authorization: str, now: datetime) -> bool:
        until = authorization.removeprefix("Bearer until-")
        return until.isdigit() and now.timestamp() < int(until)

    def _region(self, request: Request) -> Reply:
        """North of 37 degrees in the west of America is one region, and that is all there is."""
        latitude, longitude = (request.param(name) for name in ("latitude", "longitude"))
        signal = request.param("signal_type")
        if 37 <= float(latitude) < 42 and -125 < float(longitude) < -119:
            name = "California ISO Northern"
            return json_reply({"region": "CAISO_NORTH", "region_full_name": name, "signal_type": signal})
        error = "No coverage available for these coordinates and signal_type"
        return json_reply({"error": error, "latitude": latitude, "longitude": longitude, "signal_type": signal}, 404)

    def _index(self, request: Request, grid: LoopbackGrid) -> Reply:
        """To be had for every region, whatever the plan."""
        start = _slot_start(grid.now())
        (slot,) = bent_slots(request, grid, Interval(start, start + SLOT), SLOT)[:1]
        value = round(min(100.0, slot.forecast / 4), 1) if slot.bad_value is None else slot.bad_value
        meta = _meta(request) | {"units": "percentile"}
        return json_reply({"data": [{"point_time": start.isoformat(), "value": value}], "meta": meta})

    def _forecast(self, request: Request, grid: LoopbackGrid) -> Reply:
        start = _slot_start(grid.now())
        hours = timedelta(hours=int(request.param("horizon_hours", "24")))
        slots = bent_slots(request, grid, Interval(start, start + max(hours, SLOT)), SLOT)
        points = [{"point_time": _stamp(slot), "value": _pounds(slot.shown_forecast)} for slot in slots]
        meta = _meta(request) | {"generated_at": start.isoformat()}
        return json_reply({"data": points, "meta": meta})

    def _historical(self, request: Request, grid: LoopbackGrid) -> Reply:
        start, end = (datetime.fromisoformat(request.param(name)) for name in ("start", "end"))
        if end - start > LONGEST_RANGE:
            return json_reply({"error": "Invalid query parameters", "message": "At most 32 days at once."}, 400)
        since = datetime.fromisoformat(request.param("updated_since", "1970-01-01T00:00:00+00:00"))
        slots = bent_slots(request, grid, Interval(start, end + timedelta(seconds=1)), SLOT)
        points = [_point(slot) for slot in slots if slot.actual is not None and _updated(slot) >= since]
        return json_reply({"data": points, "meta": _meta(request)})


def _slot_start(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // 300 * 300, now.tzinfo)


def _access(signal: str) -> dict[str, object]:
    """The plan: two regions whole, of the third the index; of averages there is no forecast."""
    paths = {region: ["v3/historical"] if signal == "co2_aoer" else ALL_PATHS for region in COVERED}
    if signal == "co2_moer":
        paths |= {region: ["v3/signal-index"] for region in KNOWN if region not in COVERED}
    regions = [
        {
            "region": region,
            "region_full_name": region.title(),
            "parent": "USA",
            "data_point_period_seconds": 300,
            "endpoints": [{"endpoint": path, "models": [{"model": "2026-03-01"}]} for path in listed],
        }
        for region, listed in paths.items()
    ]
    return {"signal_type": signal, "regions": regions}


def _point(slot: Slot) -> dict[str, object]:
    return {
        "point_time": _stamp(slot),
        "value": _pounds(slot.shown_actual),
        "last_updated": _updated(slot).isoformat(),
        "imputed_data_used": not slot.revised,
    }


def _updated(slot: Slot) -> datetime:
    """Once when it is first published, and once more a day later."""
    return slot.interval.end + (timedelta(hours=24) if slot.revised else timedelta(0))


def _pounds(value: float | str | None) -> float | str | None:
    return value if value is None or isinstance(value, str) else value / G_PER_KWH_PER_LB_PER_MWH


def _meta(request: Request) -> dict[str, object]:
    region = request.param("region")
    return {
        "region": "PJM_DC" if Fault.WRONG_ZONE in request.faults else region,
        "signal_type": request.param("signal_type"),
        "units": "lbs_co2_per_mwh",
        "data_point_period_seconds": 300,
        "model": {
            "date": "2026-10-01" if Fault.MODEL_SWITCH in request.faults else "2026-03-01",
            "type": "binned_regression",
        },
        "warnings": [{"type": "MISSING_DATA", "message": "recent points will most likely fill in"}],
    }


def _stamp(slot: Slot) -> str:
    return slot.interval.start.isoformat()
