"""One suite for the port CarbonSource: every provider over real HTTP, the files, the constant, and the fake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
from fakes.carbon_source import FakeCarbonSource
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEYS, LoopbackServer, grid_server, made_up_series

from scheduler.domain.carbon import IntensityObservation
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.ports import CarbonSource

T = TypeVar("T")
NOW = NOON + timedelta(minutes=17)
DAY = timedelta(days=1)
WEB_SOURCES = {
    "uk-neso": "GB",
    "uk-neso by region": "GB-13",
    "uk-neso by postcode": "GB-RG10",
    "energy-charts": "DE",
    "eia": "US-CISO",
    "electricity-maps": "DE",
    "watttime": "CAISO_NORTH",
    "energinet": "DK-DK1",
    "rte": "FR",
    "entsoe": "SE-SE4",
    "openelectricity": "AU-NSW",
    "nemweb": "AU-NSW",
    "carbon-aware-sdk": "northeurope",
}
LOCAL_SOURCES = ("recorded", "recorded with forecasts", "static", "fake")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with grid_server(lambda: NOW) as running:
        yield running


@pytest.fixture(params=[*WEB_SOURCES, *LOCAL_SOURCES])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> CarbonSource:
    clock = FakeClock(NOW)
    if request.param in WEB_SOURCES:
        provider = request.param.split()[0]
        settings = SourceSettings(
            zone=WEB_SOURCES[request.param],
            provider=provider,
            base_url=request.getfixturevalue("server").url(provider),
            credentials=KEYS,
        )
        return open_source(settings, clock)
    match request.param:
        case "recorded":
            return open_source(SourceSettings(zone="DE", file=series_file(tmp_path)), clock)
        case "recorded with forecasts":
            settings = SourceSettings(zone="DE", file=series_file(tmp_path), forecast_file=issues_file(tmp_path))
            return open_source(settings, clock)
        case "static":
            return open_source(SourceSettings(zone="DE", provider="static"), clock)
    series = made_up_series(NOW)
    return FakeCarbonSource(clock, series)


def series_file(folder: Path) -> Path:
    rows = [f"{slot.start.isoformat()},{value}" for slot, value in made_up_series(NOW).rows()]
    file = folder / "series.csv"
    file.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]))
    return file


def issues_file(folder: Path) -> Path:
    issued_at = NOW - timedelta(hours=1)
    ahead = made_up_series(NOW).clipped(Interval(NOW - timedelta(hours=1), NOW + DAY))
    rows = [f"{issued_at.isoformat()},{slot.start.isoformat()},{value}" for slot, value in ahead.rows()]
    file = folder / "forecasts.csv"
    file.write_text("\n".join(["issued_at,start,carbon_intensity_g_per_kwh", *rows]))
    return file


def use(source: CarbonSource, act: Callable[[], Coroutine[object, None, T]]) -> T:
    """Run `act` and close the source, in one event loop."""

    async def run() -> T:
        try:
            return await act()
        finally:
            await source.close()

    return asyncio.run(run())


def observed(source: CarbonSource, interval: Interval) -> tuple[IntensityObservation, ...]:
    return use(source, lambda: source.observations(interval))


def test_a_source_says_who_it_is_and_on_what_terms(source: CarbonSource):
    """Capabilities name the series, the licence and whom to credit, before anything is asked."""
    said = source.capabilities
    assert said.key.source == said.source
    assert said.title
    assert said.licence
    assert said.attribution
    assert said.resolution > timedelta(0)
    assert said.min_poll > timedelta(0)
    assert said.has_forecast == (said.forecast_horizon > timedelta(0))


def test_what_has_become_final_is_looked_at_once_more(source: CarbonSource):
    """Whoever revises is asked again once it no longer does, for what is known may have been fetched long before."""
    said = source.capabilities
    assert (said.settle_after in said.review_ages) == (said.settle_after > timedelta(0))
    assert said.review_ages == tuple(sorted(said.review_ages))


def test_a_forecast_is_there_exactly_where_one_is_promised(source: CarbonSource):
    """`has_forecast` and `forecast()` never contradict each other."""
    assert (use(source, source.forecast) is not None) == source.capabilities.has_forecast


def test_a_forecast_covers_now_and_keeps_within_its_horizon(source: CarbonSource):
    """It speaks of the present moment, under the source's own key, and no further than it said."""
    forecast = use(source, source.forecast)
    if forecast is None:
        return  # It promised none, which the test above holds it to.
    assert forecast.key == source.capabilities.key
    assert forecast.issued_at <= NOW
    assert forecast.fetched_at == NOW
    assert forecast.expected.value_at(NOW) is not None
    assert forecast.horizon is not None
    assert forecast.horizon > NOW + timedelta(hours=3)
    assert forecast.horizon <= NOW + source.capabilities.forecast_horizon + source.capabilities.resolution


def test_a_forecast_asked_for_twice_is_the_same_issue(source: CarbonSource):
    """Nothing changed in between, so nothing new is issued."""

    async def twice() -> bool:
        return await source.forecast() == await source.forecast()

    assert use(source, twice)


def test_observations_are_sorted_apart_and_inside_what_was_asked(source: CarbonSource):
    """Rows ascend without overlap, each reaches into the interval, none begins after now."""
    asked = Interval(NOW - DAY, NOW)
    rows = observed(source, asked)
    assert len(rows) >= 20
    assert all(row.interval.overlaps(asked) and row.interval.start <= NOW for row in rows)
    assert all(before.interval.end <= after.interval.start for before, after in pairwise(rows))
    assert {row.key for row in rows} == {source.capabilities.key}


def test_observations_cover_the_past_without_a_hole(source: CarbonSource):
    """A grid that reported every slot is repeated with every slot."""
    rows = observed(source, Interval(NOW - DAY, NOW - DAY / 2))
    assert all(before.interval.end == after.interval.start for before, after in pairwise(rows))
    assert rows[0].interval.start <= NOW - DAY
    assert rows[-1].interval.end >= NOW - DAY / 2


def test_two_halves_give_what_the_whole_gives(source: CarbonSource):
    """Where an interval is cut makes no difference to what is observed in it."""
    start, middle, end = NOW - DAY, NOW - DAY / 2, NOW

    async def act() -> tuple[set[tuple[object, float]], set[tuple[object, float]]]:
        whole = await source.observations(Interval(start, end))
        halves = await source.observations(Interval(start, middle)) + await source.observations(Interval(middle, end))
        return {(r.interval, r.g_per_kwh) for r in whole}, {(r.interval, r.g_per_kwh) for r in halves}

    whole, halves = use(source, act)
    assert whole == halves


def test_a_long_interval_is_answered_in_one_piece(source: CarbonSource):
    """However many requests it takes, rows come once and in order."""
    rows = observed(source, Interval(NOW - 40 * DAY, NOW))
    starts = [row.interval.start for row in rows]
    assert starts == sorted(set(starts))
    assert starts[0] <= NOW - 7 * DAY


def test_the_future_has_not_been_observed(source: CarbonSource):
    """Empty, and no error."""
    assert observed(source, Interval(NOW + DAY, NOW + 2 * DAY)) == ()


def test_a_source_can_be_closed_twice(source: CarbonSource):
    """Closing is safe to repeat, and before anything was asked."""
    use(source, source.close)
