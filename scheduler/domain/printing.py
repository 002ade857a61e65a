"""Amounts with their units, in about three significant digits, never in exponent form."""

from __future__ import annotations

import math

_NOTHING = 1e-3
"""Share of the larger of two figures below which a smaller one, or their difference, has no digits of its own."""
_SMALL_G = 1e-4
"""Emissions below are only said to be small."""


def print_energy(kwh: float) -> str:
    return f"{three_digits(kwh)} kWh" if abs(kwh) >= 0.1 else f"{three_digits(kwh * 1000)} Wh"


def print_emissions(grams: float) -> str:
    return f"{three_digits(grams / 1000)} kgCO2eq" if abs(grams) >= 1000 else f"{three_digits(grams)} gCO2eq"


def print_comparison(emitted_g: float, usual_g: float) -> tuple[str, str, str]:
    """What is emitted, what usually would be, and how much less that is: as many digits each, so that they add up."""
    most_g = max(abs(emitted_g), abs(usual_g))
    if most_g < _SMALL_G:
        return print_emissions(emitted_g), print_emissions(usual_g), print_emissions(usual_g - emitted_g)
    scale, unit = (1000, "kgCO2eq") if most_g >= 1000 else (1, "gCO2eq")
    decimals = 0
    for grams, digits in ((emitted_g, 3), (usual_g - emitted_g, 2)):
        if (size := abs(grams)) > _NOTHING * most_g:
            decimals = max(decimals, _decimals(size / scale, digits if size / scale >= 0.1 else 2))
    emitted, usual = round(emitted_g / scale, decimals), round(usual_g / scale, decimals)
    values = (emitted, usual, round(usual - emitted, decimals))
    first, second, less = (f"{value:.{decimals}f} {unit}" if value else f"0 {unit}" for value in values)
    return first, second, less


def print_power(watts: float) -> str:
    return f"{three_digits(watts / 1000)} kW" if watts >= 10_000 else f"{three_digits(watts)} W"


def print_money(amount: float, currency: str = "") -> str:
    """`12.30 GBP`; hundredths of a unit, and two digits of what is less than a tenth."""
    size = abs(amount)
    digits = f"{amount:.2f}" if size >= 0.1 or amount == 0 else three_digits(amount)
    return f"{digits} {currency}".rstrip()


def print_percent(share: float) -> str:
    """Whole percent, or tenths where they say it all; never rounded up, so that only what is sure is 100."""
    percent = round(share * 100, 6)
    return f"{percent:g}" if round(percent, 1) == percent else f"{int(percent)}"


def three_digits(value: float) -> str:
    """`1234`, `12.3`, `0.12`, `0.0012`; smaller amounts are said to be small."""
    size = abs(value)
    if size >= 99.95 or value == 0:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.1:
        return f"{value:.2f}"
    return f"{value:.2g}" if size >= 1e-4 else "<0.0001"


def _decimals(value: float, digits: int) -> int:
    """Behind the point, for so many significant digits."""
    return max(0, digits - 1 - math.floor(math.log10(value)))
