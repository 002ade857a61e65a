"""The client of a site's own Carbon Aware SDK WebAPI: values of whatever kind the site says they are."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlparse

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


def test_a_lone_rating_without_a_duration_is_left_out():
    """How long it holds could only be guessed."""
    assert observed_from([rating(3, 70.0)]) == ()


def test_a_rating_without_a_duration_does_not_hold_for_one_that_was_lost():
    rows = observed_from([rating(ago, 70.0) for ago in (6, 5, 3, 2)])
    assert [row.interval.length for row in rows] == [HOUR] * 4


def test_a_day_more_is_asked_for_on_both_sides_as_far_as_it_is_past():
    """So that a narrow question, too, tells how long its points hold."""
    with ScriptedServer.always(b"[]") as server:
        asyncio.run(webapi(server.url).observations(Interval(NOON - 3 * HOUR, NOON - 2 * HOUR)))
        asked = parse_qs(urlparse(server.paths[0]).query)
    assert (asked["time"], asked["toTime"]) == ([(NOON - 27 * HOUR).isoformat()], [NOON.isoformat()])


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
