"""Answers that the real services once gave, held against the clients. Skipped where the shared data is absent."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.grid_server import KEYS
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.carbon import IntensityStatus, SignalKind
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.answer import Answer
from scheduler.grid.entsoe_document import EVERYTHING, DocumentReader
from scheduler.grid.locating import located
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Transport
from scheduler.grid.zones import yearly_factors


@pytest.fixture
def fixtures(shared_data: Path) -> Path:
    return shared_data / "fixtures"


def settings(zone: str, provider: str, base_url: str) -> SourceSettings:
    return SourceSettings(zone=zone, provider=provider, base_url=base_url, credentials=KEYS)


def ask(body: bytes, now: datetime, zone: str, provider: str, interval: Interval | None = None, status: int = 200):
    """The forecast, and the observations of `interval` where one is given."""

    async def run(base_url: str):
        source = open_source(settings(zone, provider, base_url), FakeClock(now))
        try:
            return await (source.forecast() if interval is None else source.observations(interval))
        finally:
            await source.close()

    with ScriptedServer.always(body, status) as server:
        return asyncio.run(run(server.url))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_neso_national_48_hours(fixtures):
    body = (fixtures / "uk_neso/national_fw48h.json").read_bytes()
    rows = json.loads(body)["data"]
    now = moment(rows[0]["from"])
    forecast = ask(body, now, "GB", "uk-neso")
    assert forecast.expected.values.tolist() == [row["intensity"]["forecast"] for row in rows]


def test_neso_national_actuals(fixtures):
    body = (fixtures / "uk_neso/national_fw48h.json").read_bytes()
    rows = json.loads(body)["data"]
    interval = Interval(moment(rows[0]["from"]), moment(rows[-1]["to"]))
    observed = ask(body, interval.end, "GB", "uk-neso", interval)
    known = [row["intensity"]["actual"] for row in rows if row["intensity"]["actual"] is not None]
    assert [row.g_per_kwh for row in observed] == known


def test_neso_regional_48_hours_by_postcode(fixtures):
    body = (fixtures / "uk_neso/regional_fw48h_postcode.json").read_bytes()
    rows = json.loads(body)["data"]["data"]
    forecast = ask(body, moment(rows[0]["from"]), "GB-BH1", "uk-neso")
    assert len(forecast.expected) == min(len(rows), 96)


def test_neso_issue_of_96_slots(fixtures):
    """The table of one issue, told in the service's own words."""
    with (fixtures / "uk_neso/national_fw48h_2023-03-14T0331Z.csv").open() as file:
        table = list(csv.DictReader(file))
    slots = [
        {
            "from": row["from"],
            "to": f"{moment(row['from']) + timedelta(minutes=30):%Y-%m-%dT%H:%MZ}",
            "intensity": {"forecast": int(row["intensity.forecast"]), "actual": None},
        }
        for row in table
    ]
    forecast = ask(json.dumps({"data": slots}).encode(), moment("2023-03-14T03:31Z"), "GB", "uk-neso")
    assert len(forecast.expected) == 96
    assert forecast.expected.coverage(forecast.expected.span) == 1


def test_energy_charts_measured_and_forecast(fixtures):
    body = (fixtures / "energy_charts/co2eq_fr_2026-10-04.json").read_bytes()
    arrays = json.loads(body)
    rows = list(zip(arrays["unix_seconds"], arrays["co2eq"], arrays["co2eq_forecast"], strict=True))
    ahead = [value for _, _, value in rows if value is not None]
    first = next(second for second, _, value in rows if value is not None)
    forecast = ask(body, datetime.fromtimestamp(first, UTC), "FR", "energy-charts")
    assert forecast.expected.values.tolist() == ahead
    span = Interval(datetime.fromtimestamp(rows[0][0], UTC), datetime.fromtimestamp(rows[-1][0], UTC))
    observed = ask(body, span.end, "FR", "energy-charts", span)
    assert [row.g_per_kwh for row in observed] == [value for _, value, _ in rows if value is not None]


def test_energy_charts_unknown_country(fixtures):
    body = (fixtures / "energy_charts/error_400_unknown_country.txt").read_bytes()
    with pytest.raises(CarbonSourceRejected):
        ask(body, datetime(2026, 10, 4, tzinfo=UTC), "DE", "energy-charts", status=400)


@pytest.mark.parametrize("grid", ["GB", "DE-LU", "US-CAL-CISO", "AU-NSW"])
def test_four_years_of_a_real_grid_can_be_replayed(shared_data, tmp_path, grid):
    """A file made of the shared series is read whole, and a day of it replayed."""
    with (shared_data / f"grids/{grid}_2021-2024_hourly.csv").open() as source:
        rows = [f"{row['utc']},{row['ci_lca_gco2_kwh']}" for row in csv.DictReader(source)]
    file = tmp_path / "grid.csv"
    file.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]))
    now = datetime(2023, 6, 1, tzinfo=UTC)
    opened = open_source(SourceSettings(zone=grid, provider="recorded", file=file), FakeClock(now))
    day = asyncio.run(opened.observations(Interval(now - timedelta(days=1), now)))
    assert len(day) == 24
    assert len(asyncio.run(opened.forecast()).expected) == 168


@pytest.mark.parametrize(
    ("name", "zone", "expected"),
    [
        ("US_NW_PACW-gas", "US-PACW", 490),
        ("US_NW_BPAT-wind", "US-BPAT", 11),
        ("US-NW-PGE-with-nulls", "US-PGE", 490),
    ],
)
def test_eia_generation_by_fuel(fixtures, name, zone, expected):
    """Every hour with a value has the intensity of its one fuel; an hour without one is left out."""
    body = (fixtures / f"eia/{name}.json").read_bytes()
    rows = json.loads(body)["response"]["data"]
    ends = [moment(f"{row['period']}:00Z") for row in rows]
    span = Interval(min(ends) - timedelta(hours=1), max(ends))
    observed = ask(body, span.end, zone, "eia", span)
    assert len(observed) == sum(row["value"] is not None for row in rows)
    assert {row.g_per_kwh for row in observed} == {expected}


def test_eia_an_answer_for_somebody_else(fixtures):
    """The recording of a battery names respondent EIA; asked for IID, that is another zone."""
    body = (fixtures / "eia/US_CAL_IID-battery_storage.json").read_bytes()
    now = datetime(2024, 2, 28, tzinfo=UTC)
    with pytest.raises(CarbonDataInvalid, match="asked for respondent 'IID'"):
        ask(body, now, "US-IID", "eia", Interval(now - timedelta(days=1), now))


def test_eia_demand_is_not_taken_for_generation(fixtures):
    body = (fixtures / "eia/US_NW_BPAT-consumption.json").read_bytes()
    now = datetime(2023, 5, 1, 12, tzinfo=UTC)
    with pytest.raises(CarbonDataInvalid):
        ask(body, now, "US-BPAT", "eia", Interval(now - timedelta(hours=6), now))


@pytest.mark.parametrize("name", ["ElectricityProdex5MinRealtime", "Forecasts_5Min"])
def test_energinet_other_data_sets_are_refused(fixtures, name):
    """A page of somebody else's rows: of the data sets that are read no answer was ever published."""
    body = (fixtures / f"energinet/{name}.json").read_bytes()
    with pytest.raises(CarbonDataInvalid, match=r"rows were sent|out of order|CO2Emission"):
        ask(body, datetime(2025, 2, 21, 19, tzinfo=UTC), "DK-DK1", "energinet")


def test_yearly_factors_are_those_that_others_made_of_the_same_source(fixtures):
    """Of the same year, to the rounding of our table."""
    theirs = json.loads((fixtures / "static_factors/codecarbon_global_energy_mix.json").read_bytes())
    ours = [f for f in yearly_factors().values() if theirs.get(f.iso3, {}).get("year") == f.year]
    assert len(ours) > 150
    assert all(abs(f.g_per_kwh - theirs[f.iso3]["carbon_intensity"]) <= 0.06 for f in ours)


@pytest.mark.parametrize(("name", "zone"), [("carbon_intensity_history", "DE"), ("glpi_api-sample", "FR")])
def test_electricity_maps_history(fixtures, name, zone):
    """24 hours, the newest of them estimated."""
    body = (fixtures / f"electricitymaps/{name}.json").read_bytes()
    rows = json.loads(body)["history"]
    span = Interval(moment(rows[0]["datetime"]), moment(rows[-1]["datetime"]) + timedelta(hours=1))
    observed = ask_electricity_maps(fixtures, body, zone, span)
    assert [row.g_per_kwh for row in observed] == [row["carbonIntensity"] for row in rows]
    assert [row.status is IntensityStatus.ESTIMATED for row in observed] == [row["isEstimated"] for row in rows]


@pytest.mark.parametrize("listing", ["zones", "glpi_zones"])
def test_electricity_maps_zones(fixtures, listing):
    """Lists without a token say nothing of access; a zone that is not in one is not covered."""
    zones = json.loads((fixtures / f"electricitymaps/{listing}.json").read_bytes())
    body = (fixtures / "electricitymaps/glpi_api-sample.json").read_bytes()
    now = datetime(2024, 7, 5, 12, tzinfo=UTC)
    day = Interval(now - timedelta(days=1), now)
    assert "FR" in zones
    with pytest.raises(CarbonSourceRejected, match="does not cover QQ"):
        ask_electricity_maps(fixtures, body, "QQ", day, listing)


def test_electricity_maps_latest(fixtures):
    """Said eleven minutes before its hour began, and an estimate: it is what holds in that hour."""
    latest = (fixtures / "electricitymaps/latest_carbon_intensity.json").read_bytes()
    said = json.loads(latest)
    zone, start = said["zone"], moment(said["datetime"])
    now = start + timedelta(minutes=5)

    def answer(handler, _):
        zones = {zone: {"access": ["carbon-intensity/latest", "carbon-intensity/history"]}}
        history = json.dumps({"zone": zone, "history": []}).encode()
        bodies = {"/zones": json.dumps(zones).encode(), "/history": history, "/latest": latest}
        send(handler, 200, next(body for end, body in bodies.items() if end in handler.path))

    with ScriptedServer(answer) as server:
        source = open_source(settings(zone, "electricity-maps", server.url), FakeClock(now))
        (running,) = asyncio.run(source.observations(Interval(now - timedelta(days=1), now)))
    assert (running.g_per_kwh, running.status) == (said["carbonIntensity"], IntensityStatus.ESTIMATED)
    assert running.provider_updated_at == moment(said["updatedAt"])
    assert running.provider_updated_at < running.interval.start


@pytest.mark.parametrize(
    "name",
    [
        "latest_carbon_intensity",
        "no-data-response",
        "unknown-response",
        "response",
        "latest_power_breakdown",
        "power_breakdown_history",
    ],
)
def test_electricity_maps_answers_of_other_endpoints_are_refused(fixtures, name):
    """What a proxy might mix up is not taken for a history."""
    body = (fixtures / f"electricitymaps/{name}.json").read_bytes()
    now = datetime(2024, 7, 5, 12, tzinfo=UTC)
    with pytest.raises(CarbonDataInvalid):
        ask_electricity_maps(fixtures, body, "DE", Interval(now - timedelta(days=1), now))


def ask_electricity_maps(fixtures: Path, body: bytes, zone: str, interval: Interval, listing: str = "zones"):
    """The observations of `interval` from a recorded history and a recorded list of zones, as a free key sees them."""
    zones = json.loads((fixtures / f"electricitymaps/{listing}.json").read_bytes())
    listed = {name: {**fields, "access": ["carbon-intensity/history"]} for name, fields in zones.items()}

    def answer(handler, _):
        send(handler, 200, json.dumps(listed).encode() if handler.path.endswith("/zones") else body)

    with ScriptedServer(answer) as server:
        source = open_source(settings(zone, "electricity-maps", server.url), FakeClock(interval.end))
        return asyncio.run(source.observations(interval))


def behind_a_login(body: bytes, status: int) -> ScriptedServer:
    def answer(handler, _):
        if handler.path.endswith("/login"):
            send(handler, 200, b'{"token": "any"}')
        else:
            send(handler, status, body)

    return ScriptedServer(answer)


def watttime_region(body: bytes, status: int) -> str:
    with behind_a_login(body, status) as server:
        asked = settings("39.7,-105", "watttime", server.url)
        return asyncio.run(located(asked, FakeClock())).zone


def ask_watttime(
    body: bytes, now: datetime, region: str, interval: Interval | None = None, status: int = 200, **more: object
):
    with behind_a_login(body, status) as server:
        source = open_source(replace(settings(region, "watttime", server.url), **more), FakeClock(now))
        return asyncio.run(source.forecast() if interval is None else source.observations(interval))


def test_watttime_history(fixtures):
    """Imputed values are estimates; pounds become grams."""
    body = (fixtures / "watttime/aiowatttime_historical_emissions_response.json").read_bytes()
    start = datetime(2022, 7, 15, tzinfo=UTC)
    now = start + timedelta(minutes=10)
    first, second = ask_watttime(body, now, "CAISO_NORTH", Interval(start, now))
    assert (first.g_per_kwh, first.raw_value) == (pytest.approx(870 * 0.45359237), 870)
    assert second.status is IntensityStatus.ESTIMATED


def test_watttime_forecast_of_24_hours(fixtures):
    """288 recorded points, told in the service's own words; the text of the JSON itself was never recorded."""
    with (fixtures / "watttime/caiso_north_co2_moer_forecast_2024-05-28T1420Z.csv").open() as file:
        points = [{"point_time": row["point_time"], "value": float(row["value"])} for row in csv.DictReader(file)]
    meta = {
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
        "data_point_period_seconds": 300,
        "generated_at": points[0]["point_time"],
    }
    body = json.dumps({"data": points, "meta": meta}).encode()
    forecast = ask_watttime(body, moment(points[0]["point_time"]), "CAISO_NORTH")
    assert len(forecast.expected) == 288
    assert forecast.expected.values[0] == pytest.approx(479.4 * 0.45359237)


@pytest.mark.parametrize("name", ["aiowatttime_403_forbidden_response.html", "aiowatttime_invalid_scope_response.json"])
def test_watttime_a_plan_that_does_not_cover_the_region(fixtures, name):
    """The refusal comes as JSON from the service or as HTML from what stands before it."""
    body = (fixtures / "watttime" / name).read_bytes()
    with pytest.raises(CarbonSourceRejected, match="your plan does not cover"):
        ask_watttime(body, datetime(2026, 1, 1, tzinfo=UTC), "PJM_DC", status=403)


def test_watttime_index(fixtures):
    """One point of a percentile, read as such where an index is asked for."""
    body = (fixtures / "watttime/aiowatttime_realtime_emissions_response.json").read_bytes()
    said = json.loads(body)
    at = moment(said["data"][0]["point_time"])
    (point,) = ask_watttime(body, at, said["meta"]["region"], Interval(at, at + timedelta(1)), kind=SignalKind.INDEX)
    assert (point.g_per_kwh, point.raw_unit) == (said["data"][0]["value"], "percentile")


def test_watttime_region_of_a_place(fixtures):
    """The name of the region, or the service's own words where it has none."""
    found = (fixtures / "watttime/aiowatttime_grid_region_response.json").read_bytes()
    missing = (fixtures / "watttime/aiowatttime_coordinates_not_found_response.json").read_bytes()
    assert watttime_region(found, 200) == json.loads(found)["region"]
    with pytest.raises(CarbonSourceRejected, match="No coverage available"):
        watttime_region(missing, 404)


@pytest.mark.parametrize("name", ["new_user_fail", "password_reset_fail"])
def test_watttime_a_login_answered_by_something_else(fixtures, name):
    body = (fixtures / f"watttime/aiowatttime_{name}_response.json").read_bytes()
    with pytest.raises(CarbonDataInvalid, match="has no 'token'"):
        ask(body, datetime(2026, 1, 1, tzinfo=UTC), "CAISO_NORTH", "watttime")


@pytest.mark.parametrize("name", ["realtime_emissions", "forecasted_emissions", "grid_region", "coordinates_not_found"])
def test_watttime_answers_of_other_endpoints_are_refused(fixtures, name):
    """A percentile, or a list of past forecasts, is not taken for a forecast."""
    body = (fixtures / f"watttime/aiowatttime_{name}_response.json").read_bytes()
    with pytest.raises(CarbonDataInvalid):
        ask_watttime(body, datetime(2024, 6, 18, 18, 40, tzinfo=UTC), "CAISO_NORTH")


@pytest.mark.parametrize("name", ["api-sample", "export-sample"])
def test_rte_export(fixtures, name):
    """Only two of the forty columns are asked for; the others do no harm."""
    body = (fixtures / f"rte_eco2mix/{name}.json").read_bytes()
    rows = json.loads(body)
    span = Interval(moment(rows[0]["date_heure"]), moment(rows[-1]["date_heure"]) + timedelta(minutes=15))
    observed = ask(body, span.end, "FR", "rte", span)
    assert [row.g_per_kwh for row in observed] == [row["taux_co2"] for row in rows if row["taux_co2"] is not None]


@pytest.mark.parametrize(
    ("name", "zone", "quarters", "lowest", "highest"),
    [("FI_production", "FI", 4, 20, 200), ("SE-SE4_production", "SE-SE4", 1, 50, 400)],
)
def test_entsoe_generation_by_type(fixtures, name, zone, quarters, lowest, highest):
    """Three days of points with repeats left out; what Sweden calls other counts as such."""
    body = (fixtures / f"entsoe/{name}.xml").read_bytes()
    start, end = (moment(text.decode()) for text in re.findall(rb"<(?:start|end)>([^<]+)", body)[:2])
    observed = ask(body, end, zone, "entsoe", Interval(start, end))
    hours = (end - start) / timedelta(hours=1)
    assert 0.9 * hours * quarters < len(observed) <= hours * quarters
    assert all(lowest < row.g_per_kwh < highest for row in observed)


@pytest.mark.parametrize("issue", ["CURRENT", "DAY_AHEAD", "INTRADAY"])
def test_entsoe_forecast_of_wind_and_sun(fixtures, issue):
    """With three recorded days of generation, moved to the days before it, it makes a forecast of intensity."""
    weather = (fixtures / f"entsoe/wind_solar_forecast_FI_{issue}.xml").read_bytes()
    past = (fixtures / "entsoe/FI_production.xml").read_bytes()
    for recorded, moved in (("2025-10-21T", "2024-02-05T"), ("2025-10-24T", "2024-02-08T")):
        past = past.replace(recorded.encode(), moved.encode())

    def answer(handler, _):
        kind = handler.path.partition("documentType=")[2][:3]
        nothing = b"<Acknowledgement_MarketDocument><Reason><code>999</code></Reason></Acknowledgement_MarketDocument>"
        send(handler, 200, {"A69": weather, "A75": past}.get(kind, nothing))

    now = datetime(2024, 2, 8, 13, tzinfo=UTC)
    with ScriptedServer(answer) as server:
        forecast = asyncio.run(open_source(settings("FI", "entsoe", server.url), FakeClock(now)).forecast())
    assert forecast.method == "derived from A69 and last week's generation"
    assert forecast.horizon >= now + timedelta(hours=24)
    assert all(20 < value < 300 for value in forecast.expected.values)


def test_entsoe_forecast_of_all_generation(fixtures):
    """Three days by the hour, for no type of plant in particular."""
    body = (fixtures / "entsoe/SE-SE3_generation_forecast.xml").read_bytes()
    transport = Transport("ENTSO-E", "http://localhost", FakeClock())
    read = DocumentReader("10Y1001A1001A46L", "SE-SE3", transport)
    curves = read.curves(Answer(200, {}, body), "A71")
    assert [len(curve.megawatts) for curve in curves] == [24, 24, 24]
    assert {curve.psr_type for curve in curves} == {EVERYTHING}
    assert curves[0].megawatts[0] == 9958


@pytest.mark.parametrize("name", ["DK-DK2_consumption_forecast", "wind_solar_forecast_FI_CURRENT"])
def test_entsoe_documents_of_another_kind_are_refused_or_empty(fixtures, name):
    """Load and forecasts are not taken for generation."""
    body = (fixtures / f"entsoe/{name}.xml").read_bytes()
    start, end = (moment(text.decode()) for text in re.findall(rb"<(?:start|end)>([^<]+)", body)[:2])
    with pytest.raises(CarbonDataInvalid, match="asked for document type 'A75'"):
        ask(body, end, "FI", "entsoe", Interval(start, end))


def test_openelectricity_power_by_technology(fixtures):
    """A day of New South Wales by five minutes; three have no value for the roofs yet and are held back."""
    body = (fixtures / "openelectricity/OPENNEM_AU-NSW.v4.json").read_bytes()
    block = json.loads(body)["data"][0]
    span = Interval(moment(block["date_start"]), moment(block["date_end"]))
    observed = ask(body, span.end, "AU-NSW", "openelectricity", span)
    assert len(observed) == 285
    assert all(100 < row.g_per_kwh < 820 for row in observed)


def test_carbon_aware_sdk_ratings(fixtures):
    """The SDK's sample data, as its WebAPI serves it: names in lower case."""
    rows = json.loads((fixtures / "carbon_aware_sdk/test-data-aws-emissions.json").read_bytes())
    served = [{name.lower(): value for name, value in row.items()} for row in rows if row["Location"] == "us-east-1"]
    span = Interval(moment(served[0]["time"]), moment(served[-1]["time"]) + timedelta(hours=1))
    observed = ask(json.dumps(served).encode(), span.end, "us-east-1", "carbon-aware-sdk", span)
    assert [row.g_per_kwh for row in observed] == [row["rating"] for row in served]


def test_carbon_aware_sdk_forecast_as_documented(fixtures):
    """The example of its documentation, whose points name the grid and not the location."""
    text = (fixtures / "carbon_aware_sdk/carbon-aware-webapi.docs.md").read_text()
    example = re.search(r'```json\n(\[\n  {\n    "requestedAt".*?)```', text, re.DOTALL)
    body = example[1].replace("      ...\n", "").encode()
    forecast = ask(body, moment("2022-07-19T14:05:00Z"), "northeurope", "carbon-aware-sdk")
    assert forecast.expected.value_at(moment("2022-07-19T14:05:00Z")) == pytest.approx(532.02293146)
