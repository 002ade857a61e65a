"""Jobs that have ended, as a simulation runs them anew; what is not known of a job leaves it out, in so many words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import numpy as np

from scheduler.domain.series import StepSeries
from scheduler.domain.units import JOULES_PER_KWH
from scheduler.simulation.jobs_file import SWITCH
from scheduler.simulation.run import finish_by
from scheduler.simulation.world import SimulatedJob, World

_ROUNDING_S = 1e-3


class LeftOut(StrEnum):
    """Why a job is not replayed."""

    NEVER_RAN = "never-ran"
    ENERGY_UNKNOWN = "energy-unknown"
    OTHER_PLACES = "other-places"
    """It held places of the pool that is not replayed: CPU slots of a machine that has GPUs, or the reverse."""
    TOO_WIDE = "too-wide"
    INTENSITY_UNKNOWN = "intensity-unknown"
    """For part of the time from its submission to its end, or only beyond a gap in the record."""


@dataclass(frozen=True, slots=True)
class PastJob:
    """A job that has ended, as recorded; None is unknown."""

    id: int
    submitted_at: datetime
    ended_at: datetime
    ran: timedelta
    width: int | None
    """Places held of the pool that is replayed; None where it held others."""
    energy_kwh: float | None
    emissions_g: float | None
    """As its statement has it, overhead of the building included."""
    deadline: datetime | None
    interruptible: bool
    expected: timedelta
    patience_g_per_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Replay:
    """What can be run anew, and what became of the rest."""

    world: World
    recorded_emissions_g: float | None
    """Of the jobs that are replayed; None where that of one is unknown."""
    left_out: Mapping[LeftOut, int]
    held_to_end: int
    """Jobs that might have waited beyond the end of the record, and here are to end by it."""


def replay(jobs: Sequence[PastJob], record: StepSeries, places: int, pue: float) -> Replay | None:
    """The jobs on the stretch of the record without a gap that holds most of them; None where none can be replayed."""
    reasons = {job.id: _reason(job, places) for job in jobs}
    usable = [job for job in jobs if reasons[job.id] is None]
    stretches = _without_gaps(record)
    if not stretches or not usable:
        return None
    series = max(stretches, key=lambda stretch: sum(_lies_in(job, stretch) for job in usable))
    kept = [job for job in usable if _lies_in(job, series)]
    if not kept:
        return None
    left_out = Counter(reason for reason in reasons.values() if reason is not None)
    if beyond := len(usable) - len(kept):
        left_out[LeftOut.INTENSITY_UNKNOWN] = beyond
    known = [job.emissions_g for job in kept if job.emissions_g is not None]
    simulated = [_simulated(job, series) for job in kept]
    return Replay(
        World(series, tuple(job for job, _ in simulated), places, pue),
        sum(known) if len(known) == len(kept) else None,
        left_out,
        sum(held for _, held in simulated),
    )


def reasons_without_record(jobs: Sequence[PastJob], places: int) -> Mapping[LeftOut, int]:
    """Why each of the jobs cannot be replayed, where none can."""
    return Counter(_reason(job, places) or LeftOut.INTENSITY_UNKNOWN for job in jobs)


def _reason(job: PastJob, places: int) -> LeftOut | None:
    """Why it cannot be replayed whatever the record of the grid holds."""
    if job.ran <= timedelta(0):
        return LeftOut.NEVER_RAN
    if job.energy_kwh is None:
        return LeftOut.ENERGY_UNKNOWN
    if job.width is None:
        return LeftOut.OTHER_PLACES
    return LeftOut.TOO_WIDE if job.width > places else None


def _simulated(job: PastJob, series: StepSeries) -> tuple[SimulatedJob, bool]:
    """The job, and whether the end of the series had to be its deadline."""
    assert job.energy_kwh is not None and job.width is not None and series.span is not None
    power_w = job.energy_kwh * JOULES_PER_KWH / job.ran.total_seconds()
    end = series.span.end
    free = SimulatedJob(
        str(job.id), job.submitted_at, job.ran, job.width, power_w, job.deadline, job.interruptible, SWITCH,
        job.expected, job.patience_g_per_h,
    )  # fmt: skip
    if finish_by(free) <= end:
        return free, False
    return replace(free, deadline=end), True


def _lies_in(job: PastJob, series: StepSeries) -> bool:
    inside = series.starts[0] - _ROUNDING_S <= job.submitted_at.timestamp()
    return bool(inside and job.ended_at.timestamp() <= series.ends[-1] + _ROUNDING_S)


def _without_gaps(record: StepSeries) -> list[StepSeries]:
    """The record cut where something is missing."""
    if not len(record):
        return []
    cuts = np.flatnonzero(record.starts[1:] - record.ends[:-1] > _ROUNDING_S) + 1
    bounds = [0, *cuts.tolist(), len(record)]
    return [StepSeries(record.starts[a:b], record.ends[a:b], record.values[a:b]) for a, b in pairwise(bounds)]
