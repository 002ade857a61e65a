"""From a generation mix to an intensity."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.carbon import Basis
from scheduler.domain.errors import CarbonDataInvalid
from scheduler.domain.intervals import Interval
from scheduler.grid.fuel_mix import DIRECT, LIFECYCLE, Fuel, folded, intensity_of, rows_of
from scheduler.grid.reader import Reader

HOUR = timedelta(hours=1)
READ = Reader("Test Grid")
generation = st.dictionaries(st.sampled_from(list(LIFECYCLE)), st.floats(1, 10_000), min_size=1)


def hours(*mixes):
    return {Interval(NOON + n * HOUR, NOON + (n + 1) * HOUR): mix for n, mix in enumerate(mixes)}


def test_half_gas_and_half_wind_is_the_mean_of_both():
    mix = {Fuel.GAS: 100.0, Fuel.WIND: 100.0}
    assert intensity_of(mix, Basis.LIFECYCLE) == (490 + 11) / 2
    assert intensity_of(mix, Basis.DIRECT) == 370 / 2


def test_what_storage_gives_back_was_counted_when_it_was_generated():
    """Charging does not clean the grid, discharging does not dirty it."""
    mix = {Fuel.GAS: 100.0, Fuel.WIND: 100.0}
    for stored in (-80.0, 80.0):
        assert intensity_of({**mix, Fuel.STORAGE: stored}, Basis.LIFECYCLE) == intensity_of(mix, Basis.LIFECYCLE)


def test_a_solar_field_that_draws_power_at_night_generates_nothing():
    assert intensity_of({Fuel.GAS: 100.0, Fuel.SOLAR: -1.0}, Basis.LIFECYCLE) == 490


def test_nothing_generated_is_unknown():
    assert intensity_of({Fuel.STORAGE: 5.0}, Basis.LIFECYCLE) is None


def test_every_fuel_has_both_factors_and_direct_is_never_the_larger():
    assert LIFECYCLE.keys() == DIRECT.keys() == set(Fuel) - {Fuel.STORAGE}
    assert all(DIRECT[fuel] <= LIFECYCLE[fuel] for fuel in LIFECYCLE)


@given(generation, st.floats(0.01, 100))
def test_the_unit_does_not_matter_and_a_mean_is_a_mean(mix, factor):
    """Megawatts or gigawatt-hours give one intensity, and it lies between the cleanest and the dirtiest fuel."""
    intensity = intensity_of(mix, Basis.LIFECYCLE)
    scaled = {fuel: amount * factor for fuel, amount in mix.items()}
    assert intensity_of(scaled, Basis.LIFECYCLE) == pytest.approx(intensity)
    factors = [LIFECYCLE[fuel] for fuel in mix]
    assert min(factors) - 1e-9 <= intensity <= max(factors) + 1e-9


def test_an_hour_that_lacks_a_fuel_which_matters_is_not_given_out_yet():
    """Without its gas the newest hour would look clean."""
    whole = {Fuel.GAS: 500.0, Fuel.WIND: 500.0}
    rows = list(rows_of(READ, hours(whole, {Fuel.WIND: 500.0}, {**whole, Fuel.GAS: None}, whole), Basis.LIFECYCLE))
    assert [row.interval.start for row in rows] == [NOON, NOON + 3 * HOUR]


def test_an_hour_that_lacks_a_little_oil_is_good_enough():
    whole = {Fuel.GAS: 500.0, Fuel.OIL: 1.0}
    assert len(list(rows_of(READ, hours(whole, {Fuel.GAS: 500.0}), Basis.LIFECYCLE))) == 2


def test_much_negative_generation_is_an_error_and_not_own_use():
    with pytest.raises(CarbonDataInvalid, match=r"generation from wind.* = -400 is negative"):
        list(rows_of(READ, hours({Fuel.GAS: 500.0, Fuel.WIND: -400.0}), Basis.LIFECYCLE))


def test_parts_of_one_fuel_are_added_and_an_unknown_part_makes_the_sum_unknown():
    assert folded([(Fuel.WIND, 1.0), (Fuel.WIND, 2.0), (Fuel.GAS, 3.0), (Fuel.GAS, None)]) == {
        Fuel.WIND: 3.0,
        Fuel.GAS: None,
    }
