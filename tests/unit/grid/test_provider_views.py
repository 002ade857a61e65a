"""The table of providers, as the API tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from fakes.carbon_source import FakeCarbonSource
from fakes.clock import NOON, FakeClock

from scheduler.domain.carbon import SeriesKey
from scheduler.grid.catalogue import PROVIDERS
from scheduler.grid.provider_views import provider_views, views_for_zone
from scheduler.presenting.chain import TOO_LITTLE
from scheduler.presenting.grid import GridCase, grid_now
from scheduler.service_views.grid import GridNow

FREE = "without paying: CAISO_NORTH; of other regions the index"
OURS = f"built-in is not in use: {TOO_LITTLE}"


def now_of(source: str, zone: str, last_error: str | None = None, **said: Any) -> GridNow:
    fake = FakeCarbonSource(FakeClock(), None, key=SeriesKey(source, zone)).capabilities
    capabilities = replace(fake, **said)
    case = GridCase(capabilities, None, None, last_error, False, None, capabilities.notes, NOON, timedelta(0))
    return grid_now(case)


def test_the_one_in_use_tells_what_was_learnt_by_asking_it() -> None:
    """As what a plan covers, which no table knows beforehand."""
    now = now_of("watttime", "CAISO_NORTH", notes=("this plan covers two",))
    rows = {row.source: row for row in provider_views(now, {})}
    used = rows["watttime"]
    assert (used.in_use, used.state, used.zone) == (True, "ready", "CAISO_NORTH")
    assert used.notes == (FREE, "this plan covers two", "watttime gives no forecast: it publishes none", OURS)
    assert not any(row.in_use or row.zone for source, row in rows.items() if source != "watttime")


def test_each_fact_about_the_one_in_use_is_said_once() -> None:
    """That a plan has no forecast is the reason why there is none, and no note beside it."""
    covers = "this plan covers 1 regions: CAISO_NORTH; of CAISO_NORTH historical"
    lacks = "this plan has no forecast of CAISO_NORTH"
    now = now_of("watttime", "CAISO_NORTH", notes=(covers,), no_forecast=lacks)
    used = next(row for row in provider_views(now, {}) if row.in_use)
    assert used.notes == (FREE, covers, f"watttime gives no forecast: {lacks}", OURS)


def test_an_error_is_the_reason_before_what_the_plan_lacks() -> None:
    now = now_of("watttime", "CAISO_NORTH", "HTTP 503", no_forecast="this plan has no forecast of CAISO_NORTH")
    used = next(row for row in provider_views(now, {}) if row.in_use)
    assert used.notes == (FREE, "watttime gives no forecast: HTTP 503", OURS)


def test_without_one_in_use_every_provider_is_there_with_its_state() -> None:
    rows = views_for_zone("DK-DK1", {"entsoe": "key"})
    assert [row.source for row in rows] == [provider.name for provider in PROVIDERS]
    states = {row.source: row.state for row in rows}
    assert states["energinet"] == states["entsoe"] == "ready"
    assert states["eia"] == "not for this zone"
