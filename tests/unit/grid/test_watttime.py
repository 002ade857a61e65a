"""The client of WattTime: tokens, plans, pounds, and history that is brought up to date."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEY, KEYS, Fault, grid_server
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.carbon import Basis, IntensityStatus, SignalKind
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import best_provider, open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
NAME = "watttime"


def watttime(base_url: str, clock: FakeClock, region: str = "CAISO_NORTH", **settings: object):
    chosen = {"zone": region, "provider": NAME, "base_url": base_url, "credentials": KEYS, "attempts": 1, **settings}
    return open_source(SourceSettings(**chosen), clock)


def paths(server) -> list[str]:
    return [request.path.partition(f"/{NAME}/")[2] for request in server.requests]


def test_the_series_is_marginal_and_direct():
    """It answers another question than an average, and is never mixed with one."""
    key = watttime("http://localhost", FakeClock()).capabilities.key
    assert (key.kind, key.basis) == (SignalKind.MARGINAL, Basis.DIRECT)


def test_averages_have_history_but_no_forecast():
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock, kind=SignalKind.AVERAGE)
        assert asyncio.run(source.forecast()) is None
        assert asyncio.run(source.observations(Interval(NOON - HOUR, NOON)))
        assert server.requests[-1].param("signal_type") == "co2_aoer"
    assert not source.capabilities.has_forecast


def test_an_index_cannot_be_accounted_with():
    with pytest.raises(CarbonSourceRejected, match="no unit"):
        watttime("http://localhost", FakeClock(), kind=SignalKind.INDEX)


def test_one_login_serves_many_questions():
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            await asyncio.gather(source.forecast(), source.observations(Interval(NOON - HOUR, NOON)))
            await source.close()

        asyncio.run(act())
        assert paths(server).count("login") == 1


def test_the_token_is_renewed_before_it_expires():
    """After 26 of its 30 minutes; nobody is ever told 401."""
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            await source.forecast()
            clock.advance(timedelta(minutes=26))
            await source.forecast()

        asyncio.run(act())
        assert paths(server) == ["login", "v3/forecast", "login", "v3/forecast"]


def test_a_401_is_answered_with_one_new_login():
    """A server that restarted has forgotten its tokens."""
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            await source.forecast()
            server.faults.turn_on(Fault.UNAUTHORISED, times=1)
            return await source.forecast()

        assert asyncio.run(act()) is not None
        assert paths(server) == ["login", "v3/forecast", "v3/forecast", "login", "v3/forecast"]


def test_a_login_that_is_refused_names_what_to_check_and_shows_no_password():
    clock = FakeClock()
    wrong = {"watttime_user": "loopback", "watttime_password": "wr0ng"}
    with grid_server(clock.now) as server, pytest.raises(CarbonSourceRejected, match="check watttime_user") as error:
        asyncio.run(watttime(server.url(NAME), clock, credentials=wrong).forecast())
    assert "wr0ng" not in str(error.value)


def test_the_token_appears_in_no_error():
    def answer(handler, _):
        if handler.path.endswith("/login"):
            send(handler, 200, b'{"token": "t0ken-of-the-day"}')
        else:
            send(handler, 403, b"t0ken-of-the-day is not good enough")

    with ScriptedServer(answer) as server, pytest.raises(CarbonSourceRejected) as error:
        asyncio.run(watttime(server.url, FakeClock()).forecast())
    assert "t0ken" not in str(error.value)


def test_a_region_outside_the_plan_is_refused_with_what_is_free():
    clock = FakeClock()
    with grid_server(clock.now) as server, pytest.raises(CarbonSourceRejected, match="CAISO_NORTH is free"):
        asyncio.run(watttime(server.url(NAME), clock, "ERCOT_EASTTX").forecast())


def test_an_unknown_region_is_refused():
    clock = FakeClock()
    with grid_server(clock.now) as server, pytest.raises(CarbonSourceRejected, match="refused ATLANTIS"):
        asyncio.run(watttime(server.url(NAME), clock, "Atlantis").forecast())


def test_pounds_a_megawatt_hour_become_grams_a_kilowatt_hour():
    """The number as it came is kept beside ours."""
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)
        rows = asyncio.run(source.observations(Interval(NOON - HOUR, NOON)))
        true = server.grid.series.value_at(NOON - HOUR)
    assert rows[0].raw_unit == "lb/MWh"
    assert rows[0].g_per_kwh == pytest.approx(rows[0].raw_value * 0.45359237)
    assert rows[0].g_per_kwh == pytest.approx(true * 1.02, rel=1e-3)


@pytest.mark.parametrize(
    ("meta", "complaint"),
    [
        ({"units": "percentile"}, "asked for units 'lbs_co2_per_mwh', it answered for 'percentile'"),
        ({"signal_type": "health_damage"}, "asked for signal_type 'co2_moer'"),
        ({"region": "PJM_DC"}, "asked for region 'CAISO_NORTH'"),
    ],
)
def test_an_answer_about_something_else_is_refused(meta, complaint):
    """A percentile has the size of an intensity, and is none."""
    good = {
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
        "data_point_period_seconds": 300,
    }
    body = json.dumps({"token": "any", "data": [], "meta": {**good, **meta}}).encode()
    with ScriptedServer.always(body) as server, pytest.raises(CarbonDataInvalid, match=complaint):
        asyncio.run(watttime(server.url, FakeClock()).forecast())


def test_the_forecast_names_its_model_and_its_moment():
    """72 hours of five minutes, 864 points."""
    clock = FakeClock(NOON + timedelta(minutes=3))
    with grid_server(clock.now) as server:
        forecast = asyncio.run(watttime(server.url(NAME), clock).forecast())
    assert len(forecast.expected) == 864
    assert forecast.issued_at == NOON
    assert forecast.method == "provider, model 2026-03-01"


def test_after_the_first_time_only_what_was_updated_is_asked_for():
    """A day and a half later the revised values have replaced the imputed ones, and the new ones are there."""
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            first = await source.observations(Interval(NOON - 6 * HOUR, NOON))
            clock.advance(timedelta(hours=36))
            second = await source.observations(Interval(NOON - 6 * HOUR, clock.now()))
            return first, second

        first, second = asyncio.run(act())
        asked = server.requests[-1]
    assert asked.param("updated_since") == (NOON - HOUR).isoformat()
    assert {row.status for row in first} == {IntensityStatus.ESTIMATED}
    assert [row.interval.start for row in second[: len(first)]] == [row.interval.start for row in first]
    assert second[0].status is IntensityStatus.ACTUAL
    assert len(second) == 42 * 12


def test_a_longer_past_than_is_kept_is_asked_for_whole():
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            await source.observations(Interval(NOON - HOUR, NOON))
            return await source.observations(Interval(NOON - 3 * HOUR, NOON))

        assert len(asyncio.run(act())) == 36
        assert server.requests[-1].param("updated_since") == ""


def test_marginal_is_never_chosen_by_itself():
    """Which question to ask of the grid is the user's choice."""
    assert best_provider(SourceSettings(zone="US-CISO", credentials={**KEYS, "electricity_maps": " "})) == "eia"


def test_the_password_is_part_of_no_url():
    clock = FakeClock()
    with grid_server(clock.now) as server:
        asyncio.run(watttime(server.url(NAME), clock).forecast())
        assert all(KEY not in f"{request.path} {request.query}" for request in server.requests)
