"""The table of providers, as the API tells it."""

from __future__ import annotations

from fakes.carbon_source import FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock

from scheduler.domain.carbon import SeriesKey
from scheduler.grid.catalogue import PROVIDERS
from scheduler.grid.provider_views import provider_views, views_for_zone
from scheduler.presenting.grid import GridCase, grid_now


def now_of(source: str, zone: str, *notes: str):
    capabilities = FakeCarbonSource(FakeClock(), hourly(NOON, [1.0]), key=SeriesKey(source, zone)).capabilities
    return grid_now(GridCase(capabilities, None, None, None, False, None, notes, NOON, stale_after=NOON - NOON))


def test_the_one_in_use_tells_what_was_learnt_by_asking_it():
    """As what a plan covers, which no table knows beforehand."""
    rows = {row.source: row for row in provider_views(now_of("watttime", "CAISO_NORTH", "this plan covers two"), {})}
    used = rows["watttime"]
    assert (used.in_use, used.state, used.zone) == (True, "ready", "CAISO_NORTH")
    assert used.notes[:2] == ("without paying: CAISO_NORTH; of other regions the index", "this plan covers two")
    assert not any(row.in_use or row.zone for source, row in rows.items() if source != "watttime")


def test_without_one_in_use_every_provider_is_there_with_its_state():
    rows = views_for_zone("DK-DK1", {"entsoe": "key"})
    assert [row.source for row in rows] == [provider.name for provider in PROVIDERS]
    states = {row.source: row.state for row in rows}
    assert states["energinet"] == states["entsoe"] == "ready"
    assert states["eia"] == "not for this zone"
