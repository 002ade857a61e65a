"""The dialect of OpenElectricity, version 4: series by technology, intervals by their end in the market's time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from scheduler.domain.intervals import Interval
from scheduler.grid import zones
from scheduler.grid.fuel_mix import Fuel
from scheduler.grid.loopback.dialect import KEY, Reply, Request, bent_slots, json_reply
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot
from scheduler.grid.loopback.mix import as_generation, two_fuels

SLOT = timedelta(minutes=5)
MARKET = timezone(timedelta(hours=10))
LONGEST_RANGE = timedelta(days=8)
GENERATED_MW = 6_000
TECHNOLOGIES = {Fuel.COAL: "COAL_BLACK", Fuel.GAS: "GAS_CCGT", Fuel.WIND: "WIND"}
BESIDE = {"BATTERY_CHARGING": 40.5, "IMPORTS": 300.0}


class OpenElectricityDialect:
    name = "openelectricity"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return json_reply({"success": False, "error": "Invalid API key"}, 401)
        region = request.param("network_region")
        if request.path != "v4/data/network/NEM" or region not in zones.NEM_REGIONS.values():
            return json_reply({"success": False, "error": f"No region {region}"}, 404)
        start, end = (_moment(request.param(name)) for name in ("date_start", "date_end"))
        if end - start > LONGEST_RANGE:
            return json_reply({"success": False, "error": "Date range too large for interval 5m"}, 400)
        if Fault.WRONG_ZONE in request.faults:
            region = "TAS1"
        slots = [slot for slot in bent_slots(request, grid, Interval(start - SLOT, end), SLOT) if slot.actual]
        names = [*TECHNOLOGIES.values(), *BESIDE]
        results = [_result(region, name, slots) for name in names]
        block = {"network_code": "NEM", "metric": "power", "unit": "MW", "interval": "5m", "results": results}
        return json_reply({"version": "4.4.5", "success": True, "error": None, "data": [block]})


def _result(region: str, technology: str, slots: Sequence[Slot]) -> dict[str, object]:
    points = [[slot.interval.end.astimezone(MARKET).isoformat(), _megawatts(technology, slot)] for slot in slots]
    columns = {"region": region, "fueltech": technology}
    return {"name": f"power_{region}|{technology}", "columns": columns, "data": points}


def _megawatts(technology: str, slot: Slot) -> float | str:
    assert slot.actual is not None
    if technology in BESIDE:
        return BESIDE[technology]
    if slot.bad_value is not None and technology == TECHNOLOGIES[Fuel.WIND]:
        return as_generation(slot.bad_value)
    shares = {TECHNOLOGIES[fuel]: share for fuel, share in two_fuels(slot.actual).items()}
    return round(shares.get(technology, 0.0) * GENERATED_MW, 2)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MARKET).astimezone(UTC)
