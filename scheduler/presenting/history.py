"""Totals of a history by day, project, user or zone; what is not known is counted, not added as nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scheduler.domain.statements import Settlement
from scheduler.service_views import HistoryGroup, HistoryGrouping, JobRow


def history_groups(rows: Sequence[JobRow], by: HistoryGrouping) -> tuple[HistoryGroup, ...]:
    """One group a key, in order of key; jobs without a project come last."""
    grouped: dict[str | None, list[JobRow]] = {}
    for row in rows:
        grouped.setdefault(_key(row, by), []).append(row)
    keys = sorted(grouped, key=lambda key: (key is None, key or ""))
    return tuple(_group(by, key, grouped[key]) for key in keys)


def _key(row: JobRow, by: HistoryGrouping) -> str | None:
    match by:
        case HistoryGrouping.DAY:
            return row.ended_at.date().isoformat() if row.ended_at else None
        case HistoryGrouping.PROJECT:
            return row.project
        case HistoryGrouping.USER:
            return row.user
        case HistoryGrouping.ZONE:
            return row.zone


def _group(by: HistoryGrouping, key: str | None, rows: Sequence[JobRow]) -> HistoryGroup:
    compared = [row for row in rows if row.difference_g is not None]
    return HistoryGroup(
        by=by,
        key=key,
        jobs=len(rows),
        energy_kwh=_known_sum(row.energy_kwh for row in rows),
        emissions_g=_known_sum(row.emissions_g for row in rows),
        run_now_emissions_g=_known_sum(row.run_now_emissions_g for row in rows),
        difference_g=_known_sum(row.difference_g for row in compared),
        unknown_emissions=sum(row.emissions_g is None for row in rows),
        unknown_difference=len(rows) - len(compared),
        provisional=sum(row.statement is Settlement.PROVISIONAL for row in rows),
    )


def _known_sum(values: Iterable[float | None]) -> float:
    return sum(value for value in values if value is not None)
