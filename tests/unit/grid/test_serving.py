"""A series from a file, served as the providers would serve it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import Fault

from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.loopback.serving import Served, how_to_use, open_server
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two days of 2021, hour n having the value 100 + n."""
    start = datetime(2021, 1, 1, tzinfo=UTC)
    rows = [f"{(start + n * HOUR).isoformat()},{100 + n}" for n in range(48)]
    written = tmp_path / "grid.csv"
    written.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]))
    return written


def test_a_file_is_served_to_every_dialect_from_the_moment_it_is_anchored(file):
    """Noon today is midnight of 2021, so at four the first four hours have been seen."""
    clock = FakeClock(NOON + 4 * HOUR)
    with open_server(Served(file, anchor=NOON), clock) as server:
        source = open_source(SourceSettings(zone="GB", base_url=server.url("uk-neso")), clock)

        async def act():
            return await source.forecast(), await source.observations(Interval(NOON, NOON + 4 * HOUR))

        forecast, observed = asyncio.run(act())
        lines = how_to_use(server)
    assert forecast.expected.value_at(NOON + 5 * HOUR) == 105
    assert [row.g_per_kwh for row in observed][::2] == pytest.approx([102, 103, 104, 105], abs=0.2)
    assert len(lines) == len(server.dialects) >= 10


def test_without_a_beginning_half_of_the_series_is_past(file):
    """So that there is something to look back on and something to plan with."""
    clock = FakeClock(NOON)
    with open_server(Served(file), clock) as server:
        span = server.grid.series.span
    assert span == Interval(NOON - 24 * HOUR, NOON + 24 * HOUR)


def test_a_series_of_today_is_not_moved(file):
    with open_server(Served(file, in_its_own_time=True), FakeClock()) as server:
        assert server.grid.series.span.start == datetime(2021, 1, 1, tzinfo=UTC)


def test_forecasts_can_be_made_wrong_and_values_late(file):
    clock = FakeClock(NOON + 4 * HOUR)
    served = Served(file, anchor=NOON, lag=2 * HOUR, forecast_error=0.1)
    with open_server(served, clock) as server:
        source = open_source(SourceSettings(zone="DE", base_url=server.url("energy-charts")), clock)

        async def act():
            return await source.forecast(), await source.observations(Interval(NOON, NOON + 4 * HOUR))

        forecast, observed = asyncio.run(act())
    assert forecast.expected.value_at(NOON + 5 * HOUR) == pytest.approx(105 * 1.1)
    assert observed[-1].interval.end == NOON + 2 * HOUR


def test_faults_can_be_on_from_the_start(file):
    clock = FakeClock(NOON)
    with open_server(Served(file, anchor=NOON, faults=[Fault.SERVER_ERROR]), clock) as server:
        source = open_source(SourceSettings(zone="GB", base_url=server.url("uk-neso"), attempts=1), clock)
        with pytest.raises(CarbonSourceUnavailable):
            asyncio.run(source.forecast())


def test_a_bad_file_is_refused_before_anything_is_served(file):
    file.write_text("start,carbon_intensity_g_per_kwh\n2021-01-01,nan\n2021-01-02,1\n")
    with pytest.raises(CarbonDataInvalid, match="line 2"):
        open_server(Served(file), FakeClock())
