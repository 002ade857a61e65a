"""An intensity forecast made of forecasts of generation: wind and sun as expected, the rest of the fleet as lately.

What wind and sun do not give, the rest gives, and how much that emits is learnt from the last days: emissions as a
straight line over the rest's output, for a fleet that is asked for more answers with other plants than one that is
asked for less. Between the least and the most that the rest has emitted a kilowatt-hour in those days it is believed,
and not beyond. Which plants run is guessed this way, never known: such a forecast is always said to be derived. Wind or
sun that nobody forecasts is part of the rest; what is forecast otherwise and lacks in one interval leaves a gap there.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time

import numpy as np

from scheduler.domain.carbon import Basis
from scheduler.domain.intervals import Interval
from scheduler.grid.fuel_mix import VARIABLE, Fuel, Mix, factors

LEAST_SAMPLES = 24
"""Intervals of the past from which the rest can be learnt."""
LEAST_SPREAD = 0.02
"""Below this, as a share of its mean, the rest's output says nothing about a slope."""
MOST_SCALE = 2.0
"""Forecast and outcome of what is called the same are no further apart than this, or they are not the same."""


@dataclass(frozen=True, slots=True)
class Balance:
    """One interval: what wind and sun give, and what the rest does, with its emissions."""

    variable: Mapping[Fuel, float]
    """[MW]"""
    rest: float
    """[MW]"""
    rest_emissions: float
    """[MW x g/kWh]"""

    @property
    def total(self) -> float:
        return self.rest + sum(self.variable.values())


def balance_of(mix: Mix, basis: Basis, forecast: Container[Fuel] = VARIABLE) -> Balance | None:
    """None where some of it is not published yet, or nothing is generated. What is not `forecast` is of the rest."""
    known = {fuel: max(0.0, amount) for fuel, amount in mix.items() if amount is not None and fuel is not Fuel.STORAGE}
    if len(known) + (Fuel.STORAGE in mix) < len(mix) or not sum(known.values()) > 0:
        return None
    variable: dict[Fuel, float] = {f: a for f, a in known.items() if f in VARIABLE and f in forecast}
    rest = {fuel: amount for fuel, amount in known.items() if fuel not in variable}
    emissions = sum(factors(basis)[fuel] * amount for fuel, amount in rest.items())
    return Balance(variable, sum(rest.values()), emissions)


def complete(variable: Mapping[Interval, Mapping[Fuel, float]]) -> frozenset[Interval]:
    """The intervals for which everything is forecast that is on any of these days at that time.

    By the time of day, for nobody need forecast the sun by night.
    """
    usual: dict[time, set[Fuel]] = {}
    for slot, given in variable.items():
        usual.setdefault(slot.start.time(), set()).update(given)
    return frozenset(slot for slot, given in variable.items() if usual[slot.start.time()] <= given.keys())


@dataclass(frozen=True, slots=True)
class RestOfFleet:
    """What all but wind and sun emit, by how much they are asked for."""

    base: float
    """[MW x g/kWh]"""
    slope: float
    """[g/kWh]"""
    least: float
    most: float
    """Its intensity was never below or above these lately [g/kWh]."""

    @classmethod
    def learnt(cls, samples: Iterable[Balance]) -> RestOfFleet | None:
        """None where the past is too short to learn from."""
        known = [(sample.rest, sample.rest_emissions) for sample in samples if sample.rest > 0]
        if len(known) < LEAST_SAMPLES:
            return None
        rest, emissions = np.array(known).T
        intensity = emissions / rest
        slope, base = emissions.sum() / rest.sum(), 0.0
        if rest.std() > LEAST_SPREAD * rest.mean():
            slope, base = np.polyfit(rest, emissions, 1)
        return cls(float(base), float(slope), float(intensity.min()), float(intensity.max()))

    def emissions(self, rest: float) -> float:
        """[MW x g/kWh]"""
        return min(max(self.base + self.slope * rest, self.least * rest), self.most * rest)

    def intensity(self, total: float, variable: Mapping[Fuel, float], basis: Basis) -> float | None:
        """Of everything [g/kWh]; None where nothing is expected. Wind and sun that exceed `total` are all there is."""
        given = sum(variable.values())
        rest = max(0.0, total - given)
        if not rest + given > 0:
            return None
        clean = sum(factors(basis)[fuel] * amount for fuel, amount in variable.items())
        return (self.emissions(rest) + clean) / (rest + given)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of each interval, on the scale of what came lately."""

    rest: RestOfFleet
    basis: Basis
    variable: Mapping[Interval, Mapping[Fuel, float]]
    total: Mapping[Interval, float]
    usual_total: Mapping[int, float]
    """Mean of each hour of the day lately, where nothing else is expected [MW]."""

    @classmethod
    def learnt(
        cls,
        past: Mapping[Interval, Balance],
        variable: Mapping[Interval, Mapping[Fuel, float]],
        total: Mapping[Interval, float],
        basis: Basis,
    ) -> Outlook | None:
        """From forecasts that begin in the past, so that they can be held against what came. None: too short a past."""
        rest = RestOfFleet.learnt(past.values())
        if rest is None:
            return None
        by_fuel = {fuel: scale(_pairs(past, variable, fuel)) for fuel in VARIABLE}
        whole = scale((expected, past[slot].total) for slot, expected in total.items() if slot in past)
        return cls(
            rest,
            basis,
            {slot: {fuel: by_fuel[fuel] * mw for fuel, mw in given.items()} for slot, given in variable.items()},
            {slot: expected * whole for slot, expected in total.items()},
            _by_hour(past),
        )

    def intensity(self, slot: Interval) -> float | None:
        """[gCO2eq/kWh]; None where it cannot be told."""
        total = self.total.get(slot, self.usual_total.get(slot.start.hour))
        given = self.variable.get(slot)
        return None if total is None or given is None else self.rest.intensity(total, given, self.basis)


def scale(pairs: Iterable[tuple[float, float]]) -> float:
    """By what forecasts have to be multiplied so that their sum is that of the outcomes; 1 where they say little."""
    known = list(pairs)
    expected, came = sum(pair[0] for pair in known), sum(pair[1] for pair in known)
    if not (expected > 0 and came > 0):
        return 1.0
    return min(max(came / expected, 1 / MOST_SCALE), MOST_SCALE)


def _pairs(
    past: Mapping[Interval, Balance], variable: Mapping[Interval, Mapping[Fuel, float]], fuel: Fuel
) -> Iterator[tuple[float, float]]:
    """Of every interval of the past for which that fuel was forecast: the forecast, and what came."""
    for slot, given in variable.items():
        if slot in past and fuel in given:
            yield given[fuel], past[slot].variable.get(fuel, 0.0)


def _by_hour(past: Mapping[Interval, Balance]) -> dict[int, float]:
    totals: dict[int, list[float]] = {}
    for slot, balance in past.items():
        totals.setdefault(slot.start.hour, []).append(balance.total)
    return {hour: sum(values) / len(values) for hour, values in totals.items()}
