"""The dialect of the ENTSO-E Transparency Platform: positions for times, values left out where they repeat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid import zones
from scheduler.grid.fuel_mix import Fuel
from scheduler.grid.loopback.dialect import KEY, Reply, Request, bent_slots
from scheduler.grid.loopback.faults import Fault
from scheduler.grid.loopback.grid import LoopbackGrid, Slot
from scheduler.grid.loopback.mix import as_generation, two_fuels

SLOT = timedelta(minutes=15)
GENERATED_MW = 8_000
CODES = {Fuel.GAS: "B04", Fuel.COAL: "B05", Fuel.WIND: "B19"}
NAMESPACE = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"


class EntsoeDialect:
    name = "entsoe"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        if request.param("securityToken") != KEY:
            return _xml(_acknowledgement("401", "Unauthorized"), 401)
        area = request.param("in_Domain")
        if area not in zones.ENTSOE_AREAS.values():
            return _xml(_acknowledgement("A59", f"Not a valid area {area}"), 400)
        if Fault.WRONG_ZONE in request.faults:
            area = zones.ENTSOE_AREAS["RO"]
        start, end = (_moment(request.param(name)) for name in ("periodStart", "periodEnd"))
        slots = [slot for slot in bent_slots(request, grid, Interval(start, end), SLOT) if slot.actual is not None]
        if not slots:
            return _xml(_acknowledgement("999", "No matching data found"))
        return _xml(_document(area, slots))


def _document(area: str, slots: Sequence[Slot]) -> str:
    series = [
        *(_series("inBiddingZone", area, code, period) for period in _periods(slots) for code in CODES.values()),
        *(_series("outBiddingZone", area, "B10", period) for period in _periods(slots)),
    ]
    return f'<GL_MarketDocument xmlns="{NAMESPACE}"><type>A75</type>{"".join(series)}</GL_MarketDocument>'


def _periods(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Stretches without a hole; rows that are out of order or doubled stay where they are."""
    periods: list[list[Slot]] = []
    for slot in slots:
        if periods and slot.interval.start <= periods[-1][-1].interval.end:
            periods[-1].append(slot)
        else:
            periods.append([slot])
    return periods


def _series(direction: str, area: str, code: str, slots: Sequence[Slot]) -> str:
    first, last = min(slot.interval.start for slot in slots), max(slot.interval.end for slot in slots)
    return (
        f"<TimeSeries><{direction}_Domain.mRID>{area}</{direction}_Domain.mRID><curveType>A03</curveType>"
        f"<MktPSRType><psrType>{code}</psrType></MktPSRType><Period><timeInterval><start>{first:%Y-%m-%dT%H:%MZ}</start>"
        f"<end>{last:%Y-%m-%dT%H:%MZ}</end></timeInterval><resolution>PT15M</resolution>"
        f"{''.join(_points(code, first, slots))}</Period></TimeSeries>"
    )


def _points(code: str, first: datetime, slots: Sequence[Slot]) -> list[str]:
    points, before = [], None
    for slot in slots:
        quantity = _quantity(code, slot)
        position = (slot.interval.start - first) // SLOT + 1
        if quantity != before:
            points.append(f"<Point><position>{position}</position><quantity>{quantity}</quantity></Point>")
        before = quantity
    return points


def _quantity(code: str, slot: Slot) -> float | str:
    assert slot.actual is not None
    if slot.bad_value is not None and code == CODES[Fuel.WIND]:
        return as_generation(slot.bad_value)
    if code == "B10":
        return 120
    shares = {CODES[fuel]: share for fuel, share in two_fuels(slot.actual).items()}
    return round(shares.get(code, 0.0) * GENERATED_MW, 2)


def _acknowledgement(code: str, text: str) -> str:
    reason = f"<Reason><code>{code}</code><text>{text}</text></Reason>"
    return f'<Acknowledgement_MarketDocument xmlns="urn:ack:8:0">{reason}</Acknowledgement_MarketDocument>'


def _xml(document: str, status: int = 200) -> Reply:
    return Reply(status, f'<?xml version="1.0" encoding="utf-8"?>{document}'.encode(), "application/xml")


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)
