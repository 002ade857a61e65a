"""Whatever a provider answers, the caller gets one of three errors that says what was wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEYS, Fault, LoopbackServer, grid_server

from scheduler.domain.carbon import IntensityStatus
from scheduler.domain.errors import CarbonDataError, CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.ports import CarbonSource

NOW = NOON + timedelta(minutes=17)
ZONES = {
    "uk-neso": "GB-13",
    "energy-charts": "DE",
    "eia": "US-CISO",
    "electricity-maps": "DE",
    "watttime": "CAISO_NORTH",
    "energinet": "DK-DK1",
    "rte": "FR",
    "entsoe": "SE-SE4",
    "openelectricity": "AU-NSW",
    "nemweb": "AU-VIC",
    "carbon-aware-sdk": "northeurope",
}
DERIVED = ("entsoe", "nemweb")
"""Their forecasts are computed, and rest a little on every slot of the past."""
ECHOED = {
    "uk-neso": "asked for regionid 13, it answered for 14",
    "eia": "asked for respondent 'CISO', it answered for 'PJM'",
    "electricity-maps": "asked for zone 'DE', it answered for 'US-CAR-DUK'",
    "watttime": "asked for region 'CAISO_NORTH', it answered for 'PJM_DC'",
    "energinet": "asked for PriceArea 'DK1', it answered for 'DK2'",
    "entsoe": "asked for in_Domain '10Y1001A1001A47J', it answered for '10YRO-TEL------P'",
    "openelectricity": "asked for region 'NSW1', it answered for 'TAS1'",
    "carbon-aware-sdk": "asked for location 'northeurope', it answered for 'westus'",
}
INVALID = {
    Fault.HTML: "no (JSON|XML|whole listing): <html>|<html>",
    Fault.EMPTY: "an empty body",
    Fault.TRUNCATED: "no (JSON|XML|whole listing)",
    Fault.OVERSIZED: "more than 16,777,216 bytes",
    Fault.NAN: "nan is not a number",
    Fault.NOT_A_NUMBER: "'about 200' is not a number",
    Fault.NEGATIVE: r" = -[\d.]+ is (outside 0 to 2,000 g/kWh|negative)",
    Fault.IMPLAUSIBLE: r" = \d+[\d.]* is (outside 0 to 2,000 g/kWh|more than any grid generates)",
    Fault.OUT_OF_ORDER: r"out of order|positions \d+ to \d+ are missing",
    Fault.CONTRADICTION: "has two values|positions are out of order",
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
        zone=ZONES[provider],
        provider=provider,
        base_url=server.url(provider),
        credentials=KEYS,
        timeout=timeout,
        attempts=1,
    )
    return open_source(settings, FakeClock(NOW))


def ask(source: CarbonSource) -> list[tuple[Interval, float]] | CarbonDataError:
    """Rows of the forecast, or of yesterday where there is none; or the error that came instead."""

    async def run() -> list[tuple[Interval, float]]:
        forecast = await source.forecast()
        if forecast is not None:
            return forecast.expected.rows()
        yesterday = Interval(NOW - timedelta(days=1), NOW)
        return [(row.interval, row.g_per_kwh) for row in await source.observations(yesterday)]

    async def run_and_close() -> list[tuple[Interval, float]] | CarbonDataError:
        try:
            return await run()
        except CarbonDataError as error:
            return error
        finally:
            await source.close()

    return asyncio.run(run_and_close())


@pytest.mark.parametrize("fault", INVALID)
def test_an_answer_that_is_not_what_is_documented_is_invalid(server, source, fault):
    """The message names the provider, and the field with its value where there is one."""
    server.faults.turn_on(fault)
    error = ask(source)
    assert isinstance(error, CarbonDataInvalid)
    assert source.capabilities.title in str(error)
    assert re.search(INVALID[fault], str(error))


@pytest.mark.parametrize("fault", [Fault.NAN, Fault.NEGATIVE, Fault.OUT_OF_ORDER, Fault.CONTRADICTION])
def test_bad_rows_spoil_observations_too(server, source, fault):
    """What is stored for ever is checked as strictly as what is planned with."""
    if (source.capabilities.source, fault) == ("nemweb", Fault.OUT_OF_ORDER):
        pytest.skip("a file for each interval has no order")
    server.faults.turn_on(fault)
    with pytest.raises(CarbonDataInvalid):
        asyncio.run(source.observations(Interval(NOW - timedelta(hours=6), NOW)))


@pytest.mark.parametrize("provider", ZONES)
@pytest.mark.parametrize("fault", [Fault.STALL, Fault.DRIP])
def test_an_answer_that_does_not_end_is_unavailable(server, provider, fault):
    """Whether nothing comes or a byte now and then: after the timeout it is over."""
    server.faults.turn_on(fault)
    assert isinstance(ask(opened(server, provider, timedelta(milliseconds=300))), CarbonSourceUnavailable)


@pytest.mark.parametrize("fault", [Fault.HANG_UP, Fault.SERVER_ERROR])
def test_trouble_on_the_way_is_unavailable(server, source, fault):
    """It may pass, so the error invites to ask again."""
    server.faults.turn_on(fault)
    assert isinstance(ask(source), CarbonSourceUnavailable)


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN_HTML, Fault.UNAUTHORISED])
def test_a_refusal_is_rejected_and_not_repeated(server, source, fault):
    """Whether it comes as JSON or as HTML from what stands in front of the service."""
    server.faults.turn_on(fault)
    error = ask(source)
    assert isinstance(error, CarbonSourceRejected)
    assert source.capabilities.title in str(error)


def test_a_rate_limit_says_when_to_come_back(server, source):
    server.faults.turn_on(Fault.RATE_LIMITED, retry_after="900")
    error = ask(source)
    assert isinstance(error, CarbonSourceUnavailable)
    assert error.retry_after == timedelta(minutes=15)


def test_one_failure_in_passing_is_not_noticed(server):
    """The second attempt has the forecast."""
    server.faults.turn_on(Fault.SERVER_ERROR, times=1)
    source = open_source(SourceSettings(zone="GB", base_url=server.url("uk-neso")), FakeClock(NOW))
    assert isinstance(ask(source), list)


def test_a_redirect_to_elsewhere_is_rejected(server, source):
    server.faults.turn_on(Fault.REDIRECT)
    assert isinstance(ask(source), CarbonSourceRejected)


def test_repeated_rows_count_once(server, source):
    """Doubled slots are the same slots."""
    good = ask(source)
    server.faults.turn_on(Fault.DUPLICATE)
    assert ask(source) == good


def test_a_missing_slot_stays_unknown(server, source):
    """The neighbours are kept as they are; nothing is filled in."""
    good = ask(source)
    server.faults.turn_on(Fault.MISSING_SLOT)
    holed = ask(source)
    assert isinstance(good, list)
    assert isinstance(holed, list)
    assert 0.7 * len(good) < len(holed) < 0.9 * len(good)
    assert {slot for slot, _ in holed} < {slot for slot, _ in good}
    if source.capabilities.source not in DERIVED:
        assert set(holed) < set(good)


@pytest.mark.parametrize("provider", ["uk-neso", "energy-charts", "energinet", "watttime", "electricity-maps"])
def test_null_is_unknown_and_never_zero(server, provider):
    """Where a dialect has a null: the others leave out what they do not know (RTE's half-hours: see test_rte)."""
    good = ask(opened(server, provider))
    server.faults.turn_on(Fault.NULL)
    holed = ask(opened(server, provider))
    assert isinstance(good, list)
    assert isinstance(holed, list)
    assert set(holed) < set(good)


@pytest.mark.parametrize(("provider", "complaint"), ECHOED.items())
def test_a_provider_that_answers_for_another_zone_is_refused(server, provider, complaint):
    """Where the answer says what it is for, that must be what was asked for."""
    server.faults.turn_on(Fault.WRONG_ZONE)
    error = ask(opened(server, provider))
    assert isinstance(error, CarbonDataInvalid)
    assert complaint in str(error)


@pytest.mark.parametrize("fault", [Fault.CONTENT_TYPE, Fault.CLOCK_SKEW])
def test_what_is_said_beside_the_answer_changes_nothing(server, source, fault):
    """A good answer with a wrong label, or from a service whose clock is wrong, is a good answer."""
    good = ask(source)
    server.faults.turn_on(fault)
    assert ask(source) == good


def test_a_date_to_come_back_at_is_read_by_the_clock_of_the_service(server, source):
    """Two hours ahead of ours, it asks for fifteen minutes."""
    server.faults.turn_on(Fault.CLOCK_SKEW)
    server.faults.turn_on(Fault.RATE_LIMITED, retry_after=format_datetime(NOW + timedelta(hours=2.25), usegmt=True))
    error = ask(source)
    assert isinstance(error, CarbonSourceUnavailable)
    assert error.retry_after == timedelta(minutes=15)


Day = dict[Interval, float]


def the_same_day_twice(server: LoopbackServer, provider: str, fault: Fault) -> tuple[Day, Day]:
    """What is published for the last day while the fault is on, and after it."""
    source = opened(server, provider)

    async def day() -> Day:
        rows = await source.observations(Interval(NOW - timedelta(days=1), NOW))
        assert len({row.interval for row in rows}) == len(rows)
        return {row.interval: row.g_per_kwh for row in rows if row.status is IntensityStatus.ACTUAL}

    async def both() -> tuple[Day, Day]:
        server.faults.turn_on(fault)
        spoiled = await day()
        server.faults.turn_off()
        return spoiled, await day()

    return asyncio.run(both())


MEASURED = [name for name in ZONES if name not in ("uk-neso", "watttime", "nemweb")]
"""Those that call a value of today measured: a region of Great Britain never is, the others wait for a day."""


@pytest.mark.parametrize("provider", MEASURED)
def test_what_comes_late_is_missing_first_and_whole_afterwards(server, provider):
    """The last hours stay unknown until they are published; then nothing is missing and nothing is there twice."""
    early, late = the_same_day_twice(server, provider, Fault.LATE)
    assert early.keys() <= late.keys()
    if provider != "electricity-maps":  # It estimates what it does not know yet, and never leaves it out.
        assert 0.5 * len(late) < len(early) < 0.9 * len(late)


@pytest.mark.parametrize("provider", MEASURED)
def test_a_revised_value_takes_the_place_of_the_one_before(server, provider):
    """The same intervals, each once, with the provider's new word on them."""
    higher, before = the_same_day_twice(server, provider, Fault.REVISED)
    assert higher.keys() == before.keys()
    assert all(higher[interval] > before[interval] for interval in before)
