"""Sums over jobs that have ended."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.service_views.requests import HistoryGrouping


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryGroup:
    """Sums over the jobs of one day, project, user or zone that are settled by one intensity.

    A sum is over the jobs where the figure is known; null where jobs ran and it is known of none.
    """

    by: HistoryGrouping
    key: str | None
    """None: jobs without a project."""
    jobs: int
    energy_kwh: float | None
    emissions_g: float | None
    run_now_emissions_g: float | None
    """Like the difference, over the jobs where run-now and realised are both known."""
    difference_g: float | None
    unknown_emissions: int
    """Jobs of the group whose emissions are not known."""
    unknown_difference: int
    provisional: int
    """Jobs whose statement is not final."""
    intensities: tuple[str, ...]
    """Source, zone and kind of the intensity that these emissions are by; empty where there are none. Figures by
    several are rows of their own: they are never added."""
