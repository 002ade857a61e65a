"""Carbon intensity as the grid reports it: what kind it is, from whom, known since when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.domain.intervals import Interval, utc
from scheduler.domain.series import StepSeries

BUILT_IN_METHOD = "carbonq"
"""The method of a forecast that is ours alone; of one that is partly ours it is the last word, after a plus."""
IMPLAUSIBLE_G_PER_KWH = 2_000.0
"""Above every grid and fuel on record (lignite is about 1,200); a larger value is a unit mistake."""


class SignalKind(StrEnum):
    """What a value says about one more kilowatt-hour."""

    AVERAGE = "average"
    MARGINAL = "marginal"
    INDEX = "index"


class Accounting(StrEnum):
    """Whether imports are counted (consumption) or only what is generated inside the zone (production)."""

    PRODUCTION = "production"
    CONSUMPTION = "consumption"


class Basis(StrEnum):
    """Whether factors count the plant's life cycle or its stack alone."""

    LIFECYCLE = "lifecycle"
    DIRECT = "direct"


class IntensityStatus(StrEnum):
    FORECAST = "forecast"
    ESTIMATED = "estimated"
    ACTUAL = "actual"


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What may be compared: a plan, its baseline and its settlement use one key, never two."""

    source: str
    zone: str
    kind: SignalKind = SignalKind.AVERAGE
    accounting: Accounting = Accounting.CONSUMPTION
    basis: Basis = Basis.LIFECYCLE

    def __str__(self) -> str:
        return f"{self.source}/{self.zone} ({self.kind}, {self.accounting}, {self.basis})"


@dataclass(frozen=True, slots=True)
class IntensityObservation:
    """One published value for a past or present interval [gCO2eq/kWh]; observations are appended, never changed.

    Of a key whose kind is `index` the value is the index, without a unit: see `raw_unit`.
    """

    key: SeriesKey
    interval: Interval
    g_per_kwh: float
    status: IntensityStatus
    fetched_at: datetime
    provider_updated_at: datetime | None = None
    raw_value: float | None = None
    raw_unit: str = "gCO2eq/kWh"

    def __post_init__(self) -> None:
        object.__setattr__(self, "fetched_at", utc(self.fetched_at))
        if not 0 <= self.g_per_kwh <= IMPLAUSIBLE_G_PER_KWH:
            raise ValueError(f"{self.g_per_kwh!r} g/kWh is not a plausible carbon intensity")


@dataclass(frozen=True, slots=True)
class CarbonForecast:
    """One issue of a forecast: expected intensity [gCO2eq/kWh], with bands where the provider or our own gives them."""

    key: SeriesKey
    issued_at: datetime
    fetched_at: datetime
    expected: StepSeries
    p10: StepSeries | None = None
    p90: StepSeries | None = None
    method: str = "provider"

    def __post_init__(self) -> None:
        object.__setattr__(self, "issued_at", utc(self.issued_at))
        object.__setattr__(self, "fetched_at", utc(self.fetched_at))
        if len(self.expected) and not (
            (self.expected.values >= 0).all() and (self.expected.values <= IMPLAUSIBLE_G_PER_KWH).all()
        ):
            raise ValueError("a forecast holds values between 0 and 2,000 g/kWh")

    def age(self, now: datetime) -> timedelta:
        return now - self.issued_at

    @property
    def horizon(self) -> datetime | None:
        """End of the last forecast interval; None when there is none."""
        span = self.expected.span
        return span.end if span else None


class LinkState(StrEnum):
    """Where a link of the chain stands; closed list, published in docs/reference.md."""

    IN_USE = "in-use"
    PASSED_OVER = "passed-over"
    """It was asked, and cannot be planned with just now."""
    IN_RESERVE = "in-reserve"
    """A better one is in use."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One of those that are asked for a zone in turn."""

    name: str
    state: LinkState
    reason: str | None = None
    """What ails it; None where nothing does, or where it was not asked."""
    constant: bool = False
    """It knows a yearly factor and no hours."""


@dataclass(frozen=True, slots=True)
class SourceCapabilities:
    """What a provider can do for one zone, and under what terms."""

    source: str
    title: str
    key: SeriesKey
    has_forecast: bool
    has_actuals: bool
    forecast_horizon: timedelta
    resolution: timedelta
    min_poll: timedelta
    """How often it is decent to ask."""
    settle_after: timedelta
    """Age at which a published actual value counts as final."""
    needs_key: bool
    licence: str
    attribution: str
    estimates_settle_after: timedelta = timedelta(days=7)
    """Age at which an estimate that the provider has not replaced is taken as its last word."""
    recheck_after: tuple[timedelta, ...] = ()
    """Ages at which the provider consolidates what it published, beside `settle_after`."""
    reaches_back: bool = True
    """False where only the last hours can be asked for: what has become final is beyond them."""
    claims_savings: bool = True
    """False for a yearly constant: jobs run at once and no saving is claimed."""
    no_forecast: str | None = None
    """Why there is none, where more is known than that; what is said here is not among the notes."""
    notes: tuple[str, ...] = field(default=())
    links: tuple[ChainLink, ...] = ()
    """Where several are asked for one zone: all of them, the best first."""

    @property
    def review_ages(self) -> tuple[timedelta, ...]:
        """Ages at which final values are asked for once more, ascending.

        That from which they are final is among them: a value is final by its age now, however young it was fetched.
        """
        if not self.reaches_back:
            return ()
        return tuple(sorted({age for age in (self.settle_after, *self.recheck_after) if age > timedelta(0)}))
