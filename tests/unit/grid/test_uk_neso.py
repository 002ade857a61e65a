"""The client of the UK Carbon Intensity API: its quirks, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import grid_server
from fakes.scripted_server import ScriptedServer

from scheduler.domain.carbon import Accounting, Basis, CarbonForecast, IntensityStatus
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings

NOW = NOON + timedelta(minutes=17)
HALF_HOUR = timedelta(minutes=30)


def neso(base_url: str, zone: str = "GB", now: datetime = NOW):
    return open_source(SourceSettings(zone=zone, provider="uk-neso", base_url=base_url), FakeClock(now))


def forecast_from(body: object, zone: str = "GB", now: datetime = NOW) -> CarbonForecast:
    with ScriptedServer.always(json.dumps(body).encode()) as server:
        return asyncio.run(neso(server.url, zone, now).forecast())


def observed_from(body: object, interval: Interval, zone: str = "GB"):
    with ScriptedServer.always(json.dumps(body).encode()) as server:
        return asyncio.run(neso(server.url, zone).observations(interval))


def slot(start: datetime, forecast: object, actual: object = None) -> dict[str, object]:
    end = start + HALF_HOUR
    return {
        "from": f"{start:%Y-%m-%dT%H:%MZ}",
        "to": f"{end:%Y-%m-%dT%H:%MZ}",
        "intensity": {"forecast": forecast, "actual": actual, "index": "low"},
    }


def slots(*forecasts: object, start: datetime = NOON) -> list[dict[str, object]]:
    return [slot(start + n * HALF_HOUR, value) for n, value in enumerate(forecasts)]


def region(number: int, *forecasts: object) -> dict[str, object]:
    return {"regionid": number, "shortname": "Somewhere", "data": slots(*forecasts)}


def test_the_series_is_direct_and_counts_imports():
    """NESO's factors leave out building and fuel supply; mixing them with life-cycle values would be an error."""
    key = neso("http://localhost").capabilities.key
    assert (key.basis, key.accounting) == (Basis.DIRECT, Accounting.CONSUMPTION)


def test_the_url_of_a_forecast_stays_the_same_for_half_an_hour():
    """So that caches on the way can answer."""
    with ScriptedServer.always(json.dumps({"data": slots(100)}).encode()) as server:
        for minute in (0, 17, 29):
            asyncio.run(neso(server.url, now=NOON + timedelta(minutes=minute)).forecast())
    assert set(server.paths) == {"/base/intensity/2026-11-23T12:01Z/fw48h"}


def test_the_slot_that_ends_at_from_is_left_out():
    """The service sends it along; it is over."""
    forecast = forecast_from({"data": slots(90, 100, 110, start=NOON - HALF_HOUR)})
    assert forecast.expected.span == Interval(NOON, NOON + timedelta(hours=1))
    assert forecast.issued_at == NOON


def test_slots_without_a_forecast_stay_unknown():
    """Null is a gap, never a zero."""
    forecast = forecast_from({"data": slots(100, None, 120)})
    assert forecast.expected.value_at(NOON + HALF_HOUR) is None
    assert forecast.expected.value_at(NOON + timedelta(hours=1)) == 120


def test_no_slots_at_all_is_unavailable():
    """Asking again later may help."""
    with pytest.raises(CarbonSourceUnavailable, match="no forecast for GB"):
        forecast_from({"data": []})


@pytest.mark.parametrize("wrap", [lambda found: found, lambda found: [found]], ids=["object", "list"])
def test_a_region_may_come_as_an_object_or_in_a_list(wrap):
    """The same service does both, by path."""
    forecast = forecast_from({"data": wrap(region(13, 100, 110))}, "GB-13")
    assert forecast.expected.values.tolist() == [100, 110]
    assert forecast.key.zone == "GB-13"


def test_an_answer_for_another_region_is_refused():
    """Scotland's wind says nothing about London."""
    with pytest.raises(CarbonDataInvalid, match="asked for regionid 13, it answered for 2"):
        forecast_from({"data": region(2, 100)}, "London")


def test_an_answer_for_another_postcode_is_refused():
    with pytest.raises(CarbonDataInvalid, match="asked for postcode 'RG10'"):
        forecast_from({"data": {**region(12, 100), "postcode": "BH1"}}, "GB-RG10")


def test_a_national_value_is_observed_once_it_is_actual():
    """A slot without an actual value has not been observed, whatever was forecast for it."""
    day_ago = NOON - timedelta(days=1)
    body = {"data": [slot(day_ago, 140, 150), slot(day_ago + HALF_HOUR, 145, None)]}
    rows = observed_from(body, Interval(day_ago, NOON))
    assert [(row.g_per_kwh, row.status) for row in rows] == [(150, IntensityStatus.ACTUAL)]


def test_a_regional_value_is_an_estimate_for_ever():
    """Regions are modelled and never measured, and say so."""
    body = {"data": [{**region(13), "data": slots(140, 145, start=NOON - timedelta(hours=1))}]}
    rows = observed_from(body, Interval(NOON - timedelta(hours=1), NOON), "GB-13")
    assert [row.status for row in rows] == [IntensityStatus.ESTIMATED] * 2
    assert "never measures" in neso("http://localhost", "GB-13").capabilities.notes[0]


def test_only_what_is_measured_is_consolidated_after_two_days():
    """A modelled region is looked at once, when the model has had its last word."""
    day = timedelta(days=1)
    assert neso("http://localhost").capabilities.review_ages == (day, 2 * day)
    assert neso("http://localhost", "GB-13").capabilities.review_ages == (day,)


def test_values_revised_within_the_first_day_replace_each_other():
    """The same slot, asked for a day later, has the value that stays."""
    clock = FakeClock(NOW)
    slot_asked = Interval(NOON - HALF_HOUR, NOON)
    with grid_server(clock.now) as server:
        source = open_source(SourceSettings(zone="GB", base_url=server.url("uk-neso")), clock)

        async def twice():
            first = await source.observations(slot_asked)
            clock.advance(timedelta(days=2))
            return first, await source.observations(slot_asked)

        (first,), (second,) = asyncio.run(twice())
    assert first.interval == second.interval
    assert first.g_per_kwh == pytest.approx(second.g_per_kwh * 1.02, rel=1e-3)


@pytest.mark.parametrize("spelled", ["GB", "uk", "gbr", "United Kingdom"])
def test_the_nation_goes_by_several_names(spelled):
    assert neso("http://localhost", spelled).capabilities.key.zone == "GB"


@pytest.mark.parametrize("zone", ["GB-18", "GB-NIR", "DE", "GB-NOWHERE"])
def test_a_zone_that_neso_does_not_know_is_refused_before_asking(zone):
    """Northern Ireland is not in Great Britain; the message says where zones are listed."""
    with pytest.raises(CarbonSourceRejected, match="carbonq grid providers"):
        neso("http://localhost", zone)


def test_a_refusal_by_the_service_names_the_zone():
    """A well-formed postcode may still not exist."""
    body = json.dumps({"error": {"code": "400 Bad Request", "message": "Please enter a valid postcode"}}).encode()
    with (
        ScriptedServer.always(body, 400) as server,
        pytest.raises(CarbonSourceRejected, match=r"GB-ZZ9.*carbonq grid providers"),
    ):
        asyncio.run(neso(server.url, "GB-ZZ9").forecast())


def test_a_slot_of_the_wrong_length_is_refused():
    """A quarter of an hour called half an hour would shift every later value."""
    odd = slot(NOON, 100) | {"to": "2026-11-23T12:15Z"}
    with pytest.raises(CarbonDataInvalid, match="not half an hour"):
        forecast_from({"data": [odd]})


@pytest.mark.parametrize(("day", "half_hours"), [("2026-03-29", 46), ("2026-10-25", 50)])
def test_days_of_23_and_25_hours_lose_and_double_nothing(day, half_hours):
    """Slots are in UTC, which knows no summer time; only the local day's length differs."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/London"))
    local_day = Interval(midnight, midnight + timedelta(days=1))
    later = local_day.end + timedelta(days=2)
    with grid_server(lambda: later) as server:
        rows = asyncio.run(neso(server.url("uk-neso"), now=later).observations(local_day))
    assert len(rows) == half_hours
