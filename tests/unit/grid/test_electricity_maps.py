"""The client of Electricity Maps: what a key covers, estimates and measurements, zones that are not what was asked."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import FREE_KEY, KEY, Fault, grid_server, made_up_series
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.carbon import Accounting, Basis, IntensityStatus
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.electricity_maps import FACTORS, locate
from scheduler.grid.places import Place
from scheduler.grid.registry import best_provider, open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
NOW = NOON + timedelta(minutes=17)
LATEST = "carbon-intensity/latest"
DAY = Interval(NOW - 24 * HOUR, NOW)
NAME = "electricity-maps"


def em(base_url: str, zone: str = "DE", key: str = KEY, now=NOW, **settings: object):
    chosen = SourceSettings(
        zone=zone,
        provider=NAME,
        base_url=base_url,
        credentials={"electricity_maps": key},
        attempts=1,
        **settings,
    )
    return open_source(chosen, now if isinstance(now, FakeClock) else FakeClock(now))


def paths(server) -> list[str]:
    return [request.path.partition(f"/{NAME}/")[2] for request in server.requests]


def row(start, value: object, **fields: object) -> dict[str, object]:
    return {"zone": "DE", "carbonIntensity": value, "datetime": f"{start:%Y-%m-%dT%H:%M:%S}.000Z", **fields}


def observed_from(rows: list[dict[str, object]], access: list[str] | None = None, **fields: object):
    """What the client makes of a history with these rows."""
    access = access or ["carbon-intensity/history"]

    def answer(handler, _):
        zones = {"DE": {"zoneName": "Germany", "access": access}}
        body = zones if handler.path.endswith("/zones") else {"zone": "DE", "history": rows, **fields}
        send(handler, 200, json.dumps(body).encode())

    with ScriptedServer(answer) as server:
        return asyncio.run(em(server.url).observations(DAY))


def test_the_series_is_life_cycle_and_follows_flows():
    key = em("http://localhost").capabilities.key
    assert (key.basis, key.accounting) == (Basis.LIFECYCLE, Accounting.CONSUMPTION)


def test_direct_factors_are_asked_for_where_they_are_wanted():
    with grid_server(lambda: NOW) as server:
        source = em(server.url(NAME), basis=Basis.DIRECT)
        asyncio.run(source.observations(DAY))
        assert server.requests[-1].param("emissionFactorType") == "direct"
    assert source.capabilities.key.basis is Basis.DIRECT


def test_the_key_travels_in_a_header_and_the_callers_own_zone_is_forbidden():
    with grid_server(lambda: NOW) as server:
        asyncio.run(em(server.url(NAME)).forecast())
        asked = server.requests[-1]
    assert asked.headers["auth-token"] == KEY
    assert KEY not in str(asked.query)
    assert asked.param("disableCallerLookup") == "true"


def test_a_free_key_has_no_forecast_and_says_so():
    """Learnt from /zones; the forecast is not even asked for, and never promised again."""
    with grid_server(lambda: NOW) as server:
        source = em(server.url(NAME), key=FREE_KEY)
        assert asyncio.run(source.forecast()) is None
        assert [request.path.rpartition("/")[2] for request in server.requests] == ["zones"]
    assert not source.capabilities.has_forecast
    assert source.capabilities.no_forecast == "this key has no forecast"


def test_only_a_key_that_may_look_far_back_promises_to_look_again():
    """What has left the last 24 hours cannot be asked for with a free key."""
    with grid_server(lambda: NOW) as server:
        free, paid = em(server.url(NAME), key=FREE_KEY), em(server.url(NAME))
        for source in (free, paid):
            asyncio.run(source.observations(DAY))
    assert free.capabilities.review_ages == ()
    assert [age.days for age in paid.capabilities.review_ages] == [1, 2, 8, 32, 93]


def test_a_free_key_has_the_last_24_hours():
    with grid_server(lambda: NOW) as server:
        rows = asyncio.run(em(server.url(NAME), key=FREE_KEY).observations(DAY))
    assert len(rows[:-1]) == 24
    assert rows[-2].interval.end == NOON


def test_older_hours_are_not_asked_of_a_free_key():
    """They cannot be had, and the hourly limit is small."""
    with grid_server(lambda: NOW) as server:
        source = em(server.url(NAME), key=FREE_KEY)
        assert asyncio.run(source.observations(DAY.shifted(-48 * HOUR))) == ()
        assert len(server.requests) == 1


def test_a_key_for_another_zone_says_which_it_covers():
    with (
        grid_server(lambda: NOW) as server,
        pytest.raises(CarbonSourceRejected, match="does not cover FR, it covers DE"),
    ):
        asyncio.run(em(server.url(NAME), "FR", FREE_KEY).observations(DAY))


def test_a_bad_key_is_refused_at_once():
    with grid_server(lambda: NOW) as server, pytest.raises(CarbonSourceRejected, match="refused the key") as error:
        asyncio.run(em(server.url(NAME), key="wr0ng").forecast())
    assert "wr0ng" not in str(error.value)


def test_the_first_401_to_a_good_key_is_taken_for_a_rate_limit():
    """So it is asked again a minute later; the second in a row is believed."""
    with grid_server(lambda: NOW) as server:
        source = em(server.url(NAME))

        async def act():
            assert await source.forecast() is not None
            server.faults.turn_on(Fault.UNAUTHORISED)
            with pytest.raises(CarbonSourceUnavailable) as first:
                await source.forecast()
            with pytest.raises(CarbonSourceRejected):
                await source.forecast()
            server.faults.turn_off()
            assert await source.forecast() is not None
            return first.value.retry_after

        assert asyncio.run(act()) == timedelta(minutes=1)


def test_a_plan_that_lost_its_forecast_is_noticed():
    """/zones may still promise what the endpoint refuses."""

    def answer(handler, _):
        if handler.path.endswith("/zones"):
            send(handler, 200, b'{"zones": {"DE": {"access": ["*"]}}}')
        else:
            send(handler, 403, b'{"error": "Request unauthorized for zoneKey=DE,requestType=forecast"}')

    with ScriptedServer(answer) as server:
        source = em(server.url)
        assert asyncio.run(source.forecast()) is None
    assert not source.capabilities.has_forecast


def test_estimates_are_told_from_measurements():
    """And the moment of the provider's last word is kept, for revisions are found by it."""
    hour = NOON - 2 * HOUR
    rows = [
        row(hour - HOUR, 300, isEstimated=False, updatedAt="2026-11-23T11:49:04.367Z"),
        row(hour, 310.5, isEstimated=True, estimationMethod="TIME_SLICER_AVERAGE"),
    ]
    measured, estimated = observed_from(rows)
    assert (measured.status, estimated.status) == (IntensityStatus.ACTUAL, IntensityStatus.ESTIMATED)
    assert measured.provider_updated_at is not None
    assert measured.provider_updated_at.hour == 11


def test_an_estimate_turns_into_a_measurement_with_another_value():
    clock = FakeClock(NOW)
    with grid_server(clock.now) as server:
        source = em(server.url(NAME), now=clock)

        async def twice():
            before = await source.observations(Interval(NOON - HOUR, NOON))
            clock.advance(timedelta(days=2))
            return before, await source.observations(Interval(NOON - HOUR, NOON))

        (before,), (after,) = asyncio.run(twice())
    assert (before.status, after.status) == (IntensityStatus.ESTIMATED, IntensityStatus.ACTUAL)
    assert before.g_per_kwh != after.g_per_kwh


def test_null_is_unknown():
    assert len(observed_from([row(NOON - 3 * HOUR, None), row(NOON - 2 * HOUR, 300)])) == 1


def test_without_a_forecast_the_running_hour_is_an_estimate():
    """What holds now is asked of `latest`: nothing else of a free key says it."""
    with grid_server(lambda: NOW) as server:
        rows = asyncio.run(em(server.url(NAME), key=FREE_KEY).observations(DAY))
        assert paths(server) == ["zones", "carbon-intensity/history", "carbon-intensity/latest"]
    assert rows[-1].interval == Interval(NOON, NOON + HOUR)
    assert rows[-1].status is IntensityStatus.ESTIMATED


def test_a_history_that_tells_the_running_hour_saves_the_second_question():
    """It is an estimate there as well, whatever it is called."""
    (running,) = observed_from([row(NOON, 300, isEstimated=False)], ["carbon-intensity/history", LATEST])
    assert (running.interval.start, running.status) == (NOON, IntensityStatus.ESTIMATED)


def test_a_latest_value_that_is_not_to_be_had_spoils_no_history():
    """The service has none, or the plan does not cover it."""

    def answer(handler, _):
        if handler.path.endswith("/zones"):
            send(handler, 200, b'{"DE": {"access": ["carbon-intensity/history", "carbon-intensity/latest"]}}')
        elif LATEST in handler.path:
            send(handler, 404, b'{"status": "error", "message": "No recent data for zone DE"}')
        else:
            send(handler, 200, json.dumps({"zone": "DE", "history": [row(NOON - 2 * HOUR, 300)]}).encode())

    with ScriptedServer(answer) as server:
        assert len(asyncio.run(em(server.url).observations(DAY))) == 1


def test_a_latest_value_about_the_coming_hour_is_not_that_of_now():
    """Just before the hour the service already speaks of the next one."""
    body = row(NOON + HOUR, 300, isEstimated=True)

    def answer(handler, _):
        zones = b'{"DE": {"access": ["carbon-intensity/history", "carbon-intensity/latest"]}}'
        listed = json.dumps({"zone": "DE", "history": []} if "history" in handler.path else body).encode()
        send(handler, 200, zones if handler.path.endswith("/zones") else listed)

    with ScriptedServer(answer) as server:
        assert asyncio.run(em(server.url).observations(DAY)) == ()


def test_a_key_with_a_forecast_does_not_ask_for_the_latest_value():
    """The forecast begins with the running hour."""
    with grid_server(lambda: NOW) as server:
        rows = asyncio.run(em(server.url(NAME)).observations(DAY))
        assert "carbon-intensity/latest" not in paths(server)
    assert rows[-1].interval.end == NOON


def test_a_row_of_another_zone_inside_the_answer_is_refused():
    with pytest.raises(CarbonDataInvalid, match="asked for zone 'DE', it answered for 'PL'"):
        observed_from([row(NOON - 2 * HOUR, 300) | {"zone": "PL"}])


def with_factors(basis: Basis, path: str, said: dict[str, object], row_says: dict[str, object]):
    """What is asked for on that basis, and answered with these fields in the body and in each of its rows."""
    rows = [row(NOON + n * HOUR, 300, **row_says) for n in range(-5, 5)]

    def answer(handler, _):
        zones = {"DE": {"zoneName": "Germany", "access": ["*"]}}
        body = zones if handler.path.endswith("/zones") else {"zone": "DE", "data": rows, "forecast": rows, **said}
        send(handler, 200, json.dumps(body).encode())

    with ScriptedServer(answer) as server:
        source = em(server.url, basis=basis)
        return asyncio.run(source.forecast() if path == "forecast" else source.observations(DAY))


DIRECT, LIFECYCLE = {FACTORS: "direct"}, {FACTORS: "lifecycle"}


@pytest.mark.parametrize("path", ["forecast", "past-range"])
@pytest.mark.parametrize(("said", "row_says"), [(LIFECYCLE, {}), ({}, LIFECYCLE), (DIRECT, LIFECYCLE)])
def test_values_on_another_basis_than_was_asked_for_are_refused(path, said, row_says):
    """They are a series of their own, which must not be kept under the name of this one."""
    with pytest.raises(CarbonDataInvalid, match="asked for emissionFactorType 'direct', it answered for 'lifecycle'"):
        with_factors(Basis.DIRECT, path, said, row_says)


@pytest.mark.parametrize("path", ["forecast", "past-range"])
@pytest.mark.parametrize(
    ("basis", "named"),
    [(Basis.DIRECT, DIRECT), (Basis.LIFECYCLE, LIFECYCLE), (Basis.DIRECT, {}), (Basis.DIRECT, {FACTORS: None})],
)
def test_values_that_name_no_basis_are_on_that_which_was_asked_for(path, basis, named):
    assert with_factors(basis, path, named, named)


def test_a_running_hour_on_another_basis_is_refused():
    """Of `latest` the answer is itself the row."""
    latest = row(NOON, 300, **DIRECT)

    def answer(handler, _):
        zones = b'{"DE": {"access": ["carbon-intensity/history", "carbon-intensity/latest"]}}'
        listed = json.dumps({"zone": "DE", "history": []} if "history" in handler.path else latest).encode()
        send(handler, 200, zones if handler.path.endswith("/zones") else listed)

    with ScriptedServer(answer) as server, pytest.raises(CarbonDataInvalid, match="emissionFactorType 'lifecycle'"):
        asyncio.run(em(server.url).observations(DAY))


def test_days_where_hours_were_expected_are_refused():
    with pytest.raises(CarbonDataInvalid, match="temporalGranularity = 'daily'"):
        observed_from([row(NOON - 2 * HOUR, 300)], temporalGranularity="daily")


def test_a_long_past_is_asked_for_ten_days_at_a_time():
    """More is refused by the service."""
    with grid_server(lambda: NOW) as server:
        asyncio.run(em(server.url(NAME)).observations(Interval(NOW - timedelta(days=25), NOW)))
        assert len([r for r in server.requests if r.path.endswith("past-range")]) == 3


def test_the_forecast_is_dated_by_the_provider():
    with grid_server(lambda: NOW) as server:
        forecast = asyncio.run(em(server.url(NAME)).forecast())
    assert NOON <= forecast.issued_at < NOON + timedelta(seconds=1)
    assert forecast.horizon == NOON + 25 * HOUR


def test_no_recent_data_is_unavailable():
    def answer(handler, _):
        if handler.path.endswith("/zones"):
            send(handler, 200, b'{"DE": {}}')
        else:
            send(handler, 404, b'{"status": "error", "message": "No recent data for zone DE"}')

    with ScriptedServer(answer) as server, pytest.raises(CarbonSourceUnavailable, match="No recent data"):
        asyncio.run(em(server.url).forecast())


def test_a_key_makes_it_the_first_choice():
    """Whoever gives a key wants it used."""
    assert best_provider(SourceSettings(zone="DE", credentials={"electricity_maps": KEY})) == NAME


LONG_PAST = timedelta(days=25)


def read_twice(base: str, between: timedelta):
    """The last 25 days, and once more some time later: the rows of both, and the paths of the second."""
    clock = FakeClock(NOW)
    with grid_server(clock.now, made_up_series(NOW, days=30)) as server:
        source = em(server.url(NAME) + base, now=clock)

        async def act():
            first = await source.observations(Interval(NOW - LONG_PAST, NOW))
            asked = len(server.requests)
            clock.advance(between)
            second = await source.observations(Interval(NOW - LONG_PAST, clock.now()))
            return first, second, [path.removeprefix(base[1:] + "/") for path in paths(server)[asked:]]

        first, second, again = asyncio.run(act())
        fresh = asyncio.run(em(server.url(NAME) + base, now=clock).observations(Interval(NOW - LONG_PAST, clock.now())))
    return first, second, fresh, again


def test_a_long_past_is_read_once_and_then_only_what_was_updated():
    """One question which hours changed, one for those hours, instead of three for everything."""
    first, second, fresh, again = read_twice("/v3", timedelta(hours=20))
    assert values(second) == values(fresh)
    assert len(second) == len(first) + 20
    assert again == ["updated-since", "carbon-intensity/past-range"]


def test_what_was_consolidated_meanwhile_is_picked_up():
    """The estimates of the last hours have become measurements with other values."""
    first, second, _, _ = read_twice("/v3", timedelta(hours=20))
    estimated = [r.interval for r in first if r.status is IntensityStatus.ESTIMATED]
    after = {r.interval: r.status for r in second}
    assert estimated
    assert all(after[interval] is IntensityStatus.ACTUAL for interval in estimated)


def test_where_the_service_does_not_say_what_was_updated_all_is_read():
    """Version 4 has no such path."""
    _, second, fresh, again = read_twice("/v4", timedelta(hours=20))
    assert values(second) == values(fresh)
    assert again == ["updated-since", *["carbon-intensity/past-range"] * 3]


def values(rows) -> dict[Interval, tuple[float, IntensityStatus]]:
    return {r.interval: (r.g_per_kwh, r.status) for r in rows}


@pytest.mark.parametrize("base", ["", "/v3", "/v4"])
def test_both_versions_give_the_same_series(base):
    """Their answers differ in what is wrapped around the rows."""
    with grid_server(lambda: NOW) as server:
        source = em(server.url(NAME) + base)

        async def act():
            return await source.forecast(), await source.observations(DAY)

        forecast, rows = asyncio.run(act())
    assert forecast.horizon == NOON + 25 * HOUR
    assert len(rows) == 24


def test_a_place_is_looked_up_by_the_service_itself():
    """A free key may ask, and the caller's own zone is not taken for the answer."""
    settings = SourceSettings(zone="52.5,13.4", provider=NAME, credentials={"electricity_maps": FREE_KEY})
    with grid_server(lambda: NOW) as server:
        asked = replace(settings, base_url=server.url(NAME))
        assert asyncio.run(locate(Place(52.5, 13.4), asked, FakeClock(NOW))) == "DE"
        assert server.requests[-1].param("disableCallerLookup") == "true"


def test_a_place_outside_the_plan_is_refused_by_its_zone():
    settings = SourceSettings(zone="48.9,2.4", provider=NAME, credentials={"electricity_maps": FREE_KEY})
    with grid_server(lambda: NOW) as server, pytest.raises(CarbonSourceRejected, match="zoneKey=FR"):
        asyncio.run(locate(Place(48.9, 2.4), replace(settings, base_url=server.url(NAME)), FakeClock(NOW)))
