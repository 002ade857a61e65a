"""The client of EIA: hours by their end, numbers as text, pages, and hours that arrive fuel by fuel."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEY, grid_server
from fakes.scripted_server import ScriptedServer, send

from scheduler.domain.carbon import Basis
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import best_provider, open_source, providers
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)


def eia(base_url: str, zone: str = "US-CISO", key: str = KEY, basis: Basis | None = None):
    settings = SourceSettings(zone=zone, provider="eia", base_url=base_url, credentials={"eia": key}, basis=basis)
    return open_source(settings, FakeClock(NOON))


def row(ended: datetime, fuel: str, value: object, respondent: str = "CISO") -> dict[str, object]:
    return {"period": f"{ended:%Y-%m-%dT%H}", "respondent": respondent, "fueltype": fuel, "value": value}


def page(rows: list[dict[str, object]], total: object = None) -> bytes:
    return json.dumps({"response": {"total": total if total is not None else len(rows), "data": rows}}).encode()


def observed_from(body: bytes, basis: Basis | None = None):
    with ScriptedServer.always(body) as server:
        return asyncio.run(eia(server.url, basis=basis).observations(Interval(NOON - 6 * HOUR, NOON)))


def test_an_hour_is_labelled_by_its_end():
    """The row called 10 is about 9 to 10."""
    (only,) = observed_from(page([row(datetime(2026, 11, 23, 10, tzinfo=UTC), "NG", 100)]))
    assert only.interval == Interval(NOON - 3 * HOUR, NOON - 2 * HOUR)
    assert only.g_per_kwh == 490


def test_numbers_may_be_text():
    ended = NOON - HOUR
    (only,) = observed_from(page([row(ended, "NG", "30"), row(ended, "WND", 30)], total="2"))
    assert only.g_per_kwh == (490 + 11) / 2


def test_direct_factors_can_be_asked_for():
    """Then the key says so, and the series is another one."""
    (only,) = observed_from(page([row(NOON, "COL", 30)]), Basis.DIRECT)
    assert (only.g_per_kwh, only.key.basis) == (760, Basis.DIRECT)


def test_a_null_that_matters_holds_its_hour_back():
    earlier, later = NOON - HOUR, NOON
    rows = [row(earlier, "NG", 50), row(earlier, "WND", 50), row(later, "NG", None), row(later, "WND", 50)]
    assert [r.interval.end for r in observed_from(page(rows))] == [earlier]


def test_a_row_sent_twice_counts_once():
    rows = [row(NOON, "NG", 50), row(NOON, "NG", 50), row(NOON, "WND", 50)]
    (only,) = observed_from(page(rows))
    assert only.g_per_kwh == (490 + 11) / 2


def test_a_fuel_code_never_seen_before_counts_as_other():
    (only,) = observed_from(page([row(NOON, "FUSION", 50)]))
    assert only.g_per_kwh == 700


def test_all_pages_are_read():
    """The service gives 5,000 rows at a time, however many are asked for."""
    hours = [NOON - n * HOUR for n in reversed(range(4))]
    rows = [row(ended, fuel, 50) for ended in hours for fuel in ("NG", "WND")]

    def answer(handler, _):
        offset = int(parse_qs(urlsplit(handler.path).query)["offset"][0])
        send(handler, 200, page(rows[offset : offset + 3], total=len(rows)))

    with ScriptedServer(answer) as server:
        observed = asyncio.run(eia(server.url).observations(Interval(NOON - 6 * HOUR, NOON)))
        assert server.count == 3
    assert [r.interval.end for r in observed] == hours


def test_an_answer_without_a_count_is_refused():
    with pytest.raises(CarbonDataInvalid, match=r"response\.total = 'many' is not a count"):
        observed_from(page([], total="many"))


def test_no_rows_are_no_observations():
    """A small authority may be days behind."""
    assert observed_from(page([])) == ()


def test_a_wrong_key_is_refused_without_being_repeated():
    with grid_server(lambda: NOON) as server, pytest.raises(CarbonSourceRejected) as error:
        asyncio.run(eia(server.url("eia"), key="w0ng-key").observations(Interval(NOON - HOUR, NOON)))
    assert "API_KEY_INVALID" in str(error.value)
    assert "w0ng-key" not in str(error.value)


def test_without_a_key_the_refusal_says_where_to_get_one():
    with pytest.raises(CarbonSourceRejected, match=r"needs the key 'eia'.*eia\.gov/opendata"):
        open_source(SourceSettings(zone="US-CISO", provider="eia"), FakeClock())


@pytest.mark.parametrize("zone", ["US-CISO", "us-cal-ciso", "CISO", "US", "US-TEX-ERCO", "US-NY"])
def test_zones_of_the_united_states_go_by_several_names(zone):
    assert best_provider(SourceSettings(zone=zone, credentials={"eia": KEY})) == "eia"


def test_an_unknown_authority_is_refused_with_those_spelled_alike():
    with pytest.raises(CarbonSourceRejected, match="did you mean US-CISO"):
        eia("http://localhost", "US-CISA")


def test_without_a_key_auto_falls_back_to_the_yearly_factor():
    assert best_provider(SourceSettings(zone="US-CISO")) == "static"


def test_the_table_says_that_a_key_is_needed():
    states = {r.name: r.state for r in providers("US-CISO")}
    assert states["eia"] == "needs key"
    assert {r.name: r.state for r in providers("US-CISO", {"eia": KEY})}["eia"] == "ready"
