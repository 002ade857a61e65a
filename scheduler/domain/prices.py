"""What power costs, for those who weigh money beside emissions."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from scheduler.domain.series import StepSeries


@dataclass(frozen=True, slots=True)
class PowerPrice:
    """The price of a kilowatt-hour over time, in whatever money its user counts; below zero where one is paid to use
    power."""

    per_kwh: StepSeries
    """[unit of money/kWh]"""
    weight_g_per_unit: float = 0.0
    """Grams that the user would emit to save one unit of money; 0: costs are told and change nothing."""
    currency: str = ""
    """Printed behind an amount; it is never converted."""

    def __post_init__(self) -> None:
        if not len(self.per_kwh):
            raise ValueError("a price needs a series; leave it out where none is known")
        if not (isfinite(self.weight_g_per_unit) and self.weight_g_per_unit >= 0):
            raise ValueError(f"the weight of money is {self.weight_g_per_unit} g for a unit; it is 0 or more")
