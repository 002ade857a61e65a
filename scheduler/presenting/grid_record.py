"""What was recorded of the grid: the series there are, what was published, what was forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SeriesKey, SignalKind
from scheduler.domain.intervals import Interval
from scheduler.ports import RecordedSeries
from scheduler.presenting.plan import intensity_slots
from scheduler.service_views.grid_record import IssuesView, IssueView, ObservationsView, ObservedValue, SeriesView


def series_view(recorded: RecordedSeries, in_use: SeriesKey) -> SeriesView:
    key, observed = recorded.key, recorded.observed
    return SeriesView(
        source=key.source,
        zone=key.zone,
        kind=key.kind,
        accounting=key.accounting,
        basis=key.basis,
        in_use=key == in_use,
        observed_from=observed.start if observed else None,
        observed_until=observed.end if observed else None,
        issues=recorded.issues,
    )


def observations_view(
    key: SeriesKey,
    interval: Interval,
    observations: Sequence[IntensityObservation],
    as_of: datetime | None,
    revisions: bool,
) -> ObservationsView:
    return ObservationsView(
        source=key.source,
        zone=key.zone,
        kind=key.kind,
        accounting=key.accounting,
        basis=key.basis,
        since=interval.start,
        until=interval.end,
        as_of=as_of,
        revisions=revisions,
        rows=tuple(_value(observation) for observation in observations),
    )


def issues_view(key: SeriesKey, interval: Interval, issues: Sequence[CarbonForecast]) -> IssuesView:
    return IssuesView(
        source=key.source,
        zone=key.zone,
        kind=key.kind,
        accounting=key.accounting,
        basis=key.basis,
        since=interval.start,
        until=interval.end,
        issues=tuple(
            IssueView(
                issued_at=issue.issued_at,
                fetched_at=issue.fetched_at,
                method=issue.method,
                slots=intensity_slots(issue),
            )
            for issue in issues
        ),
    )


def _value(observation: IntensityObservation) -> ObservedValue:
    is_index = observation.key.kind is SignalKind.INDEX
    return ObservedValue(
        start=observation.interval.start,
        end=observation.interval.end,
        g_per_kwh=None if is_index else observation.g_per_kwh,
        status=observation.status,
        fetched_at=observation.fetched_at,
        provider_updated_at=observation.provider_updated_at,
        raw_value=observation.raw_value,
        raw_unit=observation.raw_unit,
        index=observation.g_per_kwh if is_index else None,
    )
