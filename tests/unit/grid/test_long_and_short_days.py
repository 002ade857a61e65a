"""The days on which clocks are set: 46 or 50 half-hours, and every one of them once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from fakes.clock import FakeClock
from fakes.grid_server import KEYS, grid_server

from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings

ZONES = {
    "uk-neso": ("GB", "Europe/London"),
    "energy-charts": ("DE", "Europe/Berlin"),
    "electricity-maps": ("DE", "Europe/Berlin"),
    "energinet": ("DK-DK1", "Europe/Copenhagen"),
    "rte": ("FR", "Europe/Paris"),
    "entsoe": ("SE-SE4", "Europe/Stockholm"),
    "watttime": ("CAISO_NORTH", "America/Los_Angeles"),
    "eia": ("US-CISO", "America/Los_Angeles"),
    "openelectricity": ("AU-NSW", "Australia/Sydney"),
    "nemweb": ("AU-NSW", "Australia/Sydney"),
}
DAYS = {
    "Europe": ((2026, 3, 29, 23), (2026, 10, 25, 25)),
    "America": ((2026, 3, 8, 23), (2026, 11, 1, 25)),
    "Australia": ((2026, 10, 4, 23), (2026, 4, 5, 25)),
}
CASES = [(name, zone, place, day) for name, (zone, place) in ZONES.items() for day in DAYS[place.partition("/")[0]]]


@pytest.mark.parametrize(("provider", "zone", "place", "day"), CASES)
def test_a_day_on_which_clocks_are_set_has_each_interval_once(provider, zone, place, day):
    """Neither the hour that is skipped nor the hour that comes twice makes a hole or a double."""
    year, month, date, hours = day
    midnight = datetime(year, month, date, tzinfo=ZoneInfo(place))
    whole = Interval(midnight, datetime(year, month, date, tzinfo=ZoneInfo(place)) + timedelta(days=1))
    assert whole.length == timedelta(hours=hours)
    now = whole.end + timedelta(hours=6)
    with grid_server(lambda: now) as server:
        settings = SourceSettings(zone=zone, provider=provider, base_url=server.url(provider), credentials=KEYS)
        rows = asyncio.run(open_source(settings, FakeClock(now)).observations(whole))
    assert rows[0].interval.start == whole.start
    assert rows[-1].interval.end == whole.end
    assert all(before.interval.end == after.interval.start for before, after in pairwise(rows))
    if provider == "uk-neso":
        assert len(rows) == hours * 2


@pytest.mark.parametrize("provider", ["uk-neso", "energy-charts", "energinet", "electricity-maps"])
@pytest.mark.parametrize("day", DAYS["Europe"])
def test_a_forecast_across_the_change_has_each_interval_once(provider, day):
    """Issued on the evening before."""
    year, month, date, _ = day
    now = datetime(year, month, date, tzinfo=UTC) - timedelta(hours=3)
    zone = ZONES[provider][0]
    with grid_server(lambda: now) as server:
        settings = SourceSettings(zone=zone, provider=provider, base_url=server.url(provider), credentials=KEYS)
        forecast = asyncio.run(open_source(settings, FakeClock(now)).forecast())
    assert forecast.expected.coverage(forecast.expected.span) == 1
    assert forecast.horizon > now + timedelta(hours=20)
