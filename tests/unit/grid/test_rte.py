"""The client of éCO2mix: null for what is not known, a value each quarter or each half of an hour."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime, timedelta
from urllib.parse import unquote_plus

import pytest
from fakes.clock import NOON, FakeClock
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings

QUARTER = timedelta(minutes=15)


def rte(base_url: str, zone: str = "FR"):
    return open_source(SourceSettings(zone=zone, provider="rte", base_url=base_url), FakeClock(NOON))


def observed_from(values: list[object], start: datetime = NOON - 8 * QUARTER) -> list[tuple[int, float]]:
    """(length in minutes, value) of what the client makes of these quarters."""
    body = [{"date_heure": (start + n * QUARTER).isoformat(), "taux_co2": value} for n, value in enumerate(values)]
    with ScriptedServer.always(json.dumps(body).encode()) as server:
        rows = asyncio.run(rte(server.url).observations(Interval(NOON - timedelta(days=1), NOON)))
    return [(int(row.interval.length.total_seconds() // 60), row.g_per_kwh) for row in rows]


def test_each_quarter_has_its_value():
    assert observed_from([20, 21, 22]) == [(15, 20), (15, 21), (15, 22)]


def test_where_each_second_quarter_is_silent_a_value_holds_for_half_an_hour():
    assert observed_from([20, None, 22, None, 24]) == [(30, 20), (30, 22), (15, 24)]


def test_what_is_not_published_yet_is_unknown():
    """The newest value is not stretched over what comes after it."""
    assert observed_from([20, 21, 22, None, None, None]) == [(15, 20), (15, 21), (15, 22)]


def test_a_silent_quarter_in_between_is_a_gap():
    """At a quarter past, silence is no half-hourly rhythm."""
    assert observed_from([20, 21, None, 23]) == [(15, 20), (15, 21), (15, 23)]


@pytest.mark.parametrize("gap", [1, 3])
def test_a_lone_silent_quarter_is_a_gap_at_any_minute(gap):
    """A quarter past and a quarter to, too: where the others have values, silence is no half-hourly rhythm."""
    values: list[object] = [20, 21, 22, 23, 24, 25]
    values[gap] = None
    assert observed_from(values) == [(15, value) for value in values if value is not None]


def test_half_an_hour_stays_half_an_hour_however_narrow_the_question():
    """The value after it is asked for, too."""

    def answer(handler, _):
        first, last = map(datetime.fromisoformat, re.findall(r"date'([^']+)'", unquote_plus(handler.path)))
        starts = [NOON - n * QUARTER for n in range(48, 0, -1)]
        body = [
            {"date_heure": start.isoformat(), "taux_co2": None if start.minute % 30 else 20}
            for start in starts
            if first <= start < last
        ]
        send(handler, 200, json.dumps(body).encode())

    with ScriptedServer(answer) as server:
        asked = Interval(NOON - 8 * QUARTER, NOON - 7.5 * QUARTER)
        (row,) = asyncio.run(rte(server.url).observations(asked))
    assert row.interval.length == 2 * QUARTER


def test_there_is_no_forecast():
    """Energy-Charts has one for France, of another kind."""
    source = rte("http://localhost")
    assert asyncio.run(source.forecast()) is None
    assert not source.capabilities.has_forecast


def test_only_france_is_known():
    with pytest.raises(CarbonSourceRejected, match="carbonq grid providers"):
        rte("http://localhost", "DE")
