"""The current plan as it is drawn: intensity strip, placements, and the places they fall on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.gpus import Pool
from scheduler.domain.lifecycle import JobState, Reason
from scheduler.service_views.grid import ForecastLink, IntensitySlot
from scheduler.service_views.jobs import PlacementView
from scheduler.service_views.site import GpuRow


@dataclass(frozen=True, slots=True)
class PlannedStretch:
    """One unbroken stretch of a job, and where it stands in the plan."""

    start: datetime
    end: datetime
    places: tuple[str, ...]
    """Of `gpus`, by `id`. Which it gets is settled when it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """A placement with what a timeline needs to label it."""

    name: str
    user: str
    state: JobState
    pool: Pool
    width: int
    """GPUs, or CPU slots, held while it runs."""
    finish_by: datetime
    placement: PlacementView
    stretches: tuple[PlannedStretch, ...]
    """Those of the placement, each with its places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnplannedJob:
    """A job that has not ended and has no placement."""

    job: int
    name: str
    user: str
    state: JobState
    reason: Reason
    words: str
    """Why, in a sentence, and what lets it be planned; wording may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """The current plan: intensity strip, placements, and the places they fall on."""

    policy: str
    made_at: datetime
    zone: str
    source: str
    kind: str
    """Of the carbon intensity: `average`, `marginal` or `index`."""
    accounting: str
    basis: str
    pue: float
    """Which all emissions and costs include."""
    link: ForecastLink
    forecast_by: str
    """The same in words, with the source."""
    because: tuple[str, ...]
    """Why the better links of the chain are not planned with."""
    forecast_issued_at: datetime | None
    forecast_age_s: float | None
    strip: tuple[IntensitySlot, ...]
    """From now to the end of the forecast or of the last placement."""
    jobs: tuple[PlannedJob, ...]
    """By planned start."""
    unplanned: tuple[UnplannedJob, ...]
    """By number; no figure counts them."""
    gpus: tuple[GpuRow, ...]
    emissions_g: float | None
    run_now_emissions_g: float | None
    lower_bound_g: float | None
    energy_cost: float | None
    """Of all placements, PUE included; None where no price of power is known."""
    run_now_energy_cost: float | None
    currency: str
    """What costs are counted in, as the settings name it; may be empty."""
    late_jobs: int
    notes: tuple[str, ...]
