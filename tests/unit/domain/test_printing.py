"""Amounts as people read them: with a unit, about three digits, and never an exponent."""

from __future__ import annotations

import pytest

from scheduler.domain.printing import print_emissions, print_energy, print_power


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (print_energy(12.3456), "12.3 kWh"),
        (print_energy(0.0123), "12.3 Wh"),
        (print_emissions(1234.5), "1.23 kgCO2eq"),
        (print_emissions(123.45), "123 gCO2eq"),
        (print_emissions(0.00234), "0.0023 gCO2eq"),
        (print_emissions(-45.6), "-45.6 gCO2eq"),
        (print_emissions(1e-9), "<0.0001 gCO2eq"),
        (print_emissions(0), "0 gCO2eq"),
        (print_power(350), "350 W"),
        (print_power(12_000), "12.0 kW"),
    ],
)
def test_an_amount_has_its_unit_and_about_three_digits(text: str, printed: str) -> None:
    assert text == printed
