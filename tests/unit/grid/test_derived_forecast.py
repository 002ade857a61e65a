"""A forecast derived from forecasts of generation: exact where its assumptions hold, bounded where they do not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.carbon import Basis
from scheduler.domain.intervals import Interval
from scheduler.grid.derived_forecast import Balance, Outlook, RestOfFleet, balance_of, complete, scale
from scheduler.grid.fuel_mix import Fuel

HOUR = timedelta(hours=1)
LIFECYCLE = Basis.LIFECYCLE


def slot(hour: int) -> Interval:
    return Interval(NOON + hour * HOUR, NOON + (hour + 1) * HOUR)


def fleet(rest: float, base: float = 100_000.0, slope: float = 600.0, wind: float = 0.0) -> Balance:
    """A rest of the fleet whose emissions are a straight line over its output."""
    return Balance({Fuel.WIND: wind} if wind else {}, rest, base + slope * rest)


@given(
    base=st.floats(0, 1e6),
    slope=st.floats(100, 800),
    rests=st.lists(st.floats(1_000, 9_000), min_size=30, max_size=60),
    wind=st.floats(0, 5_000),
)
def test_a_fleet_that_is_a_straight_line_is_forecast_exactly(base, slope, rests, wind):
    """Where the forecasts of generation come true and the rest answers as it did."""
    learnt = RestOfFleet.learnt(fleet(rest, base, slope) for rest in rests)
    rest = rests[0]
    expected = (base + slope * rest + 11 * wind) / (rest + wind)
    assert learnt is not None
    assert learnt.intensity(rest + wind, {Fuel.WIND: wind}, LIFECYCLE) == pytest.approx(expected, rel=2e-2)


@given(
    samples=st.lists(st.tuples(st.floats(10, 9_000), st.floats(0, 1_000)), min_size=24, max_size=50),
    rest=st.floats(0, 20_000),
)
def test_the_rest_is_never_cleaner_or_dirtier_than_it_was_lately(samples, rest):
    """However far the line would lead."""
    learnt = RestOfFleet.learnt(Balance({}, mw, mw * g_per_kwh) for mw, g_per_kwh in samples)
    assert learnt is not None
    assert learnt.least * rest - 1e-6 <= learnt.emissions(rest) <= learnt.most * rest + 1e-6


def test_a_day_is_the_least_to_learn_from():
    assert RestOfFleet.learnt(fleet(1_000.0 + n) for n in range(23)) is None
    assert RestOfFleet.learnt(fleet(1_000.0 + n) for n in range(24)) is not None


def test_a_rest_that_never_moves_has_no_slope():
    """Its mean is all that is known of it."""
    learnt = RestOfFleet.learnt(fleet(5_000) for _ in range(48))
    assert learnt is not None
    assert learnt.base == 0
    assert learnt.intensity(5_000, {}, LIFECYCLE) == pytest.approx(620)


def test_wind_that_exceeds_everything_is_all_there_is():
    """Two forecasts that contradict each other."""
    learnt = RestOfFleet.learnt(fleet(1_000.0 + n) for n in range(48))
    assert learnt is not None
    assert learnt.intensity(500, {Fuel.WIND: 800}, LIFECYCLE) == pytest.approx(11)
    assert learnt.intensity(0, {}, LIFECYCLE) is None


def test_a_forecast_that_is_always_a_fifth_too_high_is_put_on_the_scale_of_what_comes():
    """Of wind as of everything: what the two documents count need not be the same."""
    past = {slot(-n): fleet(5_000 + 100 * n % 700, wind=1_000) for n in range(1, 49)}
    wind = {at: {Fuel.WIND: 1_200.0} for at in [*past, slot(0)]}
    total = {at: balance.total * 1.2 for at, balance in past.items()} | {slot(0): 6_000 * 1.2}
    outlook = Outlook.learnt(past, wind, total, LIFECYCLE)
    assert outlook is not None
    assert outlook.intensity(slot(0)) == pytest.approx((100_000 + 600 * 5_000 + 11 * 1_000) / 6_000, rel=1e-3)


def test_scales_are_bounded_and_say_nothing_where_nothing_is_known():
    assert scale([]) == 1
    assert scale([(0.0, 5.0)]) == 1
    assert scale([(1.0, 100.0)]) == 2
    assert scale([(100.0, 1.0)]) == 0.5


def test_without_a_forecast_of_everything_the_usual_of_that_hour_stands_in():
    past = {slot(-n): fleet(4_000 if n % 24 else 7_000, wind=1_000) for n in range(1, 49)}
    outlook = Outlook.learnt(past, {slot(0): {Fuel.WIND: 0.0}}, {}, LIFECYCLE)
    assert outlook is not None
    assert outlook.intensity(slot(0)) == pytest.approx(fleet(8_000).rest_emissions / 8_000, rel=0.02)
    assert outlook.intensity(slot(1)) is None


def test_a_mix_with_an_unknown_part_balances_nothing():
    """And storage is on neither side."""
    mix = {Fuel.WIND: 10.0, Fuel.GAS: 20.0, Fuel.STORAGE: -5.0}
    balance = balance_of(mix, LIFECYCLE)
    assert balance == Balance({Fuel.WIND: 10.0}, 20.0, 490 * 20.0)
    assert balance_of({**mix, Fuel.COAL: None}, LIFECYCLE) is None
    assert balance_of({Fuel.STORAGE: 5.0}, LIFECYCLE) is None


def test_wind_that_nobody_forecasts_balances_with_the_rest():
    mix = {Fuel.WIND: 10.0, Fuel.SOLAR: 5.0, Fuel.GAS: 20.0}
    assert balance_of(mix, LIFECYCLE, {Fuel.SOLAR}) == Balance({Fuel.SOLAR: 5.0}, 30.0, 490 * 20.0 + 11 * 10.0)


def test_an_interval_is_complete_with_all_that_is_forecast_at_that_time_of_some_day():
    """Tomorrow has no wind yet; by night nobody forecasts the sun."""
    today = {slot(0): {Fuel.WIND: 1.0, Fuel.SOLAR: 1.0}, slot(12): {Fuel.WIND: 1.0}}
    tomorrow = {slot(24): {Fuel.SOLAR: 1.0}, slot(36): {Fuel.WIND: 1.0}}
    assert complete(today | tomorrow) == {slot(0), slot(12), slot(36)}
