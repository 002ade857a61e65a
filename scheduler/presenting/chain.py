"""Which link of the chain is planned with, and why the better ones are not: in a word, in a sentence, link by link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from scheduler.domain.carbon import (
    BUILT_IN_METHOD,
    CarbonForecast,
    ChainLink,
    LinkState,
    SignalKind,
    SourceCapabilities,
)
from scheduler.service_views.grid import ChainLinkView, ForecastLink

NO_FORECAST = "it publishes none"
TOO_LITTLE = (
    "too little is recorded to go on from: it takes a day of the last four weeks, and something of the last one"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers when carbonq asks what is ahead."""

    link: ForecastLink
    words: str
    because: tuple[str, ...]
    """A sentence for each better link that does not answer."""
    links: tuple[ChainLinkView, ...]


def answer(said: SourceCapabilities, forecast: CarbonForecast | None, last_error: str | None = None) -> Answer:
    """`forecast` is what is planned with; None, also where it has run out, is nothing."""
    link = _link(said, forecast)
    links = tuple(_links(said, link, last_error))
    better = links[: next((n for n, each in enumerate(links) if each.state is LinkState.IN_USE), len(links))]
    because = tuple(_sentence(each, said.source) for each in better if each.state is LinkState.PASSED_OVER)
    views = tuple(ChainLinkView(each.name, each.state, each.reason) for each in links)
    return Answer(link, _words(link, said, forecast), because, views)


def _link(said: SourceCapabilities, forecast: CarbonForecast | None) -> ForecastLink:
    if said.key.kind is SignalKind.INDEX:
        return ForecastLink.NONE
    if not said.claims_savings:
        return ForecastLink.STATIC
    if forecast is None:
        return ForecastLink.NONE
    return ForecastLink.BUILT_IN if forecast.method == BUILT_IN_METHOD else ForecastLink.PROVIDER


def _words(link: ForecastLink, said: SourceCapabilities, forecast: CarbonForecast | None) -> str:
    match link:
        case ForecastLink.BUILT_IN:
            return f"built-in forecast from the history of {said.source}"
        case ForecastLink.STATIC:
            return f"yearly factor of {said.source}, with which jobs run at once and no saving is claimed"
        case ForecastLink.NONE:
            return "no forecast, so jobs run in their order and no saving is claimed"
        case ForecastLink.PROVIDER:
            ours = forecast is not None and forecast.method.endswith(f"+{BUILT_IN_METHOD}")
            return f"forecast of {said.source}" + (
                ", corrected and carried on by the built-in forecaster" if ours else ""
            )


def _links(said: SourceCapabilities, link: ForecastLink, last_error: str | None) -> Iterator[ChainLink]:
    """Those that are asked, and ours where it stands: after all that publish hours, before a constant."""
    why, constant = last_error or said.no_forecast, not said.claims_savings
    asked = said.links or (ChainLink(said.source, LinkState.IN_USE, why, constant),)
    publishing = [each for each in asked if not each.constant]
    for each in publishing:
        stands_in = each.state is LinkState.IN_USE and link in (ForecastLink.BUILT_IN, ForecastLink.NONE)
        yield replace(each, state=LinkState.PASSED_OVER, reason=each.reason or NO_FORECAST) if stands_in else each
    if publishing:
        yield _ours(link)
    yield from (each for each in asked if each.constant)


def _ours(link: ForecastLink) -> ChainLink:
    if link is ForecastLink.BUILT_IN:
        return ChainLink(ForecastLink.BUILT_IN, LinkState.IN_USE)
    if link is ForecastLink.PROVIDER:
        return ChainLink(ForecastLink.BUILT_IN, LinkState.IN_RESERVE)
    return ChainLink(ForecastLink.BUILT_IN, LinkState.PASSED_OVER, TOO_LITTLE)


def _sentence(link: ChainLink, in_use: str) -> str:
    """Of the source whose series is in use only the forecast is missing."""
    if link.name == in_use:
        return f"{link.name} gives no forecast: {link.reason}"
    return f"{link.name} is not in use: {link.reason}"
