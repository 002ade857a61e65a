"""What is said of one job in words: when it was submitted, and why it is where it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.jobs import Basis
from scheduler.domain.lifecycle import JobState, Reason
from scheduler.service_views.jobs import ConfidenceView, JobRow, PlacementView


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(JobRow):
    """The row of the job just queued (or, in a dry run, as it would be), and what is planned for it."""

    dry_run: bool
    repeated: bool
    """It is the job submitted under the same idempotency key before; nothing was queued now."""
    expected_duration_s: float
    duration_basis: Basis
    expected_power_w: float
    power_basis: Basis
    placement: PlacementView | None
    certainty: ConfidenceView | None
    """None where nobody asked the record."""
    words: tuple[str, ...]
    """The plan in sentences for people: when, why, what it saves, what was assumed."""
    forecast_age_s: float | None
    """None when there is no forecast."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A named number with its unit, e.g. ("intensity now", 212.0, "gCO2eq/kWh")."""

    name: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a job is where it is."""

    job: int
    state: JobState
    reason: Reason
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]
    placement: PlacementView | None
    certainty: ConfidenceView | None
    """None once it has ended."""
    zone: str
    kind: str | None
    """Of the carbon intensity that it is planned with: `average`, `marginal` or `index`; None once it has ended."""
    accounting: str | None
    basis: str | None
    pue: float
    """Which all emissions and costs include."""
    forecast_by: str | None
    """What it is planned with; None once it has ended."""
    because: tuple[str, ...]
    """Why the better links of the chain are not planned with."""
    latest_start: datetime | None
    """Latest start that still meets `finish_by`; None for a job that has started."""
