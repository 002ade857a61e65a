"""Emissions statements as they are shown, and what became of one that was drawn up anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.statements import Settlement, StatementMethod


@dataclass(frozen=True, slots=True)
class StatementView:
    """One version of the job's emissions statement; earlier ones stay."""

    computed_at: datetime
    statement: Settlement
    method: StatementMethod
    energy_kwh: float | None
    pue: float
    coverage: float
    emissions_g: float | None
    run_now_emissions_g: float | None
    at_submission_emissions_g: float | None
    run_now_start: datetime | None
    """When first-come-first-served would have started it."""
    difference_g: float | None
    intensity: str | None
    """Source, zone and kind of the intensity used."""
    note: str | None


@dataclass(frozen=True, slots=True)
class RecomputedView:
    """A statement drawn up anew from what is recorded now, and the one that held before."""

    job: int
    changed: bool
    asked: bool
    """Whether the provider answered when it was asked anew; else what was recorded had to do."""
    before: StatementView | None
    statement: StatementView | None
    """None: the job never ran."""
