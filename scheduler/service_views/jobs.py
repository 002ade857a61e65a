"""Jobs as they are shown: one in a line, one with all that is known of it, and a piece of its log."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from scheduler.domain.jobs import Basis
from scheduler.domain.lifecycle import JobState, Reason, SegmentState, StopReason
from scheduler.domain.readings import Component, MeterMethod, ReadingFlag
from scheduler.domain.running_time import Learnt
from scheduler.domain.statements import Settlement, StatementMethod
from scheduler.service_views.statements import StatementView


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job in one line."""

    id: int | None
    """None only in the answer to a dry run."""
    name: str
    state: JobState
    reason: Reason
    detail: str | None
    """The reason in a sentence."""
    user: str
    project: str | None
    tags: tuple[str, ...]
    zone: str
    gpus: int
    interruptible: bool
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline: datetime | None
    """As the user gave it."""
    finish_by: datetime
    """The deadline, or the moment by which a job without one is to have finished."""
    planned_start: datetime | None
    """Next start in the current plan; None when it runs, has ended, or is in no plan."""
    planned_end: datetime | None
    late: bool
    """Whether the plan expects it to finish after `finish_by`."""
    exit_code: int | None
    """As the shell says it: 128 + signal for a process that a signal ended."""
    attempts: int
    energy_kwh: float | None
    """IT energy; while the job runs, so far."""
    pue: float
    emissions_g: float | None
    """Operational, PUE included."""
    run_now_emissions_g: float | None
    at_submission_emissions_g: float | None
    difference_g: float | None
    """Run-now minus realised: positive is saved."""
    statement: Settlement
    coverage: float
    """Share of the energy, 0 to 1, for which an intensity is known."""
    method: StatementMethod
    intensity: str | None
    """Source, zone and kind of the intensity that emissions are by; None before it runs."""


def row_fields(row: JobRow) -> dict[str, Any]:
    """A row's fields, to build a wider view on: `JobDetail(**row_fields(row), ...)`."""
    return {field.name: getattr(row, field.name) for field in fields(JobRow)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A half-open stretch of time, UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementView:
    """When one job is to run, and what that is expected to emit."""

    job: int | None
    """None in a dry run."""
    start: datetime
    end: datetime
    stretches: tuple[Stretch, ...]
    switches: int
    """Suspensions planned."""
    emissions_g: float | None
    run_now_start: datetime
    run_now_emissions_g: float | None
    difference_g: float | None
    late: bool
    energy_cost: float | None
    """What its power is expected to cost, PUE included, in the plan's unit of money; None where no price is known."""
    run_now_energy_cost: float | None
    reason: str
    """`carbon-window`, `resources`, `dependency`, `due`, `run-now`, `running` or `no-forecast`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceView:
    """How sure a job's running time is, and its deadline with it."""

    confidence: float
    """With which deadlines are to be met, 0 to 1 (`planning.deadline_confidence`)."""
    running_time_s: float
    """It runs no longer with that confidence; what it has run is in it."""
    learnt_from: Learnt
    learnt_jobs: int
    """Earlier jobs that this rests on."""
    ends_by: datetime | None
    """With that confidence, if it runs on after its planned end; None where it is in no plan."""
    in_time: float | None
    """Chance of meeting the deadline so, 0 to 1; None without a deadline, or a plan."""


@dataclass(frozen=True, slots=True)
class SegmentView:
    """One start of the job's process."""

    id: str
    state: SegmentState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    stop_reason: StopReason | None
    resume: bool
    host: str | None
    gpu_uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of a job's history."""

    at: datetime
    event: str
    state: JobState
    reason: Reason
    detail: str | None


@dataclass(frozen=True, slots=True)
class ComponentEnergyView:
    """What one device drew for the job, over all segments, and how that was metered."""

    component: Component
    device: str
    method: MeterMethod
    energy_kwh: float
    flags: tuple[ReadingFlag, ...]


@dataclass(frozen=True, slots=True)
class ProgressView:
    """How far the job says it is."""

    step: int
    total: int | None
    loss: float | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail(JobRow):
    """A job row, and all else that is known of the job."""

    argv: tuple[str, ...]
    workdir: str
    expected_duration_s: float
    duration_basis: Basis
    expected_power_w: float
    power_basis: Basis
    time_limit_s: float | None
    grace_s: float
    retries: int
    patience_g_per_h: float
    """Its waiting price, or the site's where its user named none."""
    checkpoint_signal: str | None
    after: tuple[int, ...]
    run_now: bool
    work_done_s: float
    """Running time that counts toward the expected duration."""
    running_s: float
    """Time its process has run, all segments."""
    power_w: float | None
    """Power just now, IT; None when it does not run or nothing is metered yet."""
    progress: ProgressView | None
    placement: PlacementView | None
    certainty: ConfidenceView | None
    """None once it has ended."""
    segments: tuple[SegmentView, ...]
    events: tuple[EventView, ...]
    energy: tuple[ComponentEnergyView, ...]
    statements: tuple[StatementView, ...]
    """Oldest first; the last one is what the row shows."""


@dataclass(frozen=True, slots=True)
class CleanedView:
    """What became of the logs and checkpoints of one ended job."""

    job: int
    freed_bytes: int
    """On the worker's disk; in a dry run, as it would be."""
    left: tuple[str, ...]
    """Directories with files of the job's user, which only they can remove."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """A piece of one stream of a job, over all its segments in order."""

    data_base64: str
    cursor: str
    """Where to read on; opaque. The empty string is the beginning."""
    lost_bytes: int
    """Rotated away just before this piece."""
    ended: bool
    """The job has ended and nothing comes after this piece."""
