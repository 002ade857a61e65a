"""What was recorded of the grid: the series there are, what was published, what was forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.carbon import IntensityStatus
from scheduler.service_views.grid import IntensitySlot


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView:
    """One series that something is recorded of."""

    source: str
    zone: str
    kind: str
    accounting: str
    basis: str
    in_use: bool
    """The one that is planned with just now."""
    observed_from: datetime | None
    observed_until: datetime | None
    issues: int
    """Forecasts kept."""


@dataclass(frozen=True, slots=True)
class ObservedValue:
    """One published value for one interval [gCO2eq/kWh], or an index, which has no grams."""

    start: datetime
    end: datetime
    g_per_kwh: float | None
    """None: the series is an index."""
    status: IntensityStatus
    fetched_at: datetime
    provider_updated_at: datetime | None
    raw_value: float | None
    """As the provider said it."""
    raw_unit: str
    index: float | None = None
    """Of a series that is one: 0 is clean, 100 is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationsView:
    """What was published for a stretch of time: as it is known now, or as it was known at `as_of`."""

    source: str
    zone: str
    kind: str
    accounting: str
    basis: str
    since: datetime
    until: datetime
    as_of: datetime | None
    revisions: bool
    """Whether every revision is listed, in place of the value that holds."""
    rows: tuple[ObservedValue, ...]
    """By start; hours that nobody published are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueView:
    """One forecast as its provider issued it."""

    issued_at: datetime
    fetched_at: datetime
    method: str
    slots: tuple[IntensitySlot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuesView:
    """Forecasts that were issued in a stretch of time, oldest first."""

    source: str
    zone: str
    kind: str
    accounting: str
    basis: str
    since: datetime
    until: datetime
    issues: tuple[IssueView, ...]
