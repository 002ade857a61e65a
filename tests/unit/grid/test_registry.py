"""Which provider answers for which zone, and what the table of providers says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fakes.clock import FakeClock

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.grid import zones
from scheduler.grid.registry import best_provider, open_source, providers
from scheduler.grid.settings import SourceSettings


@pytest.mark.parametrize(
    ("zone", "provider"),
    [
        ("GB", "uk-neso"),
        ("uk", "uk-neso"),
        ("GB-13", "uk-neso"),
        ("London", "uk-neso"),
        ("GB-RG10", "uk-neso"),
        ("RG10 1AA", "uk-neso"),
        ("GB-rg10 1aa", "uk-neso"),
        ("GB-NIR", "static"),
        ("DE", "energy-charts"),
        ("deu", "energy-charts"),
        ("Germany", "energy-charts"),
        ("SE-SE3", "energy-charts"),
        ("US-CAL-CISO", "static"),
        ("IN", "static"),
    ],
)
def test_auto_takes_the_best_provider_that_covers_the_zone(zone, provider):
    """A national source where there is one, else the yearly factor."""
    assert best_provider(SourceSettings(zone=zone)) == provider
    assert open_source(SourceSettings(zone=zone), FakeClock()).capabilities.source == provider


@pytest.mark.parametrize(("zone", "provider"), [("NE", "static"), ("SC", "static"), ("SE", "energy-charts")])
def test_two_letters_are_a_country_even_where_they_are_an_american_region_too(zone, provider):
    """NE is Niger and New England, SC the Seychelles and Santee Cooper, SE Sweden and the Southeast."""
    assert best_provider(SourceSettings(zone=zone, credentials={"eia": "k"})) == provider
    assert {row.name: row.state for row in providers(zone, {"eia": "k"})}["eia"] == "not for this zone"


def test_a_file_or_a_factor_of_ones_own_beats_the_national_source():
    """Whoever gives one means it."""
    assert best_provider(SourceSettings(zone="GB", file=Path("grid.csv"))) == "recorded"
    assert best_provider(SourceSettings(zone="GB", g_per_kwh=20.0)) == "static"


@pytest.mark.parametrize(("zone", "near"), [("Germny", "DE"), ("GB-99", "GB"), ("Frnace", "FR"), ("Lndon", "GB-13")])
def test_an_unknown_zone_is_refused_with_those_spelled_alike(zone, near):
    with pytest.raises(CarbonSourceRejected, match=f"no zone '{zone}'.*{near}.*carbonq grid providers"):
        open_source(SourceSettings(zone=zone), FakeClock())


def test_a_zone_like_no_other_is_refused_without_a_guess():
    with pytest.raises(CarbonSourceRejected, match="no zone 'ZZZZZ'; list zones"):
        open_source(SourceSettings(zone="ZZZZZ"), FakeClock())


def test_the_table_says_what_is_ready_for_a_zone():
    states = {row.name: row.state for row in providers("GB-13")}
    assert states["uk-neso"] == "ready"
    assert states["energy-charts"] == "not for this zone"
    assert states["recorded"] == "needs file"
    assert states["static"] == "ready"


def test_the_table_without_a_zone_lists_everybody():
    assert all(row.state != "not for this zone" for row in providers())
    assert all(row.licence and row.attribution and row.covers for row in providers())


def test_every_energy_charts_country_has_a_yearly_factor_too():
    """So that falling back never ends in an unknown zone."""
    assert zones.yearly_factors().keys() >= zones.ENERGY_CHARTS_COUNTRIES


def test_listing_providers_does_not_load_an_http_client():
    """The command line does it on every start."""
    script = "import sys, scheduler.grid.registry as r; r.providers('GB'); sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_who_knows_the_zone_itself_comes_before_who_answers_for_the_whole_country():
    """With a key for bidding zones a part of Sweden is served as that; the country as before."""
    key = {"entsoe": "key"}
    assert best_provider(SourceSettings(zone="SE-SE3", credentials=key)) == "entsoe"
    assert best_provider(SourceSettings(zone="SE", credentials=key)) == "energy-charts"
    assert best_provider(SourceSettings(zone="SE-SE3")) == "energy-charts"
