"""The client of OpenElectricity: intervals by their end, technologies by their names."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEY, grid_server
from fakes.scripted_server import ScriptedServer

from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import best_provider, open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
NAME = "openelectricity"


def openelectricity(base_url: str, zone: str = "AU-NSW", key: str = KEY):
    settings = SourceSettings(zone=zone, provider=NAME, base_url=base_url, credentials={NAME: key})
    return open_source(settings, FakeClock(NOON))


def observed_from(technologies: dict[str, list[object]], **envelope: object):
    """Each technology has points [time, value] of the evening of Sydney, which is noon of ours."""
    results = [
        {"columns": {"region": "NSW1", "fueltech": name}, "data": points} for name, points in technologies.items()
    ]
    block = {"metric": "power", "interval": "5m", "results": results, **envelope}
    body = json.dumps({"success": True, "data": [block]}).encode()
    with ScriptedServer.always(body) as server:
        return asyncio.run(openelectricity(server.url).observations(Interval(NOON - HOUR, NOON)))


def test_an_interval_is_labelled_by_its_end_in_the_markets_time():
    """22:00 in the market is noon in UTC."""
    (only,) = observed_from({"GAS_CCGT": [["2026-11-23T22:00:00+10:00", 100]]})
    assert only.interval == Interval(NOON - timedelta(minutes=5), NOON)


def test_technologies_are_known_by_how_their_names_begin():
    """Imports and batteries were generated elsewhere or earlier; a new name counts as other."""
    at = "2026-11-23T22:00:00+10:00"
    (only,) = observed_from(
        {"GAS_OCGT": [[at, 100]], "WIND": [[at, 100]], "IMPORTS": [[at, 900]], "BATTERY_DISCHARGING": [[at, 50]]}
    )
    assert only.g_per_kwh == (490 + 11) / 2
    (other,) = observed_from({"TIDAL_LAGOON": [[at, 100]]})
    assert other.g_per_kwh == 700


def test_another_metric_is_refused():
    with pytest.raises(CarbonDataInvalid, match="asked for metric 'power', it answered for 'price'"):
        observed_from({}, metric="price")


def test_a_refusal_in_a_200_is_a_refusal():
    body = json.dumps({"success": False, "error": "Plan limit"}).encode()
    with ScriptedServer.always(body) as server, pytest.raises(CarbonSourceRejected, match="Plan limit"):
        asyncio.run(openelectricity(server.url).observations(Interval(NOON - HOUR, NOON)))


def test_a_wrong_key_is_refused_without_being_shown():
    with grid_server(lambda: NOON) as server, pytest.raises(CarbonSourceRejected) as error:
        asyncio.run(openelectricity(server.url(NAME), key="wr0ng").observations(Interval(NOON - HOUR, NOON)))
    assert "wr0ng" not in str(error.value)


@pytest.mark.parametrize("zone", ["AU-NSW", "NSW1", "au-vic"])
def test_regions_go_by_several_names(zone):
    assert best_provider(SourceSettings(zone=zone, credentials={NAME: KEY})) == NAME


def test_the_west_has_a_market_of_its_own():
    with pytest.raises(CarbonSourceRejected, match="carbonq grid providers"):
        openelectricity("http://localhost", "AU-WA")
