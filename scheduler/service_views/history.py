"""Sums over jobs that have ended."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.service_views.requests import HistoryGrouping


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryGroup:
    """Sums over the jobs of one day, project, user or zone. A sum is over the jobs where the figure is known."""

    by: HistoryGrouping
    key: str | None
    """None: jobs without a project."""
    jobs: int
    energy_kwh: float
    emissions_g: float
    run_now_emissions_g: float
    difference_g: float
    """Over the jobs where run-now and realised are both known."""
    unknown_emissions: int
    """Jobs of the group whose emissions are not known."""
    unknown_difference: int
    provisional: int
    """Jobs whose statement is not final."""
    intensities: tuple[str, ...]
    """Source, zone and kind of every intensity that these emissions are by."""
