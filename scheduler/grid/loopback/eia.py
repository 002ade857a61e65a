"""The dialect of EIA's API, version 2: hours by their end, numbers as text, one row a fuel, pages of 5,000."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid import zones
from scheduler.grid.fuel_mix import Fuel
from scheduler.grid.loopback.dialect import KEY, Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot
from scheduler.grid.loopback.mix import as_generation, two_fuels

HOUR = timedelta(hours=1)
GENERATED_MWH = 10_000
CODES = {Fuel.GAS: "NG", Fuel.COAL: "COL", Fuel.WIND: "WND"}


class EiaDialect:
    name = "eia"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        if request.path != "v2/electricity/rto/fuel-type-data/data/":
            return json_reply({"error": "Not found", "code": 404}, 404)
        if request.param("api_key") != KEY:
            return json_reply(
                {"error": {"code": "API_KEY_INVALID", "message": "An invalid api_key was supplied."}}, 403
            )
        rows = self._rows(request, grid)
        offset, length = int(request.param("offset", "0")), min(int(request.param("length", "5000")), 5_000)
        response = {
            "total": str(len(rows)),
            "dateFormat": 'YYYY-MM-DD"T"HH24',
            "frequency": "hourly",
            "data": rows[offset : offset + length],
        }
        return json_reply({"response": response, "apiVersion": "2.1.8"})

    def _rows(self, request: Request, grid: LoopbackGrid) -> list[dict[str, object]]:
        respondent = request.param("facets[respondent][]")
        if respondent not in zones.BALANCING_AUTHORITIES | zones.US_REGIONS:
            return []
        if Fault.WRONG_ZONE in request.faults:
            respondent = "PJM" if respondent != "PJM" else "MISO"
        first, last = _moment(request.param("start")), _moment(request.param("end"))
        slots = bent_slots(request, grid, Interval(first - HOUR, last), HOUR)
        return [row for slot in slots if slot.actual is not None for row in _fuels(slot, respondent)]


def _fuels(slot: Slot, respondent: str) -> list[dict[str, object]]:
    """Two fuels, one of them as text, and a battery beside them."""
    assert slot.actual is not None
    amounts: dict[str, object] = {"BAT": -250}
    for fuel, share in two_fuels(slot.actual).items():
        amounts[CODES[fuel]] = share * GENERATED_MWH
    amounts["WND"] = str(amounts["WND"]) if slot.bad_value is None else as_generation(slot.bad_value)
    return [
        {
            "period": f"{slot.interval.end:%Y-%m-%dT%H}",
            "respondent": respondent,
            "respondent-name": "Loopback Authority",
            "fueltype": code,
            "type-name": code.title(),
            "value": value,
            "value-units": "megawatthours",
        }
        for code, value in sorted(amounts.items())
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
