"""What the daemon is asked and what it answers: the API's requests and views, and the Protocol that serves them.

A view is flat and made to be read: units stand in the field names, durations are seconds, energy is kWh of IT energy,
emissions are grams with PUE included, None is unknown. The API publishes these classes as they are, so a field here is
a field of `--json`: add freely, rename never.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from scheduler.domain.carbon import Accounting, IntensityStatus, LinkState, SignalKind
from scheduler.domain.carbon import Basis as GridBasis
from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import DEFAULT_GRACE, Basis
from scheduler.domain.lifecycle import JobState, Reason, SegmentState, StopReason
from scheduler.domain.readings import Component, MeterMethod, ReadingFlag
from scheduler.domain.statements import Settlement, StatementMethod
from scheduler.domain.units import Power
from scheduler.ports import JobQuery


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the kernel says it (SO_PEERCRED); the name is looked up from the uid, never sent."""

    uid: int
    name: str


# --- what is asked -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A job as submitted, before the daemon's defaults; None leaves the choice to the daemon.

    `env` is the whole environment of the job: it goes to the secret spool and nowhere else.
    """

    argv: tuple[str, ...]
    workdir: str
    env: dict[str, str]
    name: str | None = None
    gpus: int | None = None
    """None: 1, or 0 with one CPU slot where the machine has no GPU."""
    interruptible: bool = False
    duration: timedelta | None = None
    time_limit: timedelta | None = None
    power: Power | None = None
    deadline: datetime | None = None
    """Finished by then; at most one of `deadline` and `within`."""
    within: timedelta | None = None
    """Finished within this long from submission."""
    run_now: bool = False
    hold: bool = False
    zone: str | None = None
    project: str | None = None
    tags: tuple[str, ...] = ()
    after: tuple[int, ...] = ()
    checkpoint_signal: str | None = None
    grace: timedelta = DEFAULT_GRACE
    retries: int = 0


class HistoryGrouping(StrEnum):
    DAY = "day"
    """UTC day on which the job ended."""
    PROJECT = "project"
    USER = "user"
    ZONE = "zone"


class LogStream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


# --- jobs --------------------------------------------------------------------------------------------------------
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
    reason: str
    """`carbon-window`, `resources`, `dependency`, `due`, `run-now`, `running` or `no-forecast`."""


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
    segments: tuple[SegmentView, ...]
    events: tuple[EventView, ...]
    energy: tuple[ComponentEnergyView, ...]
    statements: tuple[StatementView, ...]
    """Oldest first; the last one is what the row shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(JobRow):
    """The row of the job just queued (or, in a dry run, as it would be), and what is planned for it."""

    dry_run: bool
    expected_duration_s: float
    duration_basis: Basis
    expected_power_w: float
    power_basis: Basis
    placement: PlacementView | None
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
    forecast_by: str | None
    """What it is planned with; None once it has ended."""
    because: tuple[str, ...]
    """Why the better links of the chain are not planned with."""
    latest_start: datetime | None
    """Latest start that still meets `finish_by`; None for a job that has started."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryGroup:
    """Sums over the jobs of one day, project, user or zone. A sum is over the jobs where the figure is known."""

    by: HistoryGrouping
    key: str | None
    """None: jobs without a project."""
    jobs: int
    energy_kwh: float
    emissions_g: float
    run_now_emissions_g: float
    difference_g: float
    """Over the jobs where run-now and realised are both known."""
    unknown_emissions: int
    """Jobs of the group whose emissions are not known."""
    unknown_difference: int
    provisional: int
    """Jobs whose statement is not final."""


# --- plan and grid -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class IntensitySlot:
    """Carbon intensity of one slot [gCO2eq/kWh], with the band where there is one."""

    start: datetime
    end: datetime
    g_per_kwh: float
    p10_g_per_kwh: float | None = None
    p90_g_per_kwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRow:
    """One place where a job can run: a GPU, or a CPU slot on a machine without any."""

    id: str
    """The GPU's UUID, or `cpu-0`, `cpu-1`, ..."""
    pool: Pool
    name: str
    memory_bytes: int | None
    power_limit_w: float | None
    power_w: float | None
    job: int | None
    """The job that holds it now."""
    other_pids: tuple[int, ...]
    """Processes on it that are not ours."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """The current plan: intensity strip, placements, and the places they fall on."""

    policy: str
    made_at: datetime
    zone: str
    source: str
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
    gpus: tuple[GpuRow, ...]
    emissions_g: float | None
    run_now_emissions_g: float | None
    lower_bound_g: float | None
    late_jobs: int
    notes: tuple[str, ...]


class ForecastLink(StrEnum):
    """Which kind of link of the chain is planned with; closed list, published in docs/reference.md."""

    PROVIDER = "provider"
    """A provider's own forecast, corrected and carried on by ours where enough is known."""
    BUILT_IN = "built-in"
    """Our own forecaster, from the history of one source."""
    STATIC = "static"
    """A yearly factor: jobs run at once and nothing is claimed."""
    NONE = "none"
    """Nothing is known of the hours ahead: jobs run in their order and nothing is claimed."""


@dataclass(frozen=True, slots=True)
class ChainLinkView:
    """One of those that are asked for the zone in turn, the best first."""

    name: str
    """A provider, or `built-in`."""
    state: LinkState
    reason: str | None
    """What ails it."""


class Freshness(StrEnum):
    """State of what is known of the grid; closed list, published in docs/reference.md."""

    FRESH = "fresh"
    STALE = "stale"
    """The last good forecast is used, with its age."""
    NONE = "none"
    """No forecast: jobs run by deadline and order alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridNow:
    """Carbon intensity just now, where it comes from and how old it is."""

    zone: str
    source: str
    kind: str
    accounting: str
    basis: str
    g_per_kwh: float | None
    status: IntensityStatus | None
    start: datetime | None
    end: datetime | None
    """The slot the value is for."""
    age_s: float | None
    """Since the value was fetched."""
    freshness: Freshness
    forecast_issued_at: datetime | None
    forecast_age_s: float | None
    last_error: str | None
    next_poll_at: datetime | None
    link: ForecastLink
    forecast_by: str
    """The same in words, with the source."""
    because: tuple[str, ...]
    """Why the better links of the chain are not planned with."""
    links: tuple[ChainLinkView, ...]
    """The whole chain, the best first."""
    observed_until: datetime | None
    """End of the newest value that is recorded of the last week."""
    attribution: str
    licence: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridForecastView:
    """The newest forecast for the zone; no slots where there is none."""

    zone: str
    source: str
    kind: str
    accounting: str
    basis: str
    method: str | None
    issued_at: datetime | None
    fetched_at: datetime | None
    age_s: float | None
    freshness: Freshness
    link: ForecastLink
    forecast_by: str
    """The same in words, with the source."""
    because: tuple[str, ...]
    """Why the better links of the chain are not planned with."""
    slots: tuple[IntensitySlot, ...]
    attribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesChoice:
    """Which recorded series is meant; a field left out restricts nothing, and none given means the one planned with."""

    source: str | None = None
    zone: str | None = None
    kind: SignalKind | None = None
    accounting: Accounting | None = None
    basis: GridBasis | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """One provider carbonq can ask, and how it is doing where it is in use."""

    source: str
    title: str
    in_use: bool
    state: str = "ready"
    """`ready`, `needs key`, `needs file` or `not for this zone`."""
    zone: str | None
    """The zone it is set to, where it is in use."""
    zones: str
    """Which zones it covers, in words."""
    needs_key: bool
    has_forecast: bool
    has_actuals: bool
    forecast_horizon_s: float
    resolution_s: float
    freshness: Freshness | None
    last_error: str | None
    licence: str
    attribution: str
    notes: tuple[str, ...]


# --- health ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    url: str
    """Without its password."""
    size_bytes: int | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """The worker agent, as the daemon last saw it."""

    reachable: bool
    pid: int | None
    host: str | None
    launcher: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """All that `carbonq doctor` can learn from a daemon that answers."""

    version: str
    pid: int
    uid: int
    started_at: datetime
    now: datetime
    settings_file: str
    state_dir: str
    database: DatabaseStatus
    grid: GridNow
    agent: AgentStatus
    gpus: int
    cpu_slots: int
    meters: tuple[str, ...]
    """Metering methods available here, best first."""
    jobs: dict[str, int]
    """Number of jobs by state, states without any left out."""
    warnings: tuple[str, ...]


def row_fields(row: JobRow) -> dict[str, Any]:
    """A row's fields, to build a wider view on: `JobDetail(**row_fields(row), ...)`."""
    return {field.name: getattr(row, field.name) for field in fields(JobRow)}


class DaemonService(Protocol):
    """Everything the API can be asked. Failures are CarbonqErrors; what a caller may see is decided here."""

    async def submit(self, caller: Caller, request: JobRequest, dry_run: bool) -> Submission: ...

    async def jobs(self, caller: Caller, query: JobQuery, everything: bool) -> tuple[JobRow, ...]:
        """Oldest first. Without `everything` and without states: not ended, or ended in the last 24 h."""
        ...

    async def job(self, caller: Caller, job_id: int) -> JobDetail: ...

    async def cancel(self, caller: Caller, job_id: int) -> JobRow: ...

    async def hold(self, caller: Caller, job_id: int) -> JobRow: ...

    async def release(self, caller: Caller, job_id: int) -> JobRow: ...

    async def run_now(self, caller: Caller, job_id: int) -> JobRow: ...

    async def update_deadline(self, caller: Caller, job_id: int, deadline: datetime | None) -> JobRow:
        """None takes the deadline away."""
        ...

    async def log(self, caller: Caller, job_id: int, stream: LogStream, cursor: str) -> LogPart: ...

    async def explain(self, caller: Caller, job_id: int) -> Explanation: ...

    async def history(self, caller: Caller, query: JobQuery) -> tuple[JobRow, ...]:
        """Jobs that have ended, oldest first; `since` and `until` bound the end."""
        ...

    async def history_groups(
        self, caller: Caller, query: JobQuery, by: HistoryGrouping
    ) -> tuple[HistoryGroup, ...]: ...

    async def recompute(self, caller: Caller, job_ids: tuple[int, ...]) -> tuple[RecomputedView, ...]:
        """Ask anew for the intensity that these ended jobs rest on and draw their statements up again, in order."""
        ...

    async def plan(self, caller: Caller) -> PlanView: ...

    async def grid_now(self, caller: Caller) -> GridNow: ...

    async def grid_forecast(self, caller: Caller) -> GridForecastView: ...

    async def grid_series(self, caller: Caller) -> tuple[SeriesView, ...]:
        """What is recorded, in order of the series' names."""
        ...

    async def grid_observations(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, as_of: datetime | None, revisions: bool
    ) -> ObservationsView:
        """RequestError where the answer would be too long, or where `choice` fits several series."""
        ...

    async def grid_issues(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, apart: timedelta
    ) -> IssuesView:
        """Of issues less than `apart` from the last one kept, none; RequestError as above."""
        ...

    async def providers(self, caller: Caller) -> tuple[ProviderRow, ...]: ...

    async def gpus(self, caller: Caller) -> tuple[GpuRow, ...]: ...

    async def status(self, caller: Caller) -> DaemonStatus: ...
