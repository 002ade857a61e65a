"""Amounts as people read them: with a unit, about three digits, and never an exponent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.printing import print_comparison, print_emissions, print_energy, print_power


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


@pytest.mark.parametrize(
    ("emitted_g", "usual_g", "printed"),
    [
        (142.4, 265.7, ("142 gCO2eq", "266 gCO2eq", "124 gCO2eq")),
        (90.7, 129.8, ("90.7 gCO2eq", "129.8 gCO2eq", "39.1 gCO2eq")),
        (7.2613, 7.4312, ("7.26 gCO2eq", "7.43 gCO2eq", "0.17 gCO2eq")),
        (399, 400, ("399.0 gCO2eq", "400.0 gCO2eq", "1.0 gCO2eq")),
        (0, 400, ("0 gCO2eq", "400 gCO2eq", "400 gCO2eq")),
        (0.0023, 0.0048, ("0.0023 gCO2eq", "0.0048 gCO2eq", "0.0025 gCO2eq")),
        (3.4068, 3.4, ("3.4068 gCO2eq", "3.4000 gCO2eq", "-0.0068 gCO2eq")),
        (4990, 5000, ("4.990 kgCO2eq", "5.000 kgCO2eq", "0.010 kgCO2eq")),
        (0.00486821, 0.00486822, ("0.0049 gCO2eq", "0.0049 gCO2eq", "0 gCO2eq")),
        (1e-9, 2e-9, ("<0.0001 gCO2eq", "<0.0001 gCO2eq", "<0.0001 gCO2eq")),
        (100, 100, ("100 gCO2eq", "100 gCO2eq", "0 gCO2eq")),
        (0, 0, ("0 gCO2eq", "0 gCO2eq", "0 gCO2eq")),
    ],
)  # fmt: skip
def test_what_is_compared_is_printed_with_as_many_digits_each(
    emitted_g: float, usual_g: float, printed: tuple[str, str, str]
) -> None:
    assert print_comparison(emitted_g, usual_g) == printed


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_a_difference_is_that_of_the_figures_beside_it(emitted_g: float, usual_g: float) -> None:
    """Each rounded for itself they would be off by one in the last digit, and somebody would reckon."""
    emitted, usual, less = (float(text.split()[0]) for text in print_comparison(emitted_g, usual_g))
    assert usual - emitted == pytest.approx(less, abs=1e-9, rel=1e-9)
