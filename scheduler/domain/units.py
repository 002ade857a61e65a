"""Quantities with their units: joules, watts, grams of CO2-equivalent, grams per kilowatt-hour.

Only products that mean something type-check: `Power.over(time)` is Energy, `Energy * CarbonIntensity` is Emissions
(O = E x I, GSF Software Carbon Intensity 1.1.0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import overload

JOULES_PER_KWH = 3_600_000.0
G_PER_KWH_PER_LB_PER_MWH = 0.45359237
"""Grams per kilowatt-hour in one pound per megawatt-hour (exact, by the definition of the pound)."""


def _finite(value: float, name: str) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {value!r}; unknown is None, never NaN")


@dataclass(frozen=True, slots=True, order=True)
class Energy:
    """An amount of energy [J]; differences may be negative."""

    joules: float

    def __post_init__(self) -> None:
        _finite(self.joules, "joules")

    @classmethod
    def from_kwh(cls, kwh: float) -> Energy:
        return cls(kwh * JOULES_PER_KWH)

    @property
    def kwh(self) -> float:
        return self.joules / JOULES_PER_KWH

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.joules + other.joules)

    def __sub__(self, other: Energy) -> Energy:
        return Energy(self.joules - other.joules)

    @overload
    def __mul__(self, other: CarbonIntensity) -> Emissions: ...
    @overload
    def __mul__(self, other: float) -> Energy: ...
    def __mul__(self, other: CarbonIntensity | float) -> Emissions | Energy:
        if isinstance(other, CarbonIntensity):
            return Emissions(self.joules / JOULES_PER_KWH * other.g_per_kwh)
        return Energy(self.joules * other)

    def __truediv__(self, time: timedelta) -> Power:
        return Power(self.joules / time.total_seconds())


@dataclass(frozen=True, slots=True, order=True)
class Power:
    """Power [W]."""

    watts: float

    def __post_init__(self) -> None:
        _finite(self.watts, "watts")

    def over(self, time: timedelta) -> Energy:
        """Energy drawn at this power during `time`."""
        return Energy(self.watts * time.total_seconds())

    def __add__(self, other: Power) -> Power:
        return Power(self.watts + other.watts)

    def __mul__(self, factor: float) -> Power:
        return Power(self.watts * factor)


@dataclass(frozen=True, slots=True, order=True)
class CarbonIntensity:
    """Carbon intensity of electricity [gCO2eq/kWh]."""

    g_per_kwh: float

    def __post_init__(self) -> None:
        _finite(self.g_per_kwh, "g_per_kwh")

    @classmethod
    def from_lb_per_mwh(cls, lb_per_mwh: float) -> CarbonIntensity:
        return cls(lb_per_mwh * G_PER_KWH_PER_LB_PER_MWH)


@dataclass(frozen=True, slots=True, order=True)
class Emissions:
    """Greenhouse-gas emissions [gCO2eq]; differences may be negative."""

    grams: float

    def __post_init__(self) -> None:
        _finite(self.grams, "grams")

    def __add__(self, other: Emissions) -> Emissions:
        return Emissions(self.grams + other.grams)

    def __sub__(self, other: Emissions) -> Emissions:
        return Emissions(self.grams - other.grams)

    def __mul__(self, factor: float) -> Emissions:
        return Emissions(self.grams * factor)
