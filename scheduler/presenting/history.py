"""Totals of a history as the API publishes them."""

from __future__ import annotations

from scheduler.accounting.grouping import GroupTotals
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.requests import HistoryGrouping


def history_group(totals: GroupTotals, by: HistoryGrouping) -> HistoryGroup:
    return HistoryGroup(
        by=by,
        key=totals.key,
        jobs=totals.jobs,
        energy_kwh=totals.energy.kwh,
        emissions_g=totals.emissions.grams,
        run_now_emissions_g=totals.run_now_emissions.grams,
        difference_g=totals.difference.grams,
        unknown_emissions=totals.unknown_emissions,
        unknown_difference=totals.unknown_difference,
        provisional=totals.provisional,
        intensities=tuple(str(key) for key in totals.series),
    )
