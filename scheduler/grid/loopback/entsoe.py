"""The dialect of the ENTSO-E Transparency Platform: positions for times, values left out where they repeat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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
ALL = "all"
"""Of a document that tells no plants apart."""
BESIDE = {"B10": 120, ALL: GENERATED_MW}
SERIES: dict[str, dict[str, tuple[str, ...]]] = {
    "A75": {"inBiddingZone": tuple(CODES.values()), "outBiddingZone": ("B10",)},
    "A69": {"inBiddingZone": (CODES[Fuel.WIND],)},
    "A71": {"inBiddingZone": (ALL,)},
}
"""What each kind of document holds: types of plant, by direction."""
BRUSSELS = ZoneInfo("Europe/Brussels")
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
        slots = bent_slots(request, grid, Interval(start, end), SLOT)
        kind = request.param("documentType")
        if kind == "A75":
            slots = [slot for slot in slots if slot.actual is not None]
        else:
            slots = [slot for slot in slots if slot.interval.end <= _published_until(grid.now())]
        if not slots or kind not in SERIES:
            return _xml(_acknowledgement("999", "No matching data found"))
        return _xml(_document(area, kind, slots))


def _published_until(now: datetime) -> datetime:
    """The end of today in Brussels, from six in the evening that of tomorrow."""
    local = now.astimezone(BRUSSELS)
    days = 2 if local.hour >= 18 else 1
    return datetime.combine(local.date() + timedelta(days=days), datetime.min.time(), BRUSSELS)


def _document(area: str, kind: str, slots: Sequence[Slot]) -> str:
    series = [
        _series(direction, area, code, kind, period)
        for direction, codes in SERIES[kind].items()
        for period in _periods(slots)
        for code in codes
    ]
    return f'<GL_MarketDocument xmlns="{NAMESPACE}"><type>{kind}</type>{"".join(series)}</GL_MarketDocument>'


def _periods(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Stretches without a hole; rows that are out of order or doubled stay where they are."""
    periods: list[list[Slot]] = []
    for slot in slots:
        if periods and slot.interval.start <= periods[-1][-1].interval.end:
            periods[-1].append(slot)
        else:
            periods.append([slot])
    return periods


def _series(direction: str, area: str, code: str, kind: str, slots: Sequence[Slot]) -> str:
    first, last = min(slot.interval.start for slot in slots), max(slot.interval.end for slot in slots)
    return (
        f"<TimeSeries><{direction}_Domain.mRID>{area}</{direction}_Domain.mRID><curveType>A03</curveType>"
        f"{_plant(code)}<Period><timeInterval><start>{first:%Y-%m-%dT%H:%MZ}</start>"
        f"<end>{last:%Y-%m-%dT%H:%MZ}</end></timeInterval><resolution>PT15M</resolution>"
        f"{''.join(_points(code, kind, first, slots))}</Period></TimeSeries>"
    )


def _plant(code: str) -> str:
    return f"<MktPSRType><psrType>{code}</psrType></MktPSRType>" if code != ALL else ""


def _points(code: str, kind: str, first: datetime, slots: Sequence[Slot]) -> list[str]:
    points, before = [], None
    for slot in slots:
        quantity = _quantity(code, kind, slot)
        position = (slot.interval.start - first) // SLOT + 1
        if quantity != before:
            points.append(f"<Point><position>{position}</position><quantity>{quantity}</quantity></Point>")
        before = quantity
    return points


def _quantity(code: str, kind: str, slot: Slot) -> float | str:
    if slot.bad_value is not None and code in (CODES[Fuel.WIND], ALL):
        return as_generation(slot.bad_value)
    if code in BESIDE:
        return BESIDE[code]
    value = slot.actual if kind == "A75" else slot.forecast
    assert value is not None
    shares = {CODES[fuel]: share for fuel, share in two_fuels(value).items()}
    return round(shares.get(code, 0.0) * GENERATED_MW, 2)


def _acknowledgement(code: str, text: str) -> str:
    reason = f"<Reason><code>{code}</code><text>{text}</text></Reason>"
    return f'<Acknowledgement_MarketDocument xmlns="urn:ack:8:0">{reason}</Acknowledgement_MarketDocument>'


def _xml(document: str, status: int = 200) -> Reply:
    return Reply(status, f'<?xml version="1.0" encoding="utf-8"?>{document}'.encode(), "application/xml")


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)
