"""The client of a site's own Carbon Aware SDK WebAPI: values of whatever kind the site says they are."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.scripted_server import ScriptedServer

from scheduler.domain.carbon import Basis, SignalKind
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source, providers
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)


def webapi(base_url: str | None, **settings: object):
    chosen = {"zone": "eastus", "provider": "carbon-aware-sdk", "base_url": base_url, "attempts": 1, **settings}
    return open_source(SourceSettings(**chosen), FakeClock(NOON))


def observed_from(body: object, status: int = 200):
    written = json.dumps(body).encode() if body is not None else b""
    with ScriptedServer.always(written, status) as server:
        return asyncio.run(webapi(server.url).observations(Interval(NOON - 6 * HOUR, NOON)))


def rating(hours_ago: float, value: object, **fields: object) -> dict[str, object]:
    at = NOON - hours_ago * HOUR
    return {"location": "eastus", "time": f"{at:%Y-%m-%dT%H:%M:%S}.5092741+00:00", "rating": value, **fields}


def test_without_an_address_there_is_nothing_to_ask():
    """It runs at the site and nowhere else."""
    with pytest.raises(CarbonSourceRejected, match=r"set grid\.base_url"):
        webapi(None)
    assert {row.name: row.state for row in providers()}["carbon-aware-sdk"] == "needs base_url"


def test_what_the_values_are_is_for_the_site_to_say():
    key = webapi("http://localhost", kind=SignalKind.MARGINAL, basis=Basis.DIRECT).capabilities.key
    assert (key.kind, key.basis) == (SignalKind.MARGINAL, Basis.DIRECT)


def test_seven_digits_of_a_second_can_be_read():
    (only,) = observed_from([rating(3, 70.0, duration="01:00:00")])
    assert only.interval.start.microsecond == 509274


def test_a_rating_without_a_duration_lasts_until_the_next():
    rows = observed_from([rating(5, 70.0), rating(3, 80.0)])
    assert [row.interval.length for row in rows] == [2 * HOUR, 2 * HOUR]


def test_no_content_is_no_observation():
    assert observed_from(None, 204) == ()


@pytest.mark.parametrize("duration", ["an hour", "1", "00:00:00"])
def test_a_duration_that_is_none_is_refused(duration):
    with pytest.raises(CarbonDataInvalid):
        observed_from([rating(3, 70.0, duration=duration)])


def test_a_source_without_forecasts_is_noticed():
    """501 from the WebAPI: what stands behind it has none, and will not have one tomorrow."""
    with ScriptedServer.always(b'{"title": "NotImplemented"}', 501) as server:
        source = webapi(server.url)
        assert asyncio.run(source.forecast()) is None
    assert not source.capabilities.has_forecast


@pytest.mark.parametrize(("body", "status"), [(b"", 204), (b"[]", 200)])
def test_an_empty_forecast_is_unavailable(body, status):
    with ScriptedServer.always(body, status) as server, pytest.raises(CarbonSourceUnavailable):
        asyncio.run(webapi(server.url).forecast())


def test_an_unknown_location_is_refused_with_where_to_look():
    with (
        ScriptedServer.always(b'{"detail": "Unknown location"}', 400) as server,
        pytest.raises(CarbonSourceRejected, match=r"Unknown location.*/locations"),
    ):
        asyncio.run(webapi(server.url).forecast())
