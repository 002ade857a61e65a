"""The client of WattTime: tokens, plans, pounds, and history that is brought up to date."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEY, KEYS, Fault, grid_server, made_up_series
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.carbon import Basis, IntensityStatus, SignalKind
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.places import Place
from scheduler.grid.registry import best_provider, open_source
from scheduler.grid.settings import SourceSettings
from scheduler.grid.watttime import locate

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


def test_an_index_is_a_series_of_its_own_without_grams():
    """One point, that of now; nothing is planned, claimed or accounted with it."""
    clock = FakeClock(NOON + timedelta(minutes=3))
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock, kind=SignalKind.INDEX)

        async def act():
            return await source.forecast(), await source.observations(Interval(NOON - HOUR, clock.now()))

        forecast, (point,) = asyncio.run(act())
    assert forecast is None
    assert (point.key.kind, point.raw_unit) == (SignalKind.INDEX, "percentile")
    assert 0 <= point.g_per_kwh <= 100
    assert point.interval == Interval(NOON, NOON + timedelta(minutes=5))
    assert not source.capabilities.claims_savings
    assert any("has no grams" in note for note in source.capabilities.notes)


def test_an_index_is_to_be_had_where_the_plan_has_nothing_else():
    """As for a free account, everywhere but in one region."""
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock, "ERCOT_EASTTX", kind=SignalKind.INDEX)
        assert len(asyncio.run(source.observations(Interval(NOON - HOUR, NOON + HOUR)))) == 1


@pytest.mark.parametrize("value", [101, -1, float("nan"), "clean"])
def test_an_index_outside_its_hundred_is_refused(value):
    meta = {
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "percentile",
        "data_point_period_seconds": 300,
    }
    points = [{"point_time": NOON.isoformat(), "value": value}]
    body = json.dumps({"token": "any", "data": points, "meta": meta}).encode()
    with ScriptedServer.always(body) as server, pytest.raises(CarbonDataInvalid):
        source = watttime(server.url, FakeClock(), kind=SignalKind.INDEX)
        asyncio.run(source.observations(Interval(NOON - HOUR, NOON + HOUR)))


def test_what_the_plan_covers_is_asked_once_and_told():
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            await source.forecast()
            await source.observations(Interval(NOON - HOUR, NOON))

        asyncio.run(act())
        assert paths(server).count("v3/my-access") == 1
    told = "this plan covers 2 regions: CAISO_NORTH, PJM_CHICAGO; of CAISO_NORTH forecast, forecast/historical, "
    assert any(note.startswith(told) for note in source.capabilities.notes)


def plan(endpoints: list[str]):
    """A server whose plan has these paths for CAISO_NORTH, and nothing behind them."""

    def answer(handler, _):
        region = {"region": "CAISO_NORTH", "endpoints": [{"endpoint": path} for path in endpoints]}
        access = {"signal_types": [{"signal_type": "co2_moer", "regions": [region]}]}
        send(handler, 200, json.dumps(access | {"token": "any"}).encode())

    return ScriptedServer(answer)


def test_a_plan_without_forecast_is_never_asked_for_one():
    with plan(["v3/historical"]) as server:
        source = watttime(server.url, FakeClock())
        assert asyncio.run(source.forecast()) is None
        assert len(server.paths) == 2
    assert not source.capabilities.has_forecast
    said = source.capabilities
    assert said.no_forecast == "this plan has no forecast of CAISO_NORTH"
    assert said.notes == ("this plan covers 1 regions: CAISO_NORTH; of CAISO_NORTH historical",)


def test_a_plan_without_history_is_never_asked_for_it():
    with plan(["/v3/forecast/"]) as server:
        source = watttime(server.url, FakeClock())
        assert asyncio.run(source.observations(Interval(NOON - HOUR, NOON))) == ()
        assert len(server.paths) == 2


@pytest.mark.parametrize(("status", "body"), [(404, b"{}"), (403, b"<html></html>"), (200, b'{"regions": []}')])
def test_where_the_service_does_not_say_what_the_plan_covers_it_is_tried(status, body):
    """An older or newer service, or one that keeps it to itself."""

    def answer(handler, _):
        if handler.path.endswith("/login"):
            send(handler, 200, b'{"token": "any"}')
        elif "my-access" in handler.path:
            send(handler, status, body)
        else:
            send(handler, 403, b'{"error": "Invalid scope"}')

    with ScriptedServer(answer) as server, pytest.raises(CarbonSourceRejected, match="does not cover v3/forecast"):
        asyncio.run(watttime(server.url, FakeClock()).forecast())


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
        assert paths(server) == ["login", "v3/my-access", "v3/forecast", "login", "v3/forecast"]


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
        assert paths(server)[2:] == ["v3/forecast", "v3/forecast", "login", "v3/forecast"]


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
    with (
        grid_server(clock.now) as server,
        pytest.raises(CarbonSourceRejected, match="does not cover the marginal intensity of ATLANTIS"),
    ):
        asyncio.run(watttime(server.url(NAME), clock, "Atlantis").forecast())


def test_pounds_a_megawatt_hour_become_grams_a_kilowatt_hour():
    """The number as it came is kept beside ours."""
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)
        rows = asyncio.run(source.observations(Interval(NOON - HOUR, NOON)))
        true = server.grid.series.value_at(NOON - HOUR)
    assert rows[0].raw_unit == "lb/MWh, model 2026-03-01"
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


def test_a_new_model_replaces_what_is_kept_of_the_old_one():
    """Only the last hour was updated, and yet every row is of the new model."""
    clock = FakeClock()
    with grid_server(clock.now) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            first = await source.observations(Interval(NOON - 6 * HOUR, NOON))
            clock.advance(HOUR)
            server.faults.turn_on(Fault.MODEL_SWITCH)
            return first, await source.observations(Interval(NOON - 6 * HOUR, clock.now()))

        first, second = asyncio.run(act())
    assert {row.raw_unit for row in first} == {"lb/MWh, model 2026-03-01"}
    assert {row.raw_unit for row in second} == {"lb/MWh, model 2026-10-01"}
    assert len(second) == 7 * 12
    assert all(after.g_per_kwh > before.g_per_kwh for before, after in zip(first, second, strict=False))


def test_a_model_that_changes_while_a_long_past_is_read_is_asked_again():
    """Half of one model and half of another would be a series of neither."""
    clock = FakeClock()
    with grid_server(clock.now, made_up_series(NOON, days=40)) as server:
        source = watttime(server.url(NAME), clock)

        async def act():
            await source.forecast()
            server.faults.turn_on(Fault.MODEL_SWITCH, times=1)
            return await source.observations(Interval(NOON - timedelta(days=35), NOON))

        with pytest.raises(CarbonSourceUnavailable, match="changed its model"):
            asyncio.run(act())


def test_a_place_is_looked_up_by_the_service_itself():
    clock = FakeClock()
    with grid_server(clock.now) as server:
        settings = SourceSettings(zone="37.8,-122.4", provider=NAME, base_url=server.url(NAME), credentials=KEYS)
        assert asyncio.run(locate(Place(37.8, -122.4), settings, clock)) == "CAISO_NORTH"
        with pytest.raises(CarbonSourceRejected, match="no region at 0,0"):
            asyncio.run(locate(Place(0, 0), settings, clock))


def test_a_place_as_zone_says_how_to_find_the_region():
    """Only WattTime knows its regions, and settings are read without asking anybody."""
    with pytest.raises(CarbonSourceRejected, match=r"grid setup --provider watttime --zone 37\.8,-122\.4"):
        watttime("http://localhost", FakeClock(), "37.8,-122.4")


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
