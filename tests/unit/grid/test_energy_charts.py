"""The client of Energy-Charts: parallel arrays, null tails, a horizon that breathes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlparse
from zoneinfo import ZoneInfo

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import grid_server
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.carbon import Accounting, Basis
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings

QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)


def energy_charts(base_url: str, zone: str = "DE", now: datetime = NOON):
    return open_source(SourceSettings(zone=zone, provider="energy-charts", base_url=base_url), FakeClock(now))


def arrays(measured: list[object], forecast: list[object], start: datetime = NOON, step_s: int = 900) -> bytes:
    seconds = [int(start.timestamp()) + n * step_s for n in range(len(measured))]
    return json.dumps({"unix_seconds": seconds, "co2eq": measured, "co2eq_forecast": forecast}).encode()


def forecast_from(body: bytes, status: int = 200, zone: str = "DE"):
    with ScriptedServer.always(body, status) as server:
        return asyncio.run(energy_charts(server.url, zone).forecast())


def test_the_series_is_life_cycle_and_counts_generation_only():
    key = energy_charts("http://localhost").capabilities.key
    assert (key.basis, key.accounting) == (Basis.LIFECYCLE, Accounting.PRODUCTION)


def test_null_tails_are_unknown():
    """Measured values end where the forecast begins, and the forecast ends before the arrays do."""
    body = arrays([300, None, None, None], [None, 310, 320, None], NOON - QUARTER)
    forecast = forecast_from(body)
    assert forecast.expected.span == Interval(NOON, NOON + 2 * QUARTER)
    assert forecast.expected.values.tolist() == [310, 320]


def test_a_forecast_for_what_is_over_is_left_out():
    """Forecast values of this morning are of no use for planning."""
    body = arrays([None] * 3, [300, 310, 320], NOON - 2 * QUARTER)
    assert forecast_from(body).expected.values.tolist() == [320]


def test_a_country_that_reports_hourly_has_hourly_rows():
    """A value holds until the next one, not for a quarter of an hour."""
    body = arrays([None] * 2, [300, 310], NOON, step_s=3600)
    assert forecast_from(body).expected.span == Interval(NOON, NOON + timedelta(hours=2))


def service(steps: list[timedelta], end: datetime = NOON) -> ScriptedServer:
    """Measured rows of these lengths up to `end`, of which it gives those that begin inside what is asked for."""
    starts = [end - sum(steps[count:], timedelta(0)) for count in range(len(steps))]

    def answer(handler, _):
        asked = parse_qs(urlparse(handler.path).query)
        first, last = (datetime.fromisoformat(asked[name][0]) for name in ("start", "end"))
        seconds = [int(start.timestamp()) for start in starts if first <= start <= last]
        body = {"unix_seconds": seconds, "co2eq": [300] * len(seconds), "co2eq_forecast": [None] * len(seconds)}
        send(handler, 200, json.dumps(body).encode())

    return ScriptedServer(answer)


def lengths_seen(server: ScriptedServer, *asked: Interval) -> dict[datetime, set[timedelta]]:
    """By start: how long its row held, in the answers to all of these questions."""
    seen: dict[datetime, set[timedelta]] = {}
    for interval in asked:
        for row in asyncio.run(energy_charts(server.url, "PT").observations(interval)):
            seen.setdefault(row.interval.start, set()).add(row.interval.length)
    return seen


def test_an_hour_stays_an_hour_however_narrow_the_question():
    """What is missing for one job is asked for alone, and must not cut short what is known already."""
    job = Interval(NOON - 3.4 * HOUR, NOON - 3.2 * HOUR)
    with service([HOUR] * 48) as server:
        seen = lengths_seen(server, job)
    assert seen == {NOON - 4 * HOUR: {HOUR}}


def test_no_rows_length_depends_on_the_question_where_a_country_changes_to_quarters():
    """Each question tells the same of each row, the hours before the change and the quarters after it."""
    quarters = [QUARTER] * 24
    narrow = [Interval(NOON - n * QUARTER, NOON - (n - 1) * QUARTER) for n in range(12, 36)]
    with service([HOUR] * 24 + quarters) as server:
        seen = lengths_seen(server, Interval(NOON - timedelta(days=1), NOON), *narrow)
    change = NOON - 6 * HOUR
    assert all(held == {HOUR if start < change else QUARTER} for start, held in seen.items())


def test_a_row_alone_is_left_out():
    """How long it holds could only be guessed."""
    with service([HOUR]) as server:
        assert lengths_seen(server, Interval(NOON - HOUR, NOON)) == {}


def test_a_row_that_was_lost_is_a_gap():
    """The hour before it does not hold for it."""
    with ScriptedServer.always(arrays([1, 2], [None] * 2, NOON - 6 * HOUR, step_s=7200)) as server:
        rows = asyncio.run(energy_charts(server.url).observations(Interval(NOON - 6 * HOUR, NOON)))
    assert [row.interval.length for row in rows] == [HOUR, HOUR]


def test_a_horizon_of_nothing_is_unavailable():
    """Late in the evening the forecast may have run out."""
    with pytest.raises(CarbonSourceUnavailable, match="no forecast for DE"):
        forecast_from(arrays([300], [None]))


def test_arrays_of_different_length_are_refused():
    """Which value belongs to which moment could only be guessed."""
    body = json.dumps({"unix_seconds": [1, 2, 3], "co2eq": [1, 2], "co2eq_forecast": [1, 2]}).encode()
    with pytest.raises(CarbonDataInvalid, match="2 values for 3 moments"):
        forecast_from(body)


def test_moments_that_are_no_numbers_are_refused():
    body = json.dumps({"unix_seconds": ["noon"], "co2eq": [1], "co2eq_forecast": [1]}).encode()
    with pytest.raises(CarbonDataInvalid, match="unix_seconds = 'noon'"):
        forecast_from(body)


def test_an_unknown_country_is_refused_with_those_spelled_alike():
    with pytest.raises(CarbonSourceRejected, match=r"Germny.*DE.*carbonq grid providers"):
        energy_charts("http://localhost", "Germny")


def test_a_country_the_service_has_dropped_is_refused():
    """The plain-text 400 of the real service ends in a sentence with a next step."""
    with pytest.raises(CarbonSourceRejected, match=r"DE.*400.*carbonq grid providers"):
        forecast_from(b"'de' is not the code for an available country.", 400)


def test_a_window_without_data_has_no_observations():
    """Energy-Charts says 404 where other services send an empty list."""
    with ScriptedServer.always(b'{"detail":"no content available"}', 404) as server:
        source = energy_charts(server.url)
        assert asyncio.run(source.observations(Interval(NOON - timedelta(days=1), NOON))) == ()


def test_tomorrow_is_forecast_from_seven_in_the_evening():
    """At 18:45 Berlin time the horizon is under six hours, at 19:00 it is over a day."""
    before, after = datetime(2026, 11, 23, 17, 45, tzinfo=UTC), datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    horizons = []
    for now in (before, after):
        with grid_server(lambda now=now: now) as server:
            forecast = asyncio.run(energy_charts(server.url("energy-charts"), now=now).forecast())
        horizons.append(forecast.horizon - now)
    assert horizons == [timedelta(hours=5, minutes=45), timedelta(hours=29)]


@pytest.mark.parametrize(("day", "quarters"), [("2026-03-29", 92), ("2026-10-25", 100)])
def test_days_of_23_and_25_hours_lose_and_double_nothing(day, quarters):
    """Rows carry UTC seconds, so the local day's length is all that differs."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    local_day = Interval(midnight, midnight + timedelta(days=1))
    later = local_day.end + timedelta(days=2)
    with grid_server(lambda: later) as server:
        rows = asyncio.run(energy_charts(server.url("energy-charts"), now=later).observations(local_day))
    assert len(rows) == quarters


def test_a_part_of_a_country_is_served_with_the_whole_and_says_so():
    """SE-SE3 has no series of its own here."""
    capabilities = energy_charts("http://localhost", "SE-SE3").capabilities
    assert capabilities.key.zone == "SE"
    assert capabilities.notes == ("the whole of SE stands for SE-SE3",)
