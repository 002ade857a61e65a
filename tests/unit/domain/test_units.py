"""Quantities and the products that mean something."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.units import CarbonIntensity, Emissions, Energy, Power

amounts = st.floats(0, 1e12)


def test_a_400_w_gpu_for_an_hour_on_a_250_g_grid_emits_100_g() -> None:
    """Energy times intensity is emissions, with no conversion at the call site."""
    energy = Power(watts=400).over(timedelta(hours=1))
    assert energy * CarbonIntensity(g_per_kwh=250) == Emissions(grams=100)


def test_pounds_per_megawatt_hour_are_converted_once() -> None:
    assert CarbonIntensity.from_lb_per_mwh(1000).g_per_kwh == pytest.approx(453.59237)


@pytest.mark.parametrize("unit", [Energy, Power, CarbonIntensity, Emissions])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_unknown_is_none_and_never_nan(unit: type, value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        unit(value)


@given(kwh=amounts)
def test_kilowatt_hours_survive_the_way_to_joules_and_back(kwh: float) -> None:
    assert Energy.from_kwh(kwh).kwh == pytest.approx(kwh)


@given(first=amounts, second=amounts, intensity=st.floats(0, 2000))
def test_the_emissions_of_a_sum_are_the_sum_of_the_emissions(first: float, second: float, intensity: float) -> None:
    """Slices may be cut anywhere."""
    grid = CarbonIntensity(intensity)
    whole = (Energy(first) + Energy(second)) * grid
    assert whole.grams == pytest.approx((Energy(first) * grid + Energy(second) * grid).grams)


@given(watts=st.floats(0, 1e5), seconds=st.integers(1, 10**6))
def test_mean_power_over_the_time_gives_the_energy_back(watts: float, seconds: int) -> None:
    time = timedelta(seconds=seconds)
    assert (Power(watts).over(time) / time).watts == pytest.approx(watts)
