"""Figures with their units, in few characters; what is unknown is a dash, never zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from scheduler.domain.durations import format_duration
from scheduler.domain.printing import (
    print_comparison,
    print_emissions,
    print_energy,
    print_money,
    print_percent,
    print_power,
    three_digits,
)

UNKNOWN = "–"
_TOLD_SHARE = 5e-4
"""Share that is not printed as 0.0 %."""


def energy(kwh: float | None) -> str:
    return UNKNOWN if kwh is None else print_energy(kwh)


def emissions(grams: float | None) -> str:
    return UNKNOWN if grams is None else print_emissions(grams)


def money(amount: float | None, currency: str = "") -> str:
    return UNKNOWN if amount is None else print_money(amount, currency)


def compared(figures: Mapping[str, Any]) -> tuple[str, str, str]:
    """What is emitted, what run-now would emit and what that saves, of a job row or a placement: they add up."""
    emitted_g, run_now_g = figures["emissions_g"], figures["run_now_emissions_g"]
    if emitted_g is None or run_now_g is None or figures["difference_g"] is None:
        return emissions(emitted_g), emissions(run_now_g), saved(figures["difference_g"], run_now_g)
    emitted, run_now, less = print_comparison(emitted_g, run_now_g)
    return emitted, run_now, f"{less}{_share(run_now_g - emitted_g, run_now_g)}"


def saved(difference_g: float | None, run_now_g: float | None) -> str:
    """The difference, with its share of run-now where that is meaningful."""
    if difference_g is None:
        return UNKNOWN
    return f"{emissions(difference_g)}{_share(difference_g, run_now_g)}"


def _share(difference_g: float, run_now_g: float | None) -> str:
    return f" ({difference_g / run_now_g * 100:z.0f} %)" if run_now_g and run_now_g > 0 else ""


def marked(figure: str, statement: str) -> str:
    """With the mark of what is provisional."""
    return f"~{figure}" if statement == "provisional" and figure != UNKNOWN else figure


def share_below(bound_g: float | None, emitted_g: float) -> str:
    """By how much of what a plan emits its bound is lower; nothing where there is no bound, or it is hardly lower."""
    share = 1 - bound_g / emitted_g if bound_g is not None and emitted_g > 0 else 0.0
    return f"{100 * share:.1f} %" if share >= _TOLD_SHARE else ""


def power(watts: float | None) -> str:
    return UNKNOWN if watts is None else print_power(watts)


def intensity(g_per_kwh: float | None) -> str:
    return UNKNOWN if g_per_kwh is None else f"{g_per_kwh:.0f} gCO2eq/kWh"


def which_intensity(answer: Mapping[str, Any]) -> str:
    """Whose intensity, of which kind: `average carbon intensity of GB`."""
    what = "carbon intensity as an index" if answer["kind"] == "index" else f"{answer['kind']} carbon intensity"
    return f"{what} of {answer['zone']}"


def published(row: dict[str, Any]) -> str:
    """A published value: an intensity, or an index under its own name."""
    return intensity(row["g_per_kwh"]) if row.get("index") is None else f"index {row['index']:.0f}"


def duration(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else format_duration(timedelta(seconds=seconds))


def count(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(count: int | None) -> str:
    if count is None:
        return UNKNOWN
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{three_digits(amount)} {unit}"


def percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{print_percent(share)} %"
