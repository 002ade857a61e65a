"""The dialect of NEMWEB: folders that list files, zip files of tables, days that become one file once they are over."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone

from scheduler.domain.intervals import Interval
from scheduler.grid import zones
from scheduler.grid.loopback.dialect import Reply, Request, bent_slots, text_reply
from scheduler.grid.loopback.grid import LoopbackGrid, Slot
from scheduler.grid.loopback.mix import as_generation

STEP, HALF_HOUR, DAY = timedelta(minutes=5), timedelta(minutes=30), timedelta(days=1)
MARKET = timezone(timedelta(hours=10))
CURRENT_REACHES = timedelta(days=2, hours=12)
ARCHIVED_AFTER = timedelta(hours=4)
PLANNED_AHEAD = timedelta(hours=40)
GENERATED_MW = 6_000
COAL_G_PER_KWH, GAS_G_PER_KWH = 900, 500
FOLDER = re.compile(r"Reports/CURRENT/(Dispatch_SCADA|PredispatchIS_Reports)/")
SCADA = re.compile(r"Reports/CURRENT/Dispatch_SCADA/PUBLIC_DISPATCHSCADA_(\d{12})_\d{16}\.zip")
ARCHIVE = re.compile(r"Reports/ARCHIVE/Dispatch_SCADA/PUBLIC_DISPATCHSCADA_(\d{8})\.zip")
PREDISPATCH = re.compile(r"Reports/CURRENT/PredispatchIS_Reports/PUBLIC_PREDISPATCHIS_(\d{12})_\d{16}\.zip")
PLANTS = "Reports/CURRENT/CDEII/CO2EII_AVAILABLE_GENERATORS.CSV"
SOURCES = {"COAL": ("0.90000000", "Black coal"), "GAS": ("0.50000000", "Natural Gas (Pipeline)")}
BESIDE = {"BATT": ("0.00000000", "Battery Storage"), "NEW": ("", "Solar")}
"""Listed as well: storage, and a plant whose factor is not known yet."""


class NemwebDialect:
    name = "nemweb"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        if request.path == PLANTS:
            return Reply(200, _report("CO2EII,PUBLISHING", PLANT_COLUMNS, _plants()), "text/csv")
        if folder := FOLDER.fullmatch(request.path):
            return _listing(folder[1], request, grid)
        if current := SCADA.fullmatch(request.path):
            end = datetime.strptime(current[1], "%Y%m%d%H%M").replace(tzinfo=MARKET)
            return self._snapshots(request, grid, Interval(end - STEP, end))
        if archived := ARCHIVE.fullmatch(request.path):
            begin = datetime.strptime(archived[1], "%Y%m%d").replace(tzinfo=MARKET)
            return self._archive(request, grid, Interval(begin, begin + DAY))
        if PREDISPATCH.fullmatch(request.path):
            return _zipped("PUBLIC_PREDISPATCHIS.CSV", _plan(request, grid))
        return text_reply("404 - File or directory not found.", 404)

    def _snapshots(self, request: Request, grid: LoopbackGrid, interval: Interval) -> Reply:
        slots = [slot for slot in _published(request, grid, _hour_of(interval)) if slot.interval == interval]
        if not slots:
            return text_reply("404 - File or directory not found.", 404)
        return _zipped("PUBLIC_DISPATCHSCADA.CSV", _given(slots))

    def _archive(self, request: Request, grid: LoopbackGrid, day: Interval) -> Reply:
        """One zip file of a zip file each hour; the real one has one every five minutes."""
        if grid.now() < day.end + ARCHIVED_AFTER:
            return text_reply("404 - File or directory not found.", 404)
        slots = _published(request, grid, day)
        pieces = {f"PART_{n:02}.zip": _zip("PART.CSV", _given(slots[n : n + 12])) for n in range(0, len(slots), 12)}
        return _packed(pieces) if pieces else text_reply("404 - File or directory not found.", 404)


PLANT_COLUMNS = "STATIONNAME,DUID,GENSETID,REGIONID,CO2E_EMISSIONS_FACTOR,CO2E_ENERGY_SOURCE,CO2E_DATA_SOURCE"
GIVEN_COLUMNS = "SETTLEMENTDATE,DUID,SCADAVALUE,LASTCHANGED"
PLAN_COLUMNS = "PREDISPATCHSEQNO,RUNNO,REGIONID,PERIODID,INTERVENTION,TOTALDEMAND,SS_SOLAR_UIGF,SS_WIND_UIGF,DATETIME"


def _day_of(interval: Interval) -> Interval:
    begin = interval.start.astimezone(MARKET).replace(hour=0, minute=0, second=0, microsecond=0)
    return Interval(begin, begin + DAY)


def _hour_of(interval: Interval) -> Interval:
    begin = interval.start.replace(minute=0, second=0, microsecond=0)
    return Interval(begin, begin + timedelta(hours=1))


def _published(request: Request, grid: LoopbackGrid, around: Interval) -> list[Slot]:
    """Faults of rows are done to the hour or the day around a file, so that a lone row can be wrong as well."""
    return [slot for slot in bent_slots(request, grid, around, STEP) if slot.actual is not None]


def _listing(folder: str, request: Request, grid: LoopbackGrid) -> Reply:
    now = grid.now()
    if folder == "Dispatch_SCADA":
        first = _day_of(Interval(now - CURRENT_REACHES, now)).start
        days = [Interval(first + n * DAY, first + (n + 1) * DAY) for n in range(4)]
        slots = [slot for day in days for slot in _published(request, grid, day) if slot.interval.end <= now]
        names = dict.fromkeys(f"PUBLIC_DISPATCHSCADA_{_market(slot.interval.end, '%Y%m%d%H%M')}" for slot in slots)
    else:
        runs = (_half_hour(now) - HALF_HOUR, _half_hour(now))
        names = dict.fromkeys(f"PUBLIC_PREDISPATCHIS_{_market(run + HALF_HOUR, '%Y%m%d%H%M')}" for run in runs)
    path = f"/Reports/CURRENT/{folder}"
    links = "".join(f'<A HREF="{path}/{name}_{0:016}.zip">{name}_{0:016}.zip</A><br>' for name in names)
    page = f'<html><body><pre><A HREF="/Reports/CURRENT">[To Parent Directory]</A><br>{links}</pre></body></html>'
    return Reply(200, page.encode(), "text/html")


def _plants() -> Iterator[str]:
    for region in zones.NEM_REGIONS.values():
        listed = {**SOURCES, "WIND": ("0.00000000", "Wind"), **BESIDE}
        for kind, (factor, source) in listed.items():
            unit = f"{region}{kind}"
            yield f'"Loopback {kind}, Units 1-2",{unit},{unit}1,{region},{factor},"{source}",ISP2024'
            yield f'"Loopback {kind}, Units 1-2",{unit},{unit}2,{region},{factor},"{source}",ISP2024'


def _given(slots: Sequence[Slot]) -> bytes:
    return _report("DISPATCH,UNIT_SCADA", GIVEN_COLUMNS, [row for slot in slots for row in _units(slot)])


def _units(slot: Slot) -> Iterator[str]:
    assert slot.actual is not None
    at = _market(slot.interval.end, '"%Y/%m/%d %H:%M:%S"')
    wind = _mix(slot.actual)["WIND"] if slot.bad_value is None else as_generation(slot.bad_value)
    amounts: Mapping[str, object] = _mix(slot.actual) | {"WIND": wind, "BATT": -80, "NEW": 40, "LOAD": 25}
    for region in zones.NEM_REGIONS.values():
        yield from (f"{at},{region}{kind},{amount},{at}" for kind, amount in amounts.items())


def _mix(g_per_kwh: float) -> dict[str, float | str]:
    dirty, factor = ("GAS", GAS_G_PER_KWH) if g_per_kwh <= GAS_G_PER_KWH else ("COAL", COAL_G_PER_KWH)
    megawatts = GENERATED_MW * g_per_kwh / factor
    return {"COAL": 0.0, "GAS": 0.0, dirty: megawatts, "WIND": GENERATED_MW - megawatts}


def _plan(request: Request, grid: LoopbackGrid) -> bytes:
    first = _half_hour(grid.now())
    slots = bent_slots(request, grid, Interval(first, first + PLANNED_AHEAD), HALF_HOUR)
    return _report("PREDISPATCH,REGION_SOLUTION", PLAN_COLUMNS, [row for slot in slots for row in _regions(slot)])


def _regions(slot: Slot) -> Iterator[str]:
    """With what would be planned if nobody intervened beside it."""
    at = _market(slot.interval.end, '"%Y/%m/%d %H:%M:%S"')
    wind = _mix(slot.forecast)["WIND"] if slot.bad_value is None else as_generation(slot.bad_value)
    for region in zones.NEM_REGIONS.values():
        yield f"2026112301,1,{region},01,0,{GENERATED_MW},0,{wind},{at}"
        yield f"2026112301,1,{region},01,1,{GENERATED_MW / 2},0,0,{at}"


def _report(table: str, columns: str, rows: Iterator[str] | list[str]) -> bytes:
    lines = ["C,NEMP.WORLD,LOOPBACK,AEMO,PUBLIC", f"I,{table},1,{columns}", *(f"D,{table},1,{row}" for row in rows)]
    return "\n".join([*lines, f'C,"END OF REPORT",{len(lines) + 1}', ""]).encode()


def _half_hour(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


def _market(moment: datetime, form: str) -> str:
    return moment.astimezone(MARKET).strftime(form)


def _zipped(name: str, content: bytes) -> Reply:
    return _packed({name: content})


def _packed(members: Mapping[str, bytes]) -> Reply:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return Reply(200, packed.getvalue(), "application/x-zip-compressed")


def _zip(name: str, content: bytes) -> bytes:
    return _zipped(name, content).body
