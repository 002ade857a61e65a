"""Several sources for one zone: the best that answers is used, and nobody has to guess why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from fakes.carbon_source import FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock
from fakes.grid_server import FREE_KEY, Fault, grid_server

from scheduler.domain.carbon import SeriesKey, SourceCapabilities
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.chain import Chain, linked
from scheduler.grid.registry import open_chain
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
DAY = Interval(NOON - 24 * HOUR, NOON)


def fake(
    clock: FakeClock, name: str, value: float = 100.0, hours: int | None = 48, needs_key: bool = False
) -> FakeCarbonSource:
    """A source whose forecast reaches `hours` ahead; None: history only."""
    past = hourly(NOON - 24 * HOUR, [value] * 24)
    ahead = None if hours is None else hourly(NOON, [value] * hours)
    return FakeCarbonSource(clock, ahead, past, SeriesKey(name, "GB"), needs_key=needs_key)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def ask(chain: Chain) -> str:
    """The name of the source that is in use after one poll."""
    asyncio.run(chain.forecast())
    return chain.capabilities.source


def states(chain: Chain) -> list[tuple[str, str, str | None]]:
    return [(link.name, link.state.value, link.reason) for link in chain.capabilities.links]


def seeing(*names: str) -> Callable[[SourceCapabilities], Awaitable[bool]]:
    """The built-in forecaster, where enough is recorded of these sources."""

    async def sees_ahead(said: SourceCapabilities) -> bool:
        return said.source in names

    return sees_ahead


def test_the_first_that_answers_is_used(clock):
    assert ask(Chain([fake(clock, "best"), fake(clock, "second")], clock)) == "best"


def test_one_that_is_down_at_the_start_is_passed_over_and_it_is_said_why(clock):
    best = fake(clock, "best")
    best.error = CarbonSourceUnavailable("nobody home")
    chain = Chain([best, fake(clock, "second")], clock)
    assert ask(chain) == "second"
    assert states(chain) == [("best", "passed-over", "nobody home"), ("second", "in-use", None)]


def test_it_is_used_again_as_soon_as_it_answers(clock):
    best = fake(clock, "best")
    best.error = CarbonSourceUnavailable("nobody home")
    chain = Chain([best, fake(clock, "second")], clock)
    ask(chain)
    best.error = None
    assert ask(chain) == "best"
    assert states(chain) == [("best", "in-use", None), ("second", "in-reserve", None)]


def test_while_its_last_forecast_is_good_its_trouble_is_ours(clock):
    """An old good forecast beats a switch to another series; the caller keeps it and shows its age."""
    best = fake(clock, "best", hours=48)
    chain = Chain([best, fake(clock, "second")], clock)
    ask(chain)
    best.error = CarbonDataInvalid("HTML")
    clock.advance(47 * HOUR)
    with pytest.raises(CarbonDataInvalid, match="HTML"):
        asyncio.run(chain.forecast())
    assert chain.capabilities.source == "best"


def test_a_restart_does_not_forget_whose_forecast_is_good(clock):
    """The store still has it, so an outage that spans a restart changes nothing."""
    best, second = fake(clock, "best", hours=48), fake(clock, "second")
    stored = asyncio.run(best.forecast())
    chain = Chain([best, second], clock)
    assert [key.source for key in chain.keys] == ["best", "second"]
    chain.remember(stored)
    best.error = CarbonSourceUnavailable("nobody home")
    with pytest.raises(CarbonSourceUnavailable):
        asyncio.run(chain.forecast())
    assert chain.capabilities.source == "best"
    clock.advance(49 * HOUR)
    second.ahead = hourly(clock.now(), [100.0] * 24)
    assert ask(chain) == "second"


def test_when_its_last_forecast_has_run_out_the_next_takes_over(clock):
    best = fake(clock, "best", hours=48)
    chain = Chain([best, fake(clock, "second", hours=96)], clock)
    ask(chain)
    best.error = CarbonSourceUnavailable("nobody home")
    clock.advance(49 * HOUR)
    assert ask(chain) == "second"


def asked_after(chain: Chain, clock: FakeClock, source: FakeCarbonSource, hours: int) -> list[int]:
    """After how many hours it was asked, the chain being polled each quarter of an hour."""
    asked, begun = [], clock.now()
    while clock.now() <= begun + hours * HOUR:
        before = source.forecasts_asked
        asyncio.run(chain.forecast())
        asked += [(clock.now() - begun) // HOUR] * (source.forecasts_asked - before)
        clock.advance(HOUR / 4)
    return asked


def test_one_that_refuses_our_key_is_asked_again_ever_more_seldom(clock):
    """A bad key hardly gets better, and is not hammered with; once a day it may have been set right."""
    best = fake(clock, "best", needs_key=True)
    best.error = CarbonSourceRejected("bad key")
    chain = Chain([best, fake(clock, "second", hours=200)], clock)
    assert asked_after(chain, clock, best, 100) == [0, 1, 3, 7, 15, 31, 55, 79]


def test_one_that_refused_our_key_once_comes_back_and_is_forgiven(clock):
    """Services have been seen to refuse good keys."""
    best = fake(clock, "best", hours=96, needs_key=True)
    chain = Chain([best, fake(clock, "second", hours=96)], clock)
    for _ in range(3):
        best.error = CarbonSourceRejected("bad key")
        assert ask(chain) == "second"
        best.error = None
        clock.advance(HOUR)
        assert ask(chain) == "best"


def test_the_last_forecast_of_one_that_refused_our_key_binds_nobody(clock):
    """It has made way: what ails it later must not keep the one in use from answering."""
    best = fake(clock, "best", needs_key=True)
    chain = Chain([best, fake(clock, "second")], clock)
    ask(chain)
    best.error = CarbonSourceRejected("bad key")
    assert ask(chain) == "second"
    best.error = CarbonSourceUnavailable("nobody home")
    clock.advance(HOUR)
    assert ask(chain) == "second"


def test_where_no_key_is_needed_a_refusal_passes(clock):
    """There is no bad key: whoever is in the way today, a firewall say, may be gone at the next poll."""
    best = fake(clock, "best")
    best.error = CarbonSourceRejected("403")
    chain = Chain([best, fake(clock, "second")], clock)
    assert ask(chain) == "second"
    assert states(chain)[0] == ("best", "passed-over", "403")
    best.error = None
    assert ask(chain) == "best"


def test_where_no_key_is_needed_one_that_refuses_stays_while_its_last_forecast_is_good(clock):
    """As with any other trouble, in its forecast or in what is observed."""
    best = fake(clock, "best", hours=48)
    chain = Chain([best, fake(clock, "second", hours=96)], clock)
    ask(chain)
    best.error = CarbonSourceRejected("403")
    clock.advance(47 * HOUR)
    for question in (chain.forecast(), chain.observations(DAY)):
        with pytest.raises(CarbonSourceRejected, match="403"):
            asyncio.run(question)
    assert chain.capabilities.source == "best"
    clock.advance(2 * HOUR)
    assert ask(chain) == "second"


def test_one_that_refuses_its_observations_makes_way_at_once(clock):
    best = fake(clock, "best", hours=None, needs_key=True)
    chain = Chain([best, fake(clock, "second", hours=None)], clock)
    ask(chain)
    best.error = CarbonSourceRejected("bad key")
    rows = asyncio.run(chain.observations(DAY))
    assert {row.key.source for row in rows} == {"second"}


def test_one_that_refuses_its_observations_is_asked_for_them_ever_more_seldom(clock):
    """Of a source without forecasts only they tell whether the key is good."""
    best = fake(clock, "best", hours=None, needs_key=True)
    chain = Chain([best, fake(clock, "second", hours=None)], clock)
    asked = []
    for quarter in range(4 * 20):
        best.error = None
        ask(chain)
        best.error, before = CarbonSourceRejected("bad key"), len(best.asked)
        asyncio.run(chain.observations(DAY))
        asked += [quarter // 4] * (len(best.asked) - before)
        clock.advance(HOUR / 4)
    assert asked == [0, 1, 3, 7, 15]


def test_a_source_with_a_forecast_beats_a_better_one_without(clock):
    """A key whose plan has no forecast does not take the keyless forecast away."""
    chain = Chain([fake(clock, "best", hours=None), fake(clock, "second")], clock)
    assert ask(chain) == "second"
    assert states(chain)[0] == ("best", "passed-over", "it publishes none")


def test_where_nobody_has_a_forecast_the_best_history_is_used(clock):
    chain = Chain([fake(clock, "best", hours=None), fake(clock, "constant", hours=None)], clock)
    assert ask(chain) == "best"
    assert not chain.capabilities.has_forecast


def test_the_history_of_a_source_that_is_down_comes_before_a_constant(clock):
    """The built-in forecaster goes on from what is recorded; the series stays what it was."""
    best, constant = fake(clock, "best"), fake(clock, "constant", hours=None)
    constant.claims_savings = False
    chain = Chain([best, constant], clock)
    chain.fall_back_on_history(seeing("best"))
    ask(chain)
    best.error = CarbonSourceUnavailable("nobody home")
    clock.advance(49 * HOUR)
    assert asyncio.run(chain.forecast()) is None
    assert states(chain) == [("best", "in-use", "nobody home"), ("constant", "in-reserve", None)]
    with pytest.raises(CarbonSourceUnavailable):
        asyncio.run(chain.observations(DAY))


def test_a_constant_is_taken_only_where_too_little_is_recorded_to_go_on_from(clock):
    best, constant = fake(clock, "best"), fake(clock, "constant", hours=None)
    constant.claims_savings = False
    best.error = CarbonSourceUnavailable("nobody home")
    chain = Chain([best, constant], clock)
    chain.fall_back_on_history(seeing())
    assert ask(chain) == "constant"
    assert states(chain) == [("best", "passed-over", "nobody home"), ("constant", "in-use", None)]


def test_history_that_is_still_growing_is_gone_on_from_before_one_that_is_not(clock):
    """A free key gives the last day and no forecast; a source that is down for days gives neither."""
    free, down = fake(clock, "free", hours=None), fake(clock, "down")
    down.error = CarbonSourceUnavailable("nobody home")
    for sources in ([free, down], [down, free]):
        chain = Chain(sources, clock)
        chain.fall_back_on_history(seeing("free", "down"))
        assert ask(chain) == "free"


def test_the_history_of_one_that_refuses_is_not_gone_on_from(clock):
    """What it would be settled with does not come."""
    best, second = fake(clock, "best", needs_key=True), fake(clock, "second", hours=None)
    best.error = CarbonSourceRejected("bad key")
    chain = Chain([best, second], clock)
    chain.fall_back_on_history(seeing("best"))
    assert ask(chain) == "second"


@pytest.mark.parametrize("needs_key", [True, False])
def test_a_lone_source_is_asked_again_whatever_it_said_and_its_error_is_its_own(clock, needs_key):
    lone = fake(clock, "lone", needs_key=needs_key)
    lone.error = CarbonSourceRejected("bad key")
    chain = Chain([lone], clock)
    for _ in range(2):
        with pytest.raises(CarbonSourceRejected, match=r"^bad key$"):
            asyncio.run(chain.forecast())
    lone.error = None
    assert ask(chain) == "lone"


def test_what_is_observed_is_of_the_series_that_is_planned_with(clock):
    """Observations come from the source in use and from no other."""
    best = fake(clock, "best")
    best.error = CarbonSourceUnavailable("nobody home")
    chain = Chain([best, fake(clock, "second")], clock)
    ask(chain)
    best.error = None
    rows = asyncio.run(chain.observations(DAY))
    assert {row.key for row in rows} == {chain.capabilities.key}


def test_where_nobody_answers_every_reason_is_given(clock):
    sources = [fake(clock, "best"), fake(clock, "second")]
    for source in sources:
        source.error = CarbonSourceUnavailable(f"{source.key.source} is down")
    with pytest.raises(CarbonSourceUnavailable, match=r"best is down.*second is down"):
        asyncio.run(Chain(sources, clock).forecast())


def test_closing_closes_all(clock):
    sources = [fake(clock, "best"), fake(clock, "second")]
    asyncio.run(Chain(sources, clock).close())
    assert all(source.closed for source in sources)


def test_one_that_cannot_be_opened_is_named(clock):
    def refuse():
        raise CarbonSourceRejected("not here")

    chain = linked([("best", refuse), ("second", lambda: fake(clock, "second"))], clock)
    assert states(chain)[0] == ("best", "passed-over", "not here")


@pytest.mark.parametrize(
    ("zone", "keys", "expected"),
    [
        ("GB", {}, "uk-neso"),
        ("FR", {}, "energy-charts"),
        ("US-CISO", {}, "static"),
        ("US-CISO", {"eia": "k"}, "eia"),
        ("DK1", {}, "energinet"),
        ("DE", {"electricity_maps": FREE_KEY}, "electricity-maps"),
    ],
)
def test_the_chain_of_a_zone_begins_with_the_best(clock, zone, keys, expected):
    chain = open_chain(SourceSettings(zone=zone, credentials=keys), clock)
    assert chain.capabilities.source == expected


def test_a_provider_or_an_address_of_ones_own_stands_alone(clock):
    """Whoever names one gets that one, and its errors."""
    with grid_server(clock.now) as server:
        source = open_chain(SourceSettings(zone="GB", base_url=server.url("uk-neso"), attempts=1), clock)
        server.faults.turn_on(Fault.SERVER_ERROR)
        with pytest.raises(CarbonSourceUnavailable, match=r"^UK Carbon Intensity"):
            asyncio.run(source.forecast())
    assert [link.name for link in source.capabilities.links] == ["uk-neso"]
