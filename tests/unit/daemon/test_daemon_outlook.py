"""What is planned on: the provider's issue, carried on by our own forecaster, or that alone, or nothing."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import timedelta

from fakes.carbon_source import HOUR, KEY, FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock
from fakes.store import FakeStore
from fakes.whole_daemon import InlineWriter

from scheduler.daemon.grid_poller import LEARN_BACK, GridPoller
from scheduler.daemon.outlook import Outlook
from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries

DAYS = 40


def days_alike(start_days: int, days: int) -> StepSeries:
    values = [250 + 120 * math.cos(2 * math.pi * n / 24) for n in range(24 * days)]
    return hourly(NOON + timedelta(days=start_days), values)


def polled(source: FakeCarbonSource, clock: FakeClock) -> FakeStore:
    store = FakeStore()
    poller = GridPoller(source, store, InlineWriter(), clock, timedelta(minutes=15), lambda: None)
    asyncio.run(poller.poll())
    asyncio.run(poller.poll())
    return store


def test_a_short_forecast_is_carried_on_to_a_week_by_our_own() -> None:
    """The provider's day stays the provider's; after it comes what the same hours used to be."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, days_alike(0, 1), past=days_alike(-DAYS, DAYS))
    forecast = Outlook(polled(source, clock)).forecast(source.capabilities, NOON)
    assert forecast is not None and forecast.horizon is not None
    assert forecast.horizon >= NOON + timedelta(days=6, hours=23)
    assert "carbonq" in forecast.method
    midnight = forecast.expected.value_at(NOON + timedelta(days=3, hours=12))
    assert midnight is not None and abs(midnight - 130) < 25


def test_a_provider_that_only_looks_back_is_forecast_by_our_own() -> None:
    """History alone is enough to plan on."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, None, past=days_alike(-DAYS, DAYS))
    forecast = Outlook(polled(source, clock)).forecast(source.capabilities, NOON)
    assert forecast is not None and forecast.method == "carbonq"
    assert forecast.p10 is not None and forecast.p90 is not None


def test_without_history_and_without_a_forecast_nothing_is_planned_on() -> None:
    """Nothing known, nothing claimed."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, None, past=StepSeries.empty())
    assert Outlook(polled(source, clock)).forecast(source.capabilities, NOON) is None


def test_a_yearly_constant_is_no_forecast() -> None:
    """Waiting changes nothing, so nothing waits."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, days_alike(0, 2), past=days_alike(-DAYS, DAYS), claims_savings=False)
    assert Outlook(polled(source, clock)).forecast(source.capabilities, NOON) is None


def test_a_replay_at_speed_has_no_hours_to_learn_from() -> None:
    """A day compressed to a minute is planned on as it is."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, days_alike(0, 1), past=days_alike(-DAYS, DAYS))
    quick = replace(source.capabilities, resolution=timedelta(seconds=2))
    store = FakeStore()
    issue = CarbonForecast(KEY, NOON, NOON, days_alike(0, 1))
    store.add_forecast(issue)
    assert Outlook(store).forecast(quick, NOON) == issue


def test_a_forecast_that_has_run_out_is_not_planned_on_as_if_it_had_not() -> None:
    """After the provider's last slot, our own takes over."""
    clock = FakeClock(NOON)
    source = FakeCarbonSource(clock, days_alike(0, 1), past=days_alike(-DAYS, DAYS))
    store = polled(source, clock)
    forecast = Outlook(store).forecast(source.capabilities, NOON + timedelta(days=2))
    assert forecast is not None and forecast.method == "carbonq"


def test_the_weeks_before_the_first_answer_are_asked_for_once() -> None:
    """Our own forecaster learns from four weeks; asking for them again would be rude."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, days_alike(0, 1), past=days_alike(-DAYS, DAYS))
    store = polled(source, clock)
    stored = store.observations(KEY, Interval(NOON - LEARN_BACK, NOON))
    assert len(stored) == LEARN_BACK // HOUR


def test_what_is_back_filled_is_learnt_from_at_once() -> None:
    """A plan may be made between the first poll's days and the weeks that are asked for then."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, None, past=days_alike(-DAYS, DAYS))
    store = FakeStore()
    outlook = Outlook(store)
    assert not outlook.sees_ahead(source.capabilities, NOON)
    assert outlook.forecast(source.capabilities, NOON) is None
    store.add_observations(asyncio.run(source.observations(Interval(NOON - timedelta(days=2), NOON))))
    few = outlook.forecast(source.capabilities, NOON)
    assert outlook.sees_ahead(source.capabilities, NOON) and few is not None and few.p10 is None
    store.add_observations(asyncio.run(source.observations(Interval(NOON - timedelta(days=28), NOON))))
    many = outlook.forecast(source.capabilities, NOON)
    assert many is not None and many.p10 is not None
