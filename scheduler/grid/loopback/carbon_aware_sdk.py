"""The dialect of the Carbon Aware SDK's WebAPI: seven digits of a second, durations that may be missing."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid.loopback.dialect import Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

OBSERVED_STEP, FORECAST_STEP = timedelta(hours=1), timedelta(minutes=30)
LOCATIONS = ("eastus", "northeurope")


class CarbonAwareSdkDialect:
    name = "carbon-aware-sdk"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        location = request.param("location")
        if location not in LOCATIONS:
            problem = {"title": "ArgumentException", "status": 400, "detail": f"Unknown location {location}"}
            return json_reply(problem, 400)
        if Fault.WRONG_ZONE in request.faults:
            location = "westus"
        match request.path:
            case "emissions/bylocation":
                return self._observed(request, grid, location)
            case "emissions/forecasts/current":
                return self._forecast(request, grid, location)
        return json_reply({"title": "Not Found", "status": 404}, 404)

    def _observed(self, request: Request, grid: LoopbackGrid, location: str) -> Reply:
        start, end = (datetime.fromisoformat(request.param(name)) for name in ("time", "toTime"))
        slots = [slot for slot in bent_slots(request, grid, Interval(start, end), OBSERVED_STEP) if slot.actual]
        if not slots:
            return Reply(204, b"")
        return json_reply(
            [
                {
                    "location": location,
                    "time": f"{slot.interval.start:%Y-%m-%dT%H:%M:%S}.0000000+00:00",
                    "rating": slot.shown_actual,
                    "duration": "01:00:00",
                }
                for slot in slots
            ]
        )

    def _forecast(self, request: Request, grid: LoopbackGrid, location: str) -> Reply:
        now = grid.now()
        slots = bent_slots(request, grid, Interval(now, now + timedelta(hours=24)), FORECAST_STEP)
        points = [_point(slot) for slot in slots]
        found = {
            "requestedAt": now.isoformat(),
            "generatedAt": slots[0].interval.start.isoformat(),
            "location": location,
            "windowSize": 30,
            "optimalDataPoints": points[:1],
            "forecastData": points,
        }
        return json_reply([found])


def _point(slot: Slot) -> dict[str, object]:
    """The location of a point is the grid's name, not the one that was asked for."""
    start = slot.interval.start.isoformat()
    return {"location": "IE", "timestamp": start, "duration": 30, "value": slot.shown_forecast}
