"""Figures with their units, in few characters; what is unknown is a dash, never zero."""

from __future__ import annotations

from datetime import timedelta

from scheduler.domain.durations import format_duration

UNKNOWN = "–"


def energy(kwh: float | None) -> str:
    if kwh is None:
        return UNKNOWN
    if abs(kwh) >= 0.1:
        return f"{_three(kwh)} kWh"
    return f"{_three(kwh * 1000)} Wh"


def emissions(grams: float | None) -> str:
    if grams is None:
        return UNKNOWN
    return f"{_three(grams / 1000)} kgCO2eq" if abs(grams) >= 1000 else f"{_three(grams)} gCO2eq"


def saved(difference_g: float | None, run_now_g: float | None) -> str:
    """The difference, with its share of run-now where that is meaningful."""
    if difference_g is None:
        return UNKNOWN
    share = f" ({difference_g / run_now_g * 100:.0f} %)" if run_now_g and run_now_g > 0 else ""
    return f"{emissions(difference_g)}{share}"


def power(watts: float | None) -> str:
    if watts is None:
        return UNKNOWN
    return f"{_three(watts / 1000)} kW" if watts >= 10_000 else f"{_three(watts)} W"


def intensity(g_per_kwh: float | None) -> str:
    return UNKNOWN if g_per_kwh is None else f"{g_per_kwh:.0f} gCO2eq/kWh"


def duration(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else format_duration(timedelta(seconds=seconds))


def size(count: int | None) -> str:
    if count is None:
        return UNKNOWN
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{_three(amount)} {unit}"


def percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:.0f} %"


def _three(value: float) -> str:
    """About three significant digits, never in exponent form."""
    size = abs(value)
    if size >= 99.95 or value == 0:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.01:
        return f"{value:.2f}"
    return f"{value:.2g}" if size >= 1e-4 else "<0.0001"
