"""Which link is planned with and why not a better one: in a word, in words, and link by link."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.carbon_source import KEY, FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock

from scheduler.domain.carbon import CarbonForecast, ChainLink, LinkState, SignalKind, SourceCapabilities
from scheduler.presenting.chain import Answer, answer
from scheduler.service_views.grid import ForecastLink


def said(*links: ChainLink, claims_savings: bool = True) -> SourceCapabilities:
    source = FakeCarbonSource(FakeClock(), hourly(NOON, [1.0]), claims_savings=claims_savings)
    return replace(source.capabilities, links=links)


def ahead(method: str) -> CarbonForecast:
    return CarbonForecast(KEY, NOON, NOON, hourly(NOON, [100.0]), method=method)


CARRIED_ON = ", corrected and carried on by the built-in forecaster"
FAKE = ChainLink("fake", LinkState.IN_USE)
DOWN = ChainLink("best", LinkState.PASSED_OVER, "HTTP 503")
STATIC = ChainLink("static", LinkState.IN_RESERVE, constant=True)


def shown(answered: Answer) -> list[tuple[str, str]]:
    return [(link.name, link.state.value) for link in answered.links]


@pytest.mark.parametrize(
    ("method", "link", "words"),
    [
        ("provider", ForecastLink.PROVIDER, "forecast of fake"),
        (
            "provider+carbonq",
            ForecastLink.PROVIDER,
            "forecast of fake, corrected and carried on by the built-in forecaster",
        ),
        ("carbonq", ForecastLink.BUILT_IN, "built-in forecast from the history of fake"),
    ],
)
def test_what_is_planned_with_is_named(method: str, link: ForecastLink, words: str) -> None:
    answered = answer(said(FAKE, STATIC), ahead(method))
    assert (answered.link, answered.words) == (link, words)


def test_a_provider_that_answers_needs_no_because() -> None:
    answered = answer(said(FAKE, STATIC), ahead("provider"))
    assert answered.because == ()
    assert shown(answered) == [("fake", "in-use"), ("built-in", "in-reserve"), ("static", "in-reserve")]


def test_the_built_in_forecast_is_a_link_of_its_own_and_says_why_it_is_asked() -> None:
    """The provider it goes on from is passed over, and so is each better one; the constant stays in reserve."""
    answered = answer(said(DOWN, replace(FAKE, reason="HTTP 500"), STATIC), ahead("carbonq"))
    assert answered.because == ("best is not in use: HTTP 503", "fake gives no forecast: HTTP 500")
    states = ["passed-over", "passed-over", "in-use", "in-reserve"]
    assert shown(answered) == list(zip(["best", "fake", "built-in", "static"], states, strict=True))


def test_a_provider_that_never_forecasts_is_not_called_broken() -> None:
    assert answer(said(FAKE), ahead("carbonq")).because == ("fake gives no forecast: it publishes none",)


def test_a_constant_says_that_it_claims_nothing_and_what_went_before_it() -> None:
    fallback = replace(STATIC, state=LinkState.IN_USE)
    answered = answer(said(DOWN, fallback, claims_savings=False), None)
    assert answered.link is ForecastLink.STATIC and "no saving is claimed" in answered.words
    assert answered.because[0] == "best is not in use: HTTP 503"
    assert answered.because[1].startswith("built-in is not in use: too little is recorded")
    assert shown(answered) == [("best", "passed-over"), ("built-in", "passed-over"), ("static", "in-use")]


def test_an_index_is_no_yearly_factor_and_sees_nothing_ahead() -> None:
    index = said(claims_savings=False)
    answered = answer(replace(index, key=replace(index.key, kind=SignalKind.INDEX)), None)
    assert answered.link is ForecastLink.NONE
    assert answered.words == "no forecast, so jobs run in their order and no saving is claimed"
    assert (answered.because, shown(answered)) == ((), [("fake", "in-use")])


def test_a_constant_that_was_chosen_has_nothing_before_it() -> None:
    answered = answer(said(claims_savings=False), None)
    assert (answered.because, shown(answered)) == ((), [("fake", "in-use")])


def test_where_nothing_is_known_ahead_no_link_is_in_use() -> None:
    answered = answer(said(FAKE, STATIC), None)
    assert answered.link is ForecastLink.NONE
    assert shown(answered) == [("fake", "passed-over"), ("built-in", "passed-over"), ("static", "in-reserve")]


def test_a_source_that_stands_alone_is_a_chain_too() -> None:
    answered = answer(said(), ahead("carbonq"), last_error="HTTP 429")
    assert answered.because == ("fake gives no forecast: HTTP 429",)
    assert shown(answered) == [("fake", "passed-over"), ("built-in", "in-use")]
