"""The dialect of the UK Carbon Intensity API, with the slot that ends at `from` and the object-or-list `data`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid import zones
from scheduler.grid.loopback.dialect import Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

SLOT = timedelta(minutes=30)
NATIONAL = re.compile(r"intensity/(?P<start>[^/]+)/(?P<end>[^/]+)")
REGIONAL = re.compile(
    r"regional/intensity/(?P<start>[^/]+)/(?P<end>[^/]+)/(?P<kind>regionid|postcode)/(?P<region>[^/]+)"
)
WINDOWS = {"fw24h": timedelta(hours=24), "fw48h": timedelta(hours=48), "pt24h": timedelta(hours=-24)}


class UkNesoDialect:
    name = "uk-neso"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        if regional := REGIONAL.fullmatch(request.path):
            return self._regional(request, grid, regional)
        if national := NATIONAL.fullmatch(request.path):
            slots = self._slots(request, grid, national)
            return json_reply({"data": [_national(slot) for slot in slots]})
        return _error("Please enter a valid path")

    def _regional(self, request: Request, grid: LoopbackGrid, match: re.Match[str]) -> Reply:
        by_id = match["kind"] == "regionid"
        if by_id and int(match["region"]) not in zones.GB_REGIONS:
            return _error("Please enter a valid region id")
        if not by_id and not zones.OUTWARD_POSTCODE.fullmatch(match["region"]):
            return _error("Please enter a valid outward postcode")
        number = int(match["region"]) if by_id else 12
        if Fault.WRONG_ZONE in request.faults:
            number = number % 17 + 1
        region = {
            "regionid": number,
            "dnoregion": "Loopback Networks",
            "shortname": zones.GB_REGIONS[number],
            "data": [_regional(slot) for slot in self._slots(request, grid, match)],
        }
        if not by_id:
            region["postcode"] = "ZZ1" if Fault.WRONG_ZONE in request.faults else match["region"]
        # Forward windows come as an object, explicit ranges as a list of one: both were seen.
        return json_reply({"data": region if match["end"] in WINDOWS else [region]})

    def _slots(self, request: Request, grid: LoopbackGrid, match: re.Match[str]) -> list[Slot]:
        start = datetime.fromisoformat(match["start"])
        end = start + WINDOWS[match["end"]] if match["end"] in WINDOWS else datetime.fromisoformat(match["end"])
        # The service includes the slot that ends at `from`.
        window = Interval(min(start, end) - timedelta(seconds=1), max(start, end))
        return bent_slots(request, grid, window, SLOT)


def _national(slot: Slot) -> dict[str, object]:
    intensity = {"forecast": slot.shown_forecast, "actual": slot.shown_actual, "index": "moderate"}
    return {**_times(slot), "intensity": intensity}


def _regional(slot: Slot) -> dict[str, object]:
    mix = [{"fuel": "gas", "perc": 60.0}, {"fuel": "wind", "perc": 40.0}]
    return {
        **_times(slot),
        "intensity": {"forecast": slot.shown_forecast, "index": "moderate"},
        "generationmix": mix,
    }


def _times(slot: Slot) -> dict[str, object]:
    return {"from": f"{slot.interval.start:%Y-%m-%dT%H:%MZ}", "to": f"{slot.interval.end:%Y-%m-%dT%H:%MZ}"}


def _error(message: str) -> Reply:
    return json_reply({"error": {"code": "400 Bad Request", "message": message}}, 400)
