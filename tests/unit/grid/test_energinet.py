"""The client of Energi Data Service: UTC that does not say so, questions in Danish time, the newest hundred rows."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import grid_server
from fakes.scripted_server import ScriptedServer

from scheduler.domain.carbon import Accounting, Basis
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import best_provider, open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
NAME = "energinet"


def energinet(base_url: str, zone: str = "DK-DK1", now: datetime = NOON):
    return open_source(SourceSettings(zone=zone, provider=NAME, base_url=base_url), FakeClock(now))


def record(at: str, value: object, area: str = "DK1") -> dict[str, object]:
    return {"Minutes5UTC": at, "PriceArea": area, "CO2Emission": value}


def forecast_from(records: list[dict[str, object]], total: int | None = None):
    body = {"total": len(records) if total is None else total, "records": records}
    with ScriptedServer.always(json.dumps(body).encode()) as server:
        return asyncio.run(energinet(server.url).forecast())


def test_the_series_is_direct_and_counts_imports():
    key = energinet("http://localhost").capabilities.key
    assert (key.basis, key.accounting) == (Basis.DIRECT, Accounting.CONSUMPTION)


def test_times_without_an_offset_are_utc():
    forecast = forecast_from([record("2026-11-23T12:00:00", 95.0), record("2026-11-23T12:05:00", 97.5)])
    assert forecast.expected.span == Interval(NOON, NOON + timedelta(minutes=10))
    assert forecast.expected.values.tolist() == [95.0, 97.5]


def test_the_newest_hundred_rows_alone_are_refused():
    """A limit that was not heeded would leave a hole where nobody looks."""
    with pytest.raises(CarbonDataInvalid, match="1 of 864 rows were sent"):
        forecast_from([record("2026-11-23T12:00:00", 95.0)], total=864)


@pytest.mark.parametrize("now", ["2026-01-15T12:00", "2026-07-15T12:00"])
def test_nothing_is_missed_when_the_question_is_taken_for_danish_time(now):
    """In winter an hour off, in summer two: the last hour before now is there all the same."""
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    with grid_server(lambda: moment) as server:
        source = energinet(server.url(NAME), now=moment)
        rows = asyncio.run(source.observations(Interval(moment - HOUR, moment)))
    assert len(rows) == 12
    assert rows[-1].interval.end == moment


def test_tomorrow_is_forecast_in_the_afternoon():
    horizons = []
    for hour in (10, 16):
        now = NOON.replace(hour=hour)
        with grid_server(lambda now=now: now) as server:
            horizons.append(asyncio.run(energinet(server.url(NAME), now=now).forecast()).horizon - now)
    assert horizons == [13 * HOUR, 31 * HOUR]


@pytest.mark.parametrize("zone", ["DK-DK2", "DK2", "dk-2"])
def test_areas_go_by_several_names(zone):
    assert best_provider(SourceSettings(zone=zone)) == NAME
    assert energinet("http://localhost", zone).capabilities.key.zone == "DK-DK2"


def test_denmark_as_a_whole_has_another_provider():
    """Energinet knows its two areas only."""
    assert best_provider(SourceSettings(zone="DK")) == "energy-charts"
    with pytest.raises(CarbonSourceRejected, match="carbonq grid providers"):
        energinet("http://localhost", "DK")
