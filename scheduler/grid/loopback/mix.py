"""From an intensity back to a generation mix, for dialects that speak of generation."""

from __future__ import annotations

from scheduler.grid.fuel_mix import LIFECYCLE, Fuel


def two_fuels(g_per_kwh: float) -> dict[Fuel, float]:
    """Shares of wind, and of gas or coal, whose life-cycle intensity is `g_per_kwh`."""
    dirty = Fuel.GAS if g_per_kwh <= LIFECYCLE[Fuel.GAS] else Fuel.COAL
    clean_g, dirty_g = LIFECYCLE[Fuel.WIND], LIFECYCLE[dirty]
    share = (g_per_kwh - clean_g) / (dirty_g - clean_g)
    return {dirty: share, Fuel.WIND: 1 - share}


def as_generation(bad_value: float | str) -> float | str:
    """As wrong for megawatts as it is for grams."""
    return bad_value if isinstance(bad_value, str) else bad_value * 1_000
