"""Answers what was recorded of the grid: which series, what was published, what was forecast, as known now or then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from scheduler.daemon.grid_desk import GridDesk
from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.errors import NotFound, RequestError
from scheduler.domain.intervals import Interval
from scheduler.ports import Store
from scheduler.presenting.grid_record import issues_view, observations_view, series_view
from scheduler.service_views.grid_record import IssuesView, ObservationsView, SeriesView
from scheduler.service_views.requests import SeriesChoice

LONGEST = timedelta(days=93)
"""The longest stretch of one answer."""
MOST_VALUES = 50_000
"""The most values of one answer: more would keep everybody else waiting while it is written."""


class GridRecord:
    """One installation's record. Its methods read the store, so they run on the writer thread."""

    def __init__(self, store: Store, desk: GridDesk) -> None:
        self._store, self._desk = store, desk

    def series(self) -> tuple[SeriesView, ...]:
        in_use = self._desk.capabilities.key
        return tuple(series_view(recorded, in_use) for recorded in self._store.recorded_series())

    def observations(
        self, choice: SeriesChoice, interval: Interval, as_of: datetime | None, revisions: bool
    ) -> ObservationsView:
        key = self._chosen(choice, interval)
        if revisions:
            found = self._store.revisions(key, interval)
            found = tuple(o for o in found if as_of is None or o.fetched_at <= as_of)
        else:
            found = self._store.observations(key, interval, as_of)
        _check_size(len(found))
        return observations_view(key, interval, found, as_of, revisions)

    def issues(self, choice: SeriesChoice, interval: Interval, apart: timedelta) -> IssuesView:
        key = self._chosen(choice, interval)
        kept = thinned(self._store.forecasts(key, interval), apart)
        _check_size(sum(len(issue.expected) for issue in kept))
        return issues_view(key, interval, kept)

    def _chosen(self, choice: SeriesChoice, interval: Interval) -> SeriesKey:
        if interval.length > LONGEST:
            raise RequestError(f"one answer covers at most {LONGEST.days} days; ask for a shorter time")
        wanted = {field.name: value for field in fields(choice) if (value := getattr(choice, field.name)) is not None}
        if not wanted:
            return self._desk.capabilities.key
        in_use, recorded = self._desk.capabilities.key, self._store.recorded_series()
        keys = sorted({in_use, *(each.key for each in recorded)})
        fitting = [key for key in keys if all(getattr(key, name) == value for name, value in wanted.items())]
        if len(fitting) == 1:
            return fitting[0]
        said = ", ".join(f"{name} {value}" for name, value in wanted.items())
        if not fitting:
            raise NotFound(f"nothing is recorded of {said}; there is {'; '.join(map(str, keys))}")
        raise RequestError(f"{said} fits several series: {'; '.join(map(str, fitting))}; say which")


def thinned(issues: Sequence[CarbonForecast], apart: timedelta) -> list[CarbonForecast]:
    """Issues in order, each at least `apart` from the one before it."""
    kept: list[CarbonForecast] = []
    for issue in issues:
        if not kept or issue.issued_at - kept[-1].issued_at >= apart:
            kept.append(issue)
    return kept


def _check_size(values: int) -> None:
    if values > MOST_VALUES:
        raise RequestError(
            f"these are {values:,} values and one answer holds at most {MOST_VALUES:,}; ask for a shorter time"
        )
