"""Whatever a provider answers, the caller gets one of three errors that says what was wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import Fault, LoopbackServer, grid_server

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.errors import CarbonDataError, CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.ports import CarbonSource

NOW = NOON + timedelta(minutes=17)
ZONES = {"uk-neso": "GB-13", "energy-charts": "DE"}
INVALID = {
    Fault.HTML: "no JSON: <html>",
    Fault.EMPTY: "an empty body",
    Fault.TRUNCATED: "no JSON",
    Fault.OVERSIZED: "more than 16,777,216 bytes",
    Fault.NAN: "nan is not a number",
    Fault.NOT_A_NUMBER: "'about 200' is not a number",
    Fault.NEGATIVE: "-5 is outside 0 to 2,000 g/kWh",
    Fault.IMPLAUSIBLE: "987654 is outside 0 to 2,000 g/kWh",
    Fault.OUT_OF_ORDER: "out of order",
    Fault.CONTRADICTION: "has two values",
}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with grid_server(lambda: NOW) as running:
        yield running


@pytest.fixture(params=ZONES)
def source(request: pytest.FixtureRequest, server: LoopbackServer) -> CarbonSource:
    """Asks once and does not retry."""
    return opened(server, request.param)


def opened(server: LoopbackServer, provider: str, timeout: timedelta = timedelta(seconds=10)) -> CarbonSource:
    settings = SourceSettings(
        zone=ZONES[provider], provider=provider, base_url=server.url(provider), timeout=timeout, attempts=1
    )
    return open_source(settings, FakeClock(NOW))


def forecast(source: CarbonSource) -> CarbonForecast | CarbonDataError | None:
    async def run() -> CarbonForecast | CarbonDataError | None:
        try:
            return await source.forecast()
        except CarbonDataError as error:
            return error
        finally:
            await source.close()

    return asyncio.run(run())


@pytest.mark.parametrize("fault", INVALID)
def test_an_answer_that_is_not_what_is_documented_is_invalid(server, source, fault):
    """The message names the provider, and the field with its value where there is one."""
    server.faults.turn_on(fault)
    error = forecast(source)
    assert isinstance(error, CarbonDataInvalid)
    assert source.capabilities.title in str(error)
    assert INVALID[fault] in str(error)


@pytest.mark.parametrize("fault", [Fault.NAN, Fault.NEGATIVE, Fault.OUT_OF_ORDER, Fault.CONTRADICTION])
def test_bad_rows_spoil_observations_too(server, source, fault):
    """What is stored for ever is checked as strictly as what is planned with."""
    server.faults.turn_on(fault)
    with pytest.raises(CarbonDataInvalid):
        asyncio.run(source.observations(Interval(NOW - timedelta(hours=6), NOW)))


@pytest.mark.parametrize("provider", ZONES)
@pytest.mark.parametrize("fault", [Fault.STALL, Fault.DRIP])
def test_an_answer_that_does_not_end_is_unavailable(server, provider, fault):
    """Whether nothing comes or a byte now and then: after the timeout it is over."""
    server.faults.turn_on(fault)
    assert isinstance(forecast(opened(server, provider, timedelta(milliseconds=300))), CarbonSourceUnavailable)


@pytest.mark.parametrize("fault", [Fault.HANG_UP, Fault.SERVER_ERROR])
def test_trouble_on_the_way_is_unavailable(server, source, fault):
    """It may pass, so the error invites to ask again."""
    server.faults.turn_on(fault)
    assert isinstance(forecast(source), CarbonSourceUnavailable)


def test_a_rate_limit_says_when_to_come_back(server, source):
    server.faults.turn_on(Fault.RATE_LIMITED, retry_after="900")
    error = forecast(source)
    assert isinstance(error, CarbonSourceUnavailable)
    assert error.retry_after == timedelta(minutes=15)


def test_one_failure_in_passing_is_not_noticed(server):
    """The second attempt has the forecast."""
    server.faults.turn_on(Fault.SERVER_ERROR, times=1)
    source = open_source(SourceSettings(zone="GB", base_url=server.url("uk-neso")), FakeClock(NOW))
    assert isinstance(forecast(source), CarbonForecast)


def test_a_redirect_to_elsewhere_is_rejected(server, source):
    server.faults.turn_on(Fault.REDIRECT)
    assert isinstance(forecast(source), CarbonSourceRejected)


def test_repeated_rows_count_once(server, source):
    """Doubled slots are the same slots."""
    good = forecast(source)
    server.faults.turn_on(Fault.DUPLICATE)
    assert forecast(source) == good


def test_a_missing_slot_stays_unknown(server, source):
    """The neighbours are kept as they are; nothing is filled in."""
    good = forecast(source)
    server.faults.turn_on(Fault.MISSING_SLOT)
    holed = forecast(source)
    assert isinstance(good, CarbonForecast)
    assert isinstance(holed, CarbonForecast)
    assert good.expected.coverage(good.expected.span) == 1
    assert holed.expected.coverage(good.expected.span) == pytest.approx(0.8, abs=0.05)


def test_a_provider_that_answers_for_another_zone_is_refused(server):
    server.faults.turn_on(Fault.WRONG_ZONE)
    source = open_source(SourceSettings(zone="GB-13", base_url=server.url("uk-neso")), FakeClock(NOW))
    error = forecast(source)
    assert isinstance(error, CarbonDataInvalid)
    assert "asked for regionid 13, it answered for 14" in str(error)
