"""The client of the ENTSO-E Transparency Platform: positions for times, repeats left out."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEY, grid_server
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import best_provider, open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
FI = "10YFI-1--------U"


def entsoe(base_url: str, zone: str = "FI", key: str = KEY):
    settings = SourceSettings(zone=zone, provider="entsoe", base_url=base_url, credentials={"entsoe": key})
    return open_source(settings, FakeClock(NOON))


def series(psr_type: str, points: dict[int, object], curve: str = "A03", resolution: str = "PT60M", way: str = "in"):
    """Four hours to noon."""
    written = "".join(
        f"<Point><position>{position}</position><quantity>{quantity}</quantity></Point>"
        for position, quantity in points.items()
    )
    return (
        f"<TimeSeries><{way}BiddingZone_Domain.mRID>{FI}</{way}BiddingZone_Domain.mRID><curveType>{curve}</curveType>"
        f"<MktPSRType><psrType>{psr_type}</psrType></MktPSRType><Period><timeInterval><start>2026-11-23T08:00Z</start>"
        f"<end>2026-11-23T12:00Z</end></timeInterval><resolution>{resolution}</resolution>{written}</Period></TimeSeries>"
    )


def document(*parts: str) -> bytes:
    return f'<GL_MarketDocument xmlns="urn:x:3:0"><type>A75</type>{"".join(parts)}</GL_MarketDocument>'.encode()


def acknowledgement(code: str, text: str) -> bytes:
    reason = f"<Reason><code>{code}</code><text>{text}</text></Reason>"
    return f'<Acknowledgement_MarketDocument xmlns="urn:a">{reason}</Acknowledgement_MarketDocument>'.encode()


def observed_from(body: bytes, status: int = 200) -> list[float]:
    with ScriptedServer.always(body, status) as server:
        rows = asyncio.run(entsoe(server.url).observations(Interval(NOON - 4 * HOUR, NOON)))
    return [row.g_per_kwh for row in rows]


def test_positions_are_hours_from_the_start_of_the_period():
    gas, wind = series("B04", {1: 10, 2: 0, 3: 5, 4: 10}), series("B19", {1: 0, 2: 10, 3: 5, 4: 0})
    assert observed_from(document(gas, wind)) == [490, 11, (490 + 11) / 2, 490]


def test_a_position_that_is_left_out_repeats_the_one_before():
    """Also at the end of the period."""
    gas, wind = series("B04", {1: 10, 3: 0}), series("B19", {1: 10})
    assert observed_from(document(gas, wind)) == [250.5, 250.5, 11, 11]


def test_a_position_that_is_left_out_of_a_plain_curve_is_missing():
    with pytest.raises(CarbonDataInvalid, match="positions 2 to 2 are missing"):
        observed_from(document(series("B04", {1: 10, 3: 0}, curve="A01")))


def test_types_by_the_hour_and_by_the_quarter_are_put_together():
    """The hourly one holds through its four quarters."""
    quarters = {position: 10 if position <= 8 else 0 for position in range(1, 17)}
    found = observed_from(document(series("B19", quarters, resolution="PT15M"), series("B04", {1: 10})))
    assert found == [250.5] * 8 + [490] * 8


def test_what_pumps_draw_is_not_generation():
    assert observed_from(document(series("B04", {1: 10}), series("B10", {1: 500}, way="out"))) == [490] * 4


def test_a_type_never_seen_before_counts_as_other():
    assert observed_from(document(series("B99", {1: 10}))) == [700] * 4


@pytest.mark.parametrize("status", [200, 400])
def test_no_data_is_no_error_whatever_the_status(status):
    assert observed_from(acknowledgement("999", "No matching data found"), status) == []


def test_another_acknowledgement_is_a_refusal_with_its_words():
    with pytest.raises(CarbonSourceRejected, match="A59 Not a valid area"):
        observed_from(acknowledgement("A59", "Not a valid area"))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "declares entities"),
        (b"<html></html>", "answered with a <html>"),
        (b"<GL_MarketDocument><type>A65</type></GL_MarketDocument>", "asked for document type 'A75'"),
        (document("<TimeSeries/>"), "has no <inBiddingZone_Domain.mRID>"),
        (document(series("B04", {1: "lots"})), "quantity at position 1 = 'lots' is not a number"),
        (document(series("B04", {5: 1})), "positions are out of order: 5"),
        (document(series("B04", {1: 1}, resolution="P1M")), "by P1M cannot be read"),
    ],
)
def test_a_document_that_is_not_what_was_asked_for_is_refused(body, complaint):
    with pytest.raises(CarbonDataInvalid, match=complaint):
        observed_from(body)


def test_a_refused_token_names_the_key_and_does_not_show_it():
    with (
        grid_server(lambda: NOON) as server,
        pytest.raises(CarbonSourceRejected, match="check the key 'entsoe'") as error,
    ):
        source = entsoe(server.url("entsoe"), key="wr0ng")
        asyncio.run(source.observations(Interval(NOON - HOUR, NOON)))
    assert "wr0ng" not in str(error.value)


@pytest.mark.parametrize("zone", ["RO", "NO-NO1", "NO1"])
def test_zones_that_nobody_else_knows_are_asked_of_entsoe_where_there_is_a_token(zone):
    assert best_provider(SourceSettings(zone=zone, credentials={"entsoe": KEY})) == "entsoe"


def test_a_forecast_is_derived_and_says_so():
    """Of wind as forecast and of gas as lately, on the grid of the loopback server it is what was expected."""
    with grid_server(lambda: NOON) as server:
        source = entsoe(server.url("entsoe"))
        forecast = asyncio.run(source.forecast())
        expected = server.grid.series.value_at(NOON + 5 * HOUR)
    assert forecast.method == "derived from A69 and A71"
    assert forecast.horizon == NOON + 11 * HOUR
    assert forecast.expected.value_at(NOON + 5 * HOUR) == pytest.approx(expected, rel=0.05)
    assert any("is derived" in note for note in source.capabilities.notes)


def by_kind(**bodies: bytes) -> ScriptedServer:
    """Answers by the kind of document; of the others there is no data."""

    def answer(handler, _):
        kind = handler.path.partition("documentType=")[2][:3]
        send(handler, 200, bodies.get(kind, acknowledgement("999", "No matching data found")))

    return ScriptedServer(answer)


Stretch = tuple[str | None, float, int, float]
"""One value of one type: from so many hours after noon on, for so many hours, so many megawatts."""


def days(kind: str, *stretches: Stretch) -> bytes:
    series = "".join(one_value(*stretch) for stretch in stretches)
    return f"<GL_MarketDocument xmlns='urn:x:3:0'><type>{kind}</type>{series}</GL_MarketDocument>".encode()


def one_value(psr_type: str | None, first: float, hours: int, megawatts: float) -> str:
    start, end = NOON + first * HOUR, NOON + (first + hours) * HOUR
    plant = f"<MktPSRType><psrType>{psr_type}</psrType></MktPSRType>" if psr_type else ""
    return (
        f"<TimeSeries><inBiddingZone_Domain.mRID>{FI}</inBiddingZone_Domain.mRID><curveType>A03</curveType>{plant}"
        f"<Period><timeInterval><start>{start:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end></timeInterval>"
        f"<resolution>PT60M</resolution><Point><position>1</position><quantity>{megawatts}</quantity></Point></Period>"
        "</TimeSeries>"
    )


def test_where_all_generation_is_not_forecast_that_of_last_week_stands_in():
    """A thousand megawatts of gas lately, four hundred of wind to come: the rest is gas again."""
    with by_kind(A75=days("A75", ("B04", -48, 48, 1_000)), A69=days("A69", ("B19", -24, 48, 400))) as server:
        forecast = asyncio.run(entsoe(server.url).forecast())
    assert forecast.method == "derived from A69 and last week's generation"
    assert forecast.expected.value_at(NOON) == pytest.approx((600 * 490 + 400 * 11) / 1_000)


def test_where_nobody_forecasts_wind_and_sun_there_is_history_alone():
    """It is asked once, and not promised again."""
    with by_kind(A75=days("A75", ("B04", -48, 48, 1_000))) as server:
        source = entsoe(server.url)

        async def act():
            return (
                await source.forecast(),
                await source.forecast(),
                await source.observations(Interval(NOON - HOUR, NOON)),
            )

        first, second, rows = asyncio.run(act())
        assert len([path for path in server.paths if "A69" in path]) == 1
    assert (first, second, len(rows)) == (None, None, 1)
    assert not source.capabilities.has_forecast
    assert "no forecast of intensity can be derived" in (source.capabilities.no_forecast or "")


def test_too_short_a_past_derives_nothing_yet():
    with (
        by_kind(A75=days("A75", ("B04", -5, 5, 1_000)), A69=days("A69", ("B19", -24, 48, 400))) as server,
        pytest.raises(CarbonSourceUnavailable, match="too little past generation"),
    ):
        asyncio.run(entsoe(server.url).forecast())


def test_a_forecast_of_wind_that_ended_is_none_for_now():
    with (
        by_kind(A75=days("A75", ("B04", -48, 48, 1_000)), A69=days("A69", ("B19", -24, 24, 400))) as server,
        pytest.raises(CarbonSourceUnavailable, match="no forecast for FI just now"),
    ):
        asyncio.run(entsoe(server.url).forecast())


def test_the_last_week_is_not_read_again_at_every_poll():
    with by_kind(A75=days("A75", ("B04", -48, 48, 1_000)), A69=days("A69", ("B19", -24, 48, 400))) as server:
        source = entsoe(server.url)

        async def act():
            return await source.forecast() == await source.forecast()

        assert asyncio.run(act())
        assert len([path for path in server.paths if "A75" in path]) == 1


def forecast_from(**bodies: bytes):
    with by_kind(**bodies) as server:
        return asyncio.run(entsoe(server.url).forecast())


LATELY = days("A75", ("B04", -48, 48, 500), ("B19", -48, 48, 400), ("B16", -48, 48, 100))
ALL_TO_COME = days("A71", (None, -24, 60, 1_000))


def test_wind_that_is_not_published_yet_is_a_gap_and_not_calm():
    """Tomorrow's sun is there before tomorrow's wind; in place of the wind no gas would burn."""
    forecast = forecast_from(A75=LATELY, A69=days("A69", ("B19", -24, 36, 400), ("B16", -24, 60, 100)), A71=ALL_TO_COME)
    assert forecast.horizon == NOON + 12 * HOUR
    assert forecast.expected.value_at(NOON) == pytest.approx((500 * 490 + 400 * 11 + 100 * 45) / 1_000)


def test_a_sun_that_is_never_forecast_by_night_leaves_no_gap_there():
    """Of tomorrow only the hours from eight to four, for which it lacks, cannot be told."""
    sun = [("B16", first, 8, 100.0) for first in (-28, -4)]
    forecast = forecast_from(A75=LATELY, A69=days("A69", ("B19", -36, 72, 400), *sun), A71=ALL_TO_COME)
    known = [hour for hour in range(36) if forecast.expected.value_at(NOON + hour * HOUR) is not None]
    assert known == [*range(20), *range(28, 36)]


def test_wind_that_nobody_forecasts_is_part_of_the_rest():
    """Half of the rest was wind lately, and is to be again."""
    forecast = forecast_from(A75=LATELY, A69=days("A69", ("B16", -24, 60, 100)), A71=ALL_TO_COME)
    assert forecast.expected.value_at(NOON) == pytest.approx((500 * 490 + 400 * 11 + 100 * 45) / 1_000)
