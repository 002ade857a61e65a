"""The client of NEMWEB: tables in zips of zips, market time, estimates that become measurements, a derived forecast."""

from __future__ import annotations

import asyncio
import io
import zipfile
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import grid_server
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.carbon import Accounting, Basis, IntensityStatus
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.answer import Answer
from scheduler.grid.nemweb_plan import Plan
from scheduler.grid.nemweb_plants import Plants
from scheduler.grid.nemweb_report import ReportReader
from scheduler.grid.reader import Reader
from scheduler.grid.registry import best_provider, open_source
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport

HOUR, HALF = timedelta(hours=1), timedelta(minutes=30)
NOW = NOON + timedelta(minutes=17)
"""A quarter past ten in the evening in Sydney's winter, and in the market all year."""
READ = Reader("NEMWEB")
REPORTS = ReportReader(READ, Transport("NEMWEB", "http://localhost", FakeClock()))
PLANTS = """C,SETP.WORLD,CO2EII_AVAILABLE_GENERATORS_WEB,AEMO,PUBLIC
I,CO2EII,PUBLISHING,1,STATIONNAME,DUID,GENSETID,REGIONID,CO2E_EMISSIONS_FACTOR,CO2E_ENERGY_SOURCE,CO2E_DATA_SOURCE
D,CO2EII,PUBLISHING,1,"Hill, Units 1-2",HILL1,HILL1,NSW1,0.90000000,"Black coal",ISP2024
D,CO2EII,PUBLISHING,1,"Hill, Units 1-2",HILL1,HILL2,NSW1,0.90000000,"Black coal",ISP2024
D,CO2EII,PUBLISHING,1,"Plain Solar Farm",PLAIN1,PLAIN1,NSW1,0.00000000,Solar,ISP2024
D,CO2EII,PUBLISHING,1,"Ridge Wind Farm",RIDGE1,RIDGE1,NSW1,0.00000000,Wind,ISP2024
D,CO2EII,PUBLISHING,1,"Big Battery",BATT1,BATT1,NSW1,0.00000000,"Battery Storage",ISP2024
D,CO2EII,PUBLISHING,1,"Not built yet",NEW1,NEW1,NSW1,,"Natural Gas (Pipeline)",ISP2024
D,CO2EII,PUBLISHING,1,"Elsewhere",ELSE1,ELSE1,QLD1,0.90000000,"Black coal",ISP2024
C,"END OF REPORT",10
"""


def zipped(*contents: str | bytes, name: str = "REPORT.CSV") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, content in enumerate(contents):
            archive.writestr(name.replace(".", f"{number}."), content)
    return packed.getvalue()


def given(*rows: str) -> str:
    """Snapshots of one afternoon of the market, `12:05,UNIT,MW`."""
    parts = (row.split(",", 1) for row in rows)
    lines = [f'D,DISPATCH,UNIT_SCADA,1,"2026/11/23 {at}:00",{rest},"2026/11/23 00:00:00"' for at, rest in parts]
    head = "C,NEMP.WORLD\nI,DISPATCH,UNIT_SCADA,1,SETTLEMENTDATE,DUID,SCADAVALUE,LASTCHANGED\n"
    return head + "\n".join([*lines, 'C,"END OF REPORT",9\n'])


def plants(text: str = PLANTS, region: str = "NSW1") -> Plants:
    rows = REPORTS.plain(Answer(200, {}, b""), text.encode(), "CO2EII,PUBLISHING")
    return Plants(rows, region, REPORTS, READ)


def balances(body: bytes):
    return plants().balances(Answer(200, {}, body))


def nemweb(base_url: str, zone: str = "AU-NSW", clock: FakeClock | None = None):
    return open_source(SourceSettings(zone=zone, provider="nemweb", base_url=base_url), clock or FakeClock(NOW))


def test_the_series_is_direct_and_of_what_is_generated():
    """The operator's own factors, at the plant."""
    key = nemweb("http://localhost").capabilities.key
    assert (key.zone, key.basis, key.accounting) == ("AU-NSW", Basis.DIRECT, Accounting.PRODUCTION)


def test_without_a_key_it_is_the_choice_for_australia():
    assert best_provider(SourceSettings(zone="AU-VIC")) == "nemweb"
    assert best_provider(SourceSettings(zone="-37.81,144.96")) == "nemweb"


def test_the_west_is_another_market():
    with pytest.raises(CarbonSourceRejected, match=r"NEMWEB .* has no zone 'AU-WA'"):
        nemweb("http://localhost", "AU-WA")


def test_a_half_hour_is_the_mean_of_its_snapshots_by_the_factor_of_each_plant():
    """Labels are ends in UTC+10: 12:05 to 12:30 are from two to half past two at night."""
    body = zipped(given("12:05,HILL1,100", "12:05,RIDGE1,300", "12:30,HILL1,300", "12:30,RIDGE1,100"))
    ((slot, balance),) = balances(body).items()
    assert slot == Interval(NOON - 10 * HOUR, NOON - 10 * HOUR + HALF)
    assert balance.rest_emissions / balance.total == pytest.approx(450)


def test_zips_in_a_zip_are_one_report():
    """As a day's file is."""
    hours = [zipped(given(f"{hour:02}:15,HILL1,100")) for hour in range(1, 24)]
    assert len(balances(zipped(*hours, name="PART.zip"))) == 23


def test_what_is_no_plant_of_the_region_is_counted_on_neither_side():
    """Storage, plants without a factor, loads that are not listed, other regions."""
    rows = ["12:15,HILL1,100", "12:15,BATT1,80", "12:15,NEW1,70", "12:15,PUMP1,60", "12:15,ELSE1,50"]
    (balance,) = balances(zipped(given(*rows))).values()
    assert (balance.total, balance.rest_emissions) == (100, 90_000)


def test_a_battery_that_charges_is_no_negative_generation():
    (balance,) = balances(zipped(given("12:15,HILL1,100", "12:15,BATT1,-80", "12:15,PLAIN1,-0.5"))).values()
    assert balance.total == 100


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["12:15,HILL1,100", "12:15,HILL1,101"], "two values"),
        (["12:15,HILL1,-100"], "is negative"),
        (["12:15,HILL1,lots"], "'lots' is not a number"),
        (["12:65,HILL1,100"], "is not a time"),
        (["12:15,HILL1"], "cells for 8 columns"),
    ],
)
def test_a_report_that_cannot_be_is_refused(rows, complaint):
    with pytest.raises(CarbonDataInvalid, match=complaint):
        balances(zipped(given(*rows)))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", zipped("C,cut")[:40], zipped("C,NEMP\nI,DISPATCH,UNIT_SC")],
    ids=["empty", "html", "half-a-zip", "half-a-report"],
)
def test_a_file_that_is_cut_or_something_else_is_refused(body):
    """A report says itself that it has ended."""
    with pytest.raises(CarbonDataInvalid, match=r"an empty body|no zip file|no whole report"):
        balances(body)


def test_a_list_of_plants_without_the_region_is_refused():
    with pytest.raises(CarbonDataInvalid, match="has none in TAS1"):
        plants(region="TAS1")


def planned(*rows: str) -> Plan:
    columns = "REGIONID,INTERVENTION,TOTALDEMAND,DISPATCHABLEGENERATION,SS_WIND_UIGF,SS_SOLAR_UIGF,DATETIME"
    lines = "\n".join(f"D,PREDISPATCH,REGION_SOLUTION,4,{row}" for row in rows)
    text = f'I,PREDISPATCH,REGION_SOLUTION,4,{columns}\n{lines}\nC,"END OF REPORT",9\n'
    table = REPORTS.plain(Answer(200, {}, b""), text.encode(), "PREDISPATCH,REGION_SOLUTION")
    return Plan(table, "NSW1", REPORTS, READ)


def test_what_is_planned_is_what_is_generated_and_not_what_is_used():
    """And of two solutions the one that holds, where the operator intervenes."""
    plan = planned(
        'NSW1,0,8000,7000,1000,,"2026/11/23 22:30:00"',
        'NSW1,1,8000,7000,9000,,"2026/11/23 22:30:00"',
        'VIC1,0,5000,5000,2000,,"2026/11/23 22:30:00"',
    )
    assert plan.total == {Interval(NOON, NOON + HALF): 7_000}
    assert sum(plan.variable[Interval(NOON, NOON + HALF)].values()) == 1_000


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (['VIC1,0,1,1,1,1,"2026/11/23 22:30:00"'], "no row for NSW1"),
        (['NSW1,0,1,-1,1,1,"2026/11/23 22:30:00"'], "is negative"),
        (['NSW1,0,1,2,1,1,"2026/11/23 22:30:00"', 'NSW1,0,1,3,1,1,"2026/11/23 22:30:00"'], "two values"),
        (['NSW1,0,1,2,1,1,"2026/11/23 22:30:00"', 'NSW1,0,1,2,1,1,"2026/11/23 22:00:00"'], "out of order"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(rows, complaint):
    with pytest.raises(CarbonDataInvalid, match=complaint):
        planned(*rows)


def test_the_running_day_is_estimated_until_its_file_is_there():
    """One snapshot a half-hour first, the mean of all a day later; each half-hour once, whichever it is."""
    clock = FakeClock(NOW)
    asked = Interval(NOON - 2 * HOUR, NOON)
    with grid_server(clock.now) as server:
        source = nemweb(server.url("nemweb"), clock=clock)

        async def act():
            before = await source.observations(asked)
            clock.advance(timedelta(hours=20))
            return before, await source.observations(asked)

        before, after = asyncio.run(act())
    assert {row.status for row in before} == {IntensityStatus.ESTIMATED}
    assert {row.status for row in after} == {IntensityStatus.ACTUAL}
    assert [row.interval for row in before] == [row.interval for row in after]
    assert len(before) == 4


def test_a_file_that_was_read_is_not_read_again():
    """Of the second poll only the lists, and what is new."""
    clock = FakeClock(NOW)
    with grid_server(clock.now) as server:
        source = nemweb(server.url("nemweb"), clock=clock)

        async def act():
            await source.observations(Interval(NOW - 24 * HOUR, NOW))
            first = len(server.requests)
            clock.advance(HALF)
            await source.observations(Interval(NOW - 24 * HOUR, clock.now()))
            return first, [request.path.rpartition("/")[2] for request in list(server.requests)[first:]]

        first, again = asyncio.run(act())
    assert first > 40
    assert again == ["", "PUBLIC_DISPATCHSCADA_202611232215_0000000000000000.zip"]


def test_the_forecast_says_that_it_is_derived():
    with grid_server(lambda: NOW) as server:
        source = nemweb(server.url("nemweb"))
        forecast = asyncio.run(source.forecast())
        expected = server.grid.series.value_at(NOON + 6 * HOUR)
    assert forecast.method == "derived from pre-dispatch"
    assert forecast.horizon == NOON + 40 * HOUR
    assert forecast.expected.value_at(NOON + 6 * HOUR) == pytest.approx(expected, rel=0.1)
    assert any("is a guess" in note for note in source.capabilities.notes)


def test_a_folder_without_pre_dispatch_is_unavailable():
    page = b'<html><pre><A HREF="/Reports/CURRENT">[To Parent Directory]</A></pre></html>'
    with ScriptedServer.always(page) as server, pytest.raises(CarbonSourceUnavailable, match="no pre-dispatch"):
        asyncio.run(nemweb(server.url).forecast())


def test_a_file_that_vanished_since_it_was_listed_is_a_hole():
    """The folder keeps two days and a half."""
    link = "PUBLIC_DISPATCHSCADA_202611232145_0000000528917241.zip"
    page = f'<html><A HREF="/x">[To Parent Directory]</A><A HREF="/Reports/{link}">{link}</A></html>'

    def answer(handler, _):
        found = handler.path.endswith("Dispatch_SCADA/")
        send(handler, 200 if found else 404, page.encode() if found else b"gone")

    with ScriptedServer(answer) as server:
        assert asyncio.run(nemweb(server.url).observations(Interval(NOW - HOUR, NOW))) == ()
