"""Totals of a history as the API publishes them."""

from __future__ import annotations

from scheduler.accounting.grouping import GroupTotals
from scheduler.domain.units import Emissions
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.requests import HistoryGrouping


def history_group(totals: GroupTotals, by: HistoryGrouping) -> HistoryGroup:
    return HistoryGroup(
        by=by,
        key=totals.key,
        jobs=totals.jobs,
        energy_kwh=None if totals.energy is None else totals.energy.kwh,
        emissions_g=_grams(totals.emissions),
        run_now_emissions_g=_grams(totals.run_now_emissions),
        difference_g=_grams(totals.difference),
        unknown_emissions=totals.unknown_emissions,
        unknown_difference=totals.unknown_difference,
        provisional=totals.provisional,
        intensities=(str(totals.series),) if totals.series else (),
    )


def _grams(emissions: Emissions | None) -> float | None:
    return None if emissions is None else emissions.grams
