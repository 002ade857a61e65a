"""Carbon intensity of a generation mix, for providers that publish what was generated and not what it emitted.

Factors [gCO2eq/kWh]: IPCC AR5 WG III, Annex III, table A.III.2, medians (coal: pulverised; gas: combined cycle; solar:
between roof 41 and field 48; direct: the same table's stack emissions, biomass counted as regrowing). Oil and whatever
a provider calls "other" are not in that table: there the values are those that Electricity Maps assumes. Fleets differ
from such medians by tens of per cent, so a series computed here is to be compared with itself alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from scheduler.domain.carbon import Basis
from scheduler.domain.intervals import Interval
from scheduler.grid.reader import Reader, Row

WEIGHTY_SHARE = 0.01
"""A fuel that gives less of everything than this may be missing from an interval."""
MOST_OWN_USE = 0.1
"""Negative generation is a plant's own use, and small against what the others generate."""


class Fuel(StrEnum):
    COAL = "coal"
    GAS = "gas"
    OIL = "oil"
    NUCLEAR = "nuclear"
    HYDRO = "hydro"
    SOLAR = "solar"
    WIND = "wind"
    WIND_OFFSHORE = "wind-offshore"
    GEOTHERMAL = "geothermal"
    MARINE = "marine"
    BIOMASS = "biomass"
    OTHER = "other"
    STORAGE = "storage"
    """Batteries and pumped water give back what was counted when it was generated."""


LIFECYCLE: Mapping[Fuel, float] = {
    Fuel.COAL: 820,
    Fuel.GAS: 490,
    Fuel.OIL: 650,
    Fuel.NUCLEAR: 12,
    Fuel.HYDRO: 24,
    Fuel.SOLAR: 45,
    Fuel.WIND: 11,
    Fuel.WIND_OFFSHORE: 12,
    Fuel.GEOTHERMAL: 38,
    Fuel.MARINE: 17,
    Fuel.BIOMASS: 230,
    Fuel.OTHER: 700,
}
DIRECT: Mapping[Fuel, float] = dict.fromkeys(LIFECYCLE, 0.0) | {
    Fuel.COAL: 760,
    Fuel.GAS: 370,
    Fuel.OIL: 406,
    Fuel.OTHER: 575,
}


VARIABLE = frozenset({Fuel.WIND, Fuel.WIND_OFFSHORE, Fuel.SOLAR})
"""What the weather gives and others forecast."""


def factors(basis: Basis) -> Mapping[Fuel, float]:
    """[gCO2eq/kWh] of each fuel."""
    return LIFECYCLE if basis is Basis.LIFECYCLE else DIRECT


def intensity_of(generated: Mapping[Fuel, float], basis: Basis) -> float | None:
    """Mean intensity of what was generated [gCO2eq/kWh]; None where nothing was.

    Any unit of energy or power does. Own use, shown as slightly negative generation, counts as none.
    """
    amounts = {fuel: max(0.0, amount) for fuel, amount in generated.items() if fuel is not Fuel.STORAGE}
    total = sum(amounts.values())
    if total <= 0:
        return None
    return sum(factors(basis)[fuel] * amount for fuel, amount in amounts.items()) / total


Mix = Mapping[Fuel, float | None]
"""What was generated in one interval; None: it was, but how much is not published yet."""


def rows_of(read: Reader, mixes: Mapping[Interval, Mix], basis: Basis) -> Iterator[Row]:
    """The intensity of every interval whose mix is complete, by start.

    The newest intervals arrive fuel by fuel: one that lacks a fuel which usually matters is not given out yet.
    """
    weighty = _weighty_fuels(mixes.values())
    for interval in sorted(mixes):
        mix = mixes[interval]
        if any(mix.get(fuel) is None for fuel in weighty):
            continue
        known = {fuel: amount for fuel, amount in mix.items() if amount is not None}
        _refuse_much_own_use(read, interval, known)
        g_per_kwh = intensity_of(known, basis)
        if g_per_kwh is not None:
            yield Row(interval, g_per_kwh)


def folded(parts: Iterable[tuple[Fuel, float | None]]) -> Mix:
    """Parts of one interval by fuel; a sum with an unknown part is unknown."""
    mix: dict[Fuel, float | None] = {}
    for fuel, amount in parts:
        before = mix.get(fuel, 0.0)
        mix[fuel] = None if before is None or amount is None else before + amount
    return mix


def _weighty_fuels(mixes: Iterable[Mix]) -> frozenset[Fuel]:
    totals: dict[Fuel, float] = {}
    for mix in mixes:
        for fuel, amount in mix.items():
            totals[fuel] = totals.get(fuel, 0.0) + max(0.0, amount or 0.0)
    totals.pop(Fuel.STORAGE, None)
    everything = sum(totals.values())
    return frozenset(fuel for fuel, amount in totals.items() if amount >= WEIGHTY_SHARE * everything > 0)


def _refuse_much_own_use(read: Reader, interval: Interval, mix: Mapping[Fuel, float]) -> None:
    amounts = [(amount, fuel) for fuel, amount in mix.items() if fuel is not Fuel.STORAGE]
    generated = sum(amount for amount, _ in amounts if amount > 0)
    lowest, fuel = min(amounts, default=(0.0, Fuel.OTHER))
    if lowest < -MOST_OWN_USE * generated:
        raise read.wrong(f"generation from {fuel} at {interval.start:%Y-%m-%d %H:%M} UTC = {lowest:g} is negative")
