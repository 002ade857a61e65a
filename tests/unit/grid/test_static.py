"""The yearly factor: good for accounting, never a reason to wait."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock

from scheduler.domain.carbon import IntensityStatus
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid import zones
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
NOW = NOON + timedelta(minutes=17)


def static(zone: str, g_per_kwh: float | None = None):
    return open_source(SourceSettings(zone=zone, provider="static", g_per_kwh=g_per_kwh), FakeClock(NOW))


def test_it_forecasts_nothing_and_claims_nothing():
    """A constant cannot tell one hour from another."""
    source = static("PL")
    assert asyncio.run(source.forecast()) is None
    assert not source.capabilities.has_forecast
    assert not source.capabilities.claims_savings


def test_every_hour_has_the_factor_and_calls_it_an_estimate():
    rows = asyncio.run(static("PL").observations(Interval(NOON - 3 * HOUR, NOON)))
    factor = zones.yearly_factors()["PL"].g_per_kwh
    assert [(row.g_per_kwh, row.status) for row in rows] == [(factor, IntensityStatus.ESTIMATED)] * 3


def test_the_hour_that_is_running_has_it_already():
    """Nothing that is still to come can change it, so a job that just ended can be settled."""
    rows = asyncio.run(static("PL").observations(Interval(NOON, NOW)))
    assert [row.interval for row in rows] == [Interval(NOON, NOON + HOUR)]


def test_the_country_stands_for_its_regions_and_the_note_says_which_year():
    (note, _) = static("US-CAL-CISO").capabilities.notes
    assert "United States in 20" in note
    assert static("US-CAL-CISO").capabilities.key.zone == "US-CAL-CISO"


def test_a_factor_of_ones_own_needs_no_country():
    source = static("my-island", 12.5)
    rows = asyncio.run(source.observations(Interval(NOON, NOW)))
    assert rows[0].g_per_kwh == 12.5


@pytest.mark.parametrize("zone", ["XX", "Atlantis", "GB-99"])
def test_an_unknown_country_is_refused(zone):
    with pytest.raises(CarbonSourceRejected, match="carbonq grid providers"):
        static(zone)


def test_the_table_has_about_two_hundred_countries_each_with_year_and_source():
    """Every row is plausible and dated; nothing in it is older than five years at the time of writing."""
    factors = zones.yearly_factors().values()
    assert len(factors) > 200
    assert all(0 <= factor.g_per_kwh <= 1_500 and factor.year >= 2021 and factor.source for factor in factors)
    assert all(len(factor.iso2) == 2 and len(factor.iso3) == 3 and factor.country for factor in factors)
    assert len({factor.iso3 for factor in factors}) == len(factors)
