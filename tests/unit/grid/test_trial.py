"""One try of a source, told to the person who sets it up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fakes.clock import NOON, FakeClock
from fakes.grid_server import FREE_KEY, Fault, grid_server

from scheduler.grid.settings import SourceSettings
from scheduler.grid.trial import Trial, try_source


def trial(**settings: object) -> Trial:
    return asyncio.run(try_source(SourceSettings(attempts=1, **settings), FakeClock()))


def test_a_source_that_works_says_how_far_it_reaches():
    with grid_server(lambda: NOON) as server:
        found = trial(zone="London", base_url=server.url("uk-neso"))
    assert found.works
    assert found.forecast_until == NOON + timedelta(hours=48)
    assert found.observed_until == NOON
    assert found.sentences()[:2] == ("uk-neso works for GB-13", "forecast until 2026-11-25 12:00 UTC")


def test_a_free_key_says_what_it_lacks():
    with grid_server(lambda: NOON) as server:
        base_url = server.url("electricity-maps")
        keys = {"electricity_maps": FREE_KEY}
        found = trial(zone="DE", provider="electricity-maps", base_url=base_url, credentials=keys)
    assert found.works
    assert found.forecast_until is None
    assert found.sentences()[1] == "this key has no forecast"


def test_one_that_does_not_answer_says_why():
    with grid_server(lambda: NOON) as server:
        server.faults.turn_on(Fault.HTML)
        found = trial(zone="GB", base_url=server.url("uk-neso"))
    assert not found.works
    assert "uk-neso does not work for GB" in found.sentences()[0]
    assert "no JSON" in found.sentences()[0]


def test_a_zone_that_nobody_knows_is_an_answer_too():
    found = trial(zone="Germny")
    assert not found.works
    assert "did you mean DE" in found.sentences()[0]


def test_the_constant_works_and_says_what_it_is():
    found = trial(zone="IN", provider="static")
    assert found.works
    assert any("nothing is claimed" in sentence for sentence in found.sentences())
