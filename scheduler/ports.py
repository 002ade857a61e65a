"""What the mind needs filled: a clock, a carbon source, a store, an executor, a place for secrets.

Every adapter of a port, and its fake in tests/fakes, passes one contract suite in tests/contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from scheduler import protocol
from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SeriesKey, SourceCapabilities
from scheduler.domain.changes import UNSET as UNSET
from scheduler.domain.changes import JobChanges as JobChanges
from scheduler.domain.changes import SegmentChanges as SegmentChanges
from scheduler.domain.changes import Unset as Unset
from scheduler.domain.gpus import Inventory
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis, Job, JobSpec, Owner
from scheduler.domain.lifecycle import JobEvent, JobState, Reason, StopReason
from scheduler.domain.plans import Plan
from scheduler.domain.readings import EnergySlice
from scheduler.domain.runs import CompletedRun, Segment, SegmentId
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement
from scheduler.domain.units import Power


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...


class CarbonSource(Protocol):
    """One provider, already set to one zone. Every failure is a CarbonDataError."""

    @property
    def capabilities(self) -> SourceCapabilities: ...

    async def forecast(self) -> CarbonForecast | None:
        """The newest issue; None where the provider publishes no forecast."""
        ...

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        """What is published for `interval`, sorted by start, without gaps filled; empty where nothing is."""
        ...

    async def close(self) -> None: ...


CLEANED = "cleaned"
"""Event of a job whose logs and checkpoints were removed from the worker's disk."""


# --- the store -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class JobDraft:
    """A job about to be recorded; the store gives it its number and the state QUEUED."""

    spec: JobSpec
    owner: Owner
    submitted_at: datetime
    expected_duration: timedelta
    duration_basis: Basis
    expected_power: Power
    power_basis: Basis
    finish_by: datetime

    def as_job(self, job_id: int) -> Job:
        """The job as it is recorded, or would be."""
        return Job(
            id=job_id,
            spec=self.spec,
            owner=self.owner,
            submitted_at=self.submitted_at,
            state=JobState.QUEUED,
            reason=Reason.NEW,
            expected_duration=self.expected_duration,
            duration_basis=self.duration_basis,
            expected_power=self.expected_power,
            power_basis=self.power_basis,
            finish_by=self.finish_by,
        )


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs; an empty field restricts nothing. `since` and `until` bound submission, half-open."""

    ids: tuple[int, ...] = ()
    states: frozenset[JobState] = frozenset()
    uid: int | None = None
    user: str | None = None
    project: str | None = None
    tag: str | None = None
    zone: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    with_files: bool = False
    """Only those whose logs and checkpoints have not been removed: that have no event CLEANED."""
    limit: int | None = None
    """Keep the newest so many."""


@dataclass(frozen=True, slots=True)
class RecordedSeries:
    """One series that something is recorded of, and how much."""

    key: SeriesKey
    observed: Interval | None
    """From the first observation's start to the last one's end; None where nothing was observed."""
    issues: int
    """Forecasts kept."""


@dataclass(frozen=True, slots=True)
class JobEventRecord:
    """One line of a job's history, written in the transaction that made it true."""

    job: int
    at: datetime
    event: str
    state: JobState
    reason: Reason
    detail: str | None


class Store(Protocol):
    """The durable record. One process writes it, from one thread. Failures are StorageError.

    Each method is one transaction; calls inside `with store.transaction():` are one together, all or nothing.
    Reading inside a transaction sees what it wrote.
    """

    def transaction(self) -> AbstractContextManager[None]: ...

    def close(self) -> None: ...

    # jobs
    def add_job(self, draft: JobDraft) -> Job:
        """Record a new job as QUEUED / NEW, with its event. StorageError where its owner has one with the same
        idempotency key."""
        ...

    def job(self, job_id: int) -> Job | None: ...

    def job_under(self, key: str, owner: Owner) -> Job | None:
        """The owner's job with this idempotency key."""
        ...

    def jobs(self, query: JobQuery) -> tuple[Job, ...]:
        """Matching jobs, oldest first."""
        ...

    def advance_job(self, job_id: int, event: JobEvent, at: datetime, changes: JobChanges, expected: JobState) -> Job:
        """Take one step of the transition table, guarded: IllegalTransition, and nothing written, unless the job is in
        `expected` when it happens (`UPDATE ... WHERE id = ? AND state = ?`). Writes the event row with it."""
        ...

    def change_job(self, job_id: int, at: datetime, changes: JobChanges, note: str | None = None) -> Job:
        """Set fields without a step. With `note`, an event row of that name is written too. NotFound if unknown."""
        ...

    def job_events(self, job_id: int) -> tuple[JobEventRecord, ...]: ...

    def last_noted(self, event: str, job_ids: Iterable[int]) -> Mapping[int, datetime]:
        """When each of these jobs last had an event of that name; those that never had one are left out."""
        ...

    def like_durations(self, spec: JobSpec, owner: Owner, limit: int = 20) -> tuple[timedelta, ...]:
        """Running times of the newest completed jobs of the same owner, command and GPU count."""
        ...

    def completed_runs(self, owner: Owner, limit: int) -> tuple[CompletedRun, ...]:
        """What the owner's newest completed jobs took, as `like_durations` has it, newest first."""
        ...

    def like_powers(self, spec: JobSpec, owner: Owner, limit: int = 20) -> tuple[Power, ...]:
        """Mean power of the same jobs, where it was metered."""
        ...

    # segments and their energy
    def add_segment(self, segment: Segment) -> None: ...

    def segments(self, job_id: int) -> tuple[Segment, ...]:
        """All starts of one job, in order."""
        ...

    def segments_of(self, job_ids: Iterable[int]) -> Mapping[int, tuple[Segment, ...]]:
        """The same of each of these jobs that has any."""
        ...

    def open_segments(self) -> tuple[Segment, ...]:
        """Segments STARTING or RUNNING, and ended ones whose slices up to `last_seq` are not all stored, in order of
        creation."""
        ...

    def change_segment(self, segment: SegmentId, changes: SegmentChanges) -> Segment: ...

    def add_slices(self, segment: SegmentId, slices: Iterable[EnergySlice]) -> int:
        """Append slices not stored yet (told by `seq`); twice changes nothing. Returns the new readings_upto."""
        ...

    def slices(self, job_id: int) -> tuple[tuple[SegmentId, EnergySlice], ...]:
        """All slices of one job, by segment and seq."""
        ...

    # carbon
    def add_forecast(self, forecast: CarbonForecast) -> bool:
        """Keep one issue (one packed array). False when this issue, with these values, is already there."""
        ...

    def latest_forecast(self, key: SeriesKey, as_of: datetime | None = None) -> CarbonForecast | None:
        """The issue with the newest issued_at, among those fetched by `as_of` when given."""
        ...

    def forecasts(
        self, key: SeriesKey, interval: Interval, one_in: timedelta | None = None
    ) -> tuple[CarbonForecast, ...]:
        """Issues that were issued inside `interval`, oldest first; of each `one_in`, counted from 1970, the newest."""
        ...

    def add_observations(self, observations: Iterable[IntensityObservation]) -> int:
        """Append what is new or changed against the newest stored value of the same key and start; returns how many."""
        ...

    def observations(
        self, key: SeriesKey, interval: Interval, as_of: datetime | None = None
    ) -> tuple[IntensityObservation, ...]:
        """The newest value for each start that overlaps `interval`, sorted, without overlap; among those fetched by
        `as_of` when given, that is as it was known then."""
        ...

    def intensity(self, key: SeriesKey, interval: Interval) -> StepSeries:
        """The values of `observations` alone, for who wants a year of them at once."""
        ...

    def revisions(self, key: SeriesKey, interval: Interval) -> tuple[IntensityObservation, ...]:
        """Everything ever recorded that overlaps `interval`: by start, and of one start in order of recording."""
        ...

    def recorded_series(self) -> tuple[RecordedSeries, ...]:
        """Every series that something is recorded of, in order of their keys."""
        ...

    # plans
    def add_plan(self, plan: Plan) -> None:
        """Keep the plan with its reasons, as it is for the record."""
        ...

    def latest_plan(self) -> Plan | None:
        """None where none was made, or another version wrote it that says what we cannot read."""
        ...

    # statements
    def add_statement(self, statement: EmissionsStatement) -> bool:
        """Append a statement, the earlier ones of the job stay; False when nothing but computed_at differs."""
        ...

    def statement(self, job_id: int) -> EmissionsStatement | None:
        """The newest."""
        ...

    def statements(self, job_ids: Iterable[int]) -> Mapping[int, EmissionsStatement]:
        """The newest of each that has one."""
        ...

    def statement_history(self, job_id: int) -> tuple[EmissionsStatement, ...]:
        """All, oldest first."""
        ...

    def unsettled_jobs(self) -> tuple[int, ...]:
        """Ended jobs that ran and whose newest statement is missing or provisional."""
        ...

    # housekeeping
    def check(self) -> tuple[str, ...]:
        """Sentences about the health of the database, for `carbonq doctor`; empty when all is well."""
        ...

    def backup(self, path: str) -> None:
        """A consistent copy."""
        ...


class SecretSpool(Protocol):
    """Where a job's environment waits, 0600, outside the database, until the job has ended."""

    def put(self, job_id: int, env: Mapping[str, str]) -> None: ...

    def get(self, job_id: int) -> dict[str, str]:
        """The environment; NotFound when it is gone."""
        ...

    def drop(self, job_id: int) -> None: ...

    def jobs(self) -> frozenset[int]:
        """Those of whom anything is kept, an environment only half written too."""
        ...


# --- the executor --------------------------------------------------------------------------------------------
class Executor(Protocol):
    """How orders reach GPUs. Every failure is an ExecutorError; after one the truth is what `reports` says next."""

    async def inventory(self) -> Inventory: ...

    def lock(self, segment: SegmentId) -> int:
        """Create and lock the segment's lock file; the locked descriptor. ExecutorError when it is held already."""
        ...

    def lock_is_free(self, segment: SegmentId) -> bool:
        """Whether nobody holds the lock: then the segment has ended, or never started and never will."""
        ...

    async def start(self, order: protocol.StartOrder, lock: int) -> None:
        """Pass the order and its locked descriptor on; the caller closes its copy afterwards, whatever happened."""
        ...

    async def stop(self, segment: SegmentId, reason: StopReason) -> None: ...

    async def reports(self, cursors: Mapping[SegmentId, int]) -> Mapping[SegmentId, protocol.SegmentReport]:
        """What the disk says of each segment, with slices after each cursor."""
        ...

    async def read_log(self, segment: SegmentId, stream: str, offset: int, limit: int) -> protocol.LogChunk: ...

    async def forget(self, segment: SegmentId) -> None:
        """Remove what nobody needs after its end, its lock too; its logs stay."""
        ...

    def unforgotten(self) -> tuple[SegmentId, ...]:
        """Those that have a lock file: alive, or ended and not forgotten yet."""
        ...

    async def clean(self, segments: Sequence[SegmentId], dry_run: bool) -> protocol.Cleaned:
        """Remove all that the segments of one ended job have left on disk, with the job's checkpoints, or, in a dry
        run, only say how much it is. Doing it again removes what is still there."""
        ...

    async def close(self) -> None: ...
