"""The record in memory: the same contract as the database, with nothing behind it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, SeriesKey
from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.errors import IllegalTransition, NotFound, StorageError
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job, JobSpec, Owner
from scheduler.domain.lifecycle import JobEvent, JobState, SegmentState, advance
from scheduler.domain.plans import Plan
from scheduler.domain.readings import EnergySlice
from scheduler.domain.revisions import newest_values, says_the_same
from scheduler.domain.runs import CompletedRun, Segment, SegmentId
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement, Settlement
from scheduler.domain.units import Energy, Power
from scheduler.ports import CLEANED, JobDraft, JobEventRecord, JobQuery, RecordedSeries

LIVE = frozenset({SegmentState.STARTING, SegmentState.RUNNING})


@dataclass
class Contents:
    jobs: dict[int, Job] = field(default_factory=dict)
    events: list[JobEventRecord] = field(default_factory=list)
    segments: dict[SegmentId, Segment] = field(default_factory=dict)
    slices: dict[tuple[SegmentId, int], EnergySlice] = field(default_factory=dict)
    forecasts: list[CarbonForecast] = field(default_factory=list)
    observations: list[IntensityObservation] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    statements: list[EmissionsStatement] = field(default_factory=list)


class FakeStore:
    """Satisfies scheduler.ports.Store; `failing_with` makes every write fail until it is None again."""

    def __init__(self) -> None:
        self._is = Contents()
        self._inside = False
        self.failing_with: StorageError | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._inside:
            yield
            return
        before = {name: copy.copy(value) for name, value in vars(self._is).items()}
        self._inside = True
        try:
            yield
        except BaseException:
            self._is = Contents(**before)
            raise
        finally:
            self._inside = False

    def close(self) -> None:
        pass

    # jobs
    def add_job(self, draft: JobDraft) -> Job:
        self._may_write()
        if draft.spec.idempotency_key and self.job_under(draft.spec.idempotency_key, draft.owner):
            raise StorageError("the database refused: UNIQUE constraint failed")
        job = draft.as_job(len(self._is.jobs) + 1)
        self._keep(job, draft.submitted_at, "submitted")
        return job

    def job(self, job_id: int) -> Job | None:
        return self._is.jobs.get(job_id)

    def job_under(self, key: str, owner: Owner) -> Job | None:
        found = [j for j in self._is.jobs.values() if (j.spec.idempotency_key, j.owner.uid) == (key, owner.uid)]
        return found[0] if found else None

    def jobs(self, query: JobQuery) -> tuple[Job, ...]:
        cleaned = {event.job for event in self._is.events if event.event == CLEANED} if query.with_files else set()
        found = [job for job in self._is.jobs.values() if _matches(job, query) and job.id not in cleaned]
        return tuple(found if query.limit is None else found[max(0, len(found) - query.limit) :])

    def advance_job(self, job_id: int, event: JobEvent, at: datetime, changes: JobChanges, expected: JobState) -> Job:
        self._may_write()
        job = self._known(job_id)
        if job.state is not expected:
            raise IllegalTransition(f"job {job_id} is {job.state}, not {expected}: the step '{event}' was not taken")
        after = replace(changes.applied_to(job), state=advance(expected, event))
        self._keep(after, at, event)
        return after

    def change_job(self, job_id: int, at: datetime, changes: JobChanges, note: str | None = None) -> Job:
        self._may_write()
        after = changes.applied_to(self._known(job_id))
        self._keep(after, at, note)
        return after

    def job_events(self, job_id: int) -> tuple[JobEventRecord, ...]:
        return tuple(event for event in self._is.events if event.job == job_id)

    def last_noted(self, event: str, job_ids: Iterable[int]) -> Mapping[int, datetime]:
        wanted = set(job_ids)
        found = [(e.job, e.at) for e in self._is.events if e.event == event and e.job in wanted]
        return dict(sorted(found))

    def like_durations(self, spec: JobSpec, owner: Owner, limit: int = 20) -> tuple[timedelta, ...]:
        held = [self._last_attempt(job) for job in self._alike(spec, owner, limit)]
        return tuple(each for each in held if each is not None)

    def completed_runs(self, owner: Owner, limit: int) -> tuple[CompletedRun, ...]:
        own = [j for j in self._is.jobs.values() if j.owner.uid == owner.uid and j.state is JobState.COMPLETED]
        newest = sorted(own, key=lambda job: -job.id)[:limit]
        ran = [(job.spec, self._last_attempt(job)) for job in newest]
        return tuple(CompletedRun(s.argv, s.gpus, s.duration, held) for s, held in ran if held is not None)

    def _last_attempt(self, job: Job) -> timedelta | None:
        ended = [s for s in self.segments(job.id) if s.started_at is not None and s.ended_at is not None]
        last = [s.held for s in ended if s.id.attempt == ended[-1].id.attempt]
        return sum(last, timedelta(0)) if last else None

    def like_powers(self, spec: JobSpec, owner: Owner, limit: int = 20) -> tuple[Power, ...]:
        powers = []
        for job in self._alike(spec, owner, limit):
            metered = [s for _, s in self.slices(job.id) if s.parts]
            if metered:
                joules = sum(s.energy.joules for s in metered)
                powers.append(Energy(joules) / sum((s.interval.length for s in metered), timedelta(0)))
        return tuple(powers)

    # segments and their energy
    def add_segment(self, segment: Segment) -> None:
        self._may_write()
        if segment.id in self._is.segments or segment.id.job not in self._is.jobs:
            raise StorageError(f"segment {segment.id} is recorded already, or its job is unknown")
        self._is.segments[segment.id] = segment

    def segments(self, job_id: int) -> tuple[Segment, ...]:
        return tuple(sorted((s for s in self._is.segments.values() if s.id.job == job_id), key=lambda s: s.id))

    def segments_of(self, job_ids: Iterable[int]) -> Mapping[int, tuple[Segment, ...]]:
        return {job_id: found for job_id in sorted(set(job_ids)) if (found := self.segments(job_id))}

    def open_segments(self) -> tuple[Segment, ...]:
        still = [s for s in self._is.segments.values() if s.state in LIVE or s.readings_upto < (s.last_seq or 0)]
        return tuple(sorted(still, key=lambda s: (s.created_at, s.id)))

    def change_segment(self, segment: SegmentId, changes: SegmentChanges) -> Segment:
        self._may_write()
        after = changes.applied_to(self._known_segment(segment))
        self._is.segments[segment] = after
        return after

    def add_slices(self, segment: SegmentId, slices: Iterable[EnergySlice]) -> int:
        self._may_write()
        known = self._known_segment(segment)
        for energy_slice in slices:
            self._is.slices.setdefault((segment, energy_slice.seq), energy_slice)
        upto = max([known.readings_upto, *(seq for owner, seq in self._is.slices if owner == segment)])
        self._is.segments[segment] = replace(known, readings_upto=upto)
        return upto

    def slices(self, job_id: int) -> tuple[tuple[SegmentId, EnergySlice], ...]:
        ordered = sorted(self._is.slices.items(), key=lambda item: item[0])
        return tuple((segment, energy_slice) for (segment, _), energy_slice in ordered if segment.job == job_id)

    # carbon
    def add_forecast(self, forecast: CarbonForecast) -> bool:
        self._may_write()
        if any(replace(kept, fetched_at=forecast.fetched_at) == forecast for kept in self._is.forecasts):
            return False
        self._is.forecasts.append(forecast)
        return True

    def latest_forecast(self, key: SeriesKey, as_of: datetime | None = None) -> CarbonForecast | None:
        known = [f for f in self._is.forecasts if f.key == key and (as_of is None or f.fetched_at <= as_of)]
        return sorted(known, key=lambda f: (f.issued_at, f.fetched_at))[-1] if known else None

    def forecasts(
        self, key: SeriesKey, interval: Interval, one_in: timedelta | None = None
    ) -> tuple[CarbonForecast, ...]:
        issued = [f for f in self._is.forecasts if f.key == key and f.issued_at in interval]
        ordered = sorted(issued, key=lambda f: (f.issued_at, f.fetched_at))
        if one_in is not None:
            ordered = list({f.issued_at.timestamp() // one_in.total_seconds(): f for f in ordered}.values())
        return tuple(ordered)

    def add_observations(self, observations: Iterable[IntensityObservation]) -> int:
        self._may_write()
        newest = {(o.key, o.interval.start): o for o in self._is.observations}
        added = 0
        for observation in observations:
            place = observation.key, observation.interval.start
            if place in newest and says_the_same(newest[place], observation):
                continue
            newest[place] = observation
            self._is.observations.append(observation)
            added += 1
        return added

    def observations(
        self, key: SeriesKey, interval: Interval, as_of: datetime | None = None
    ) -> tuple[IntensityObservation, ...]:
        known = (o for o in self._is.observations if o.key == key and (as_of is None or o.fetched_at <= as_of))
        return tuple(o for o in newest_values(known) if o.interval.overlaps(interval))

    def intensity(self, key: SeriesKey, interval: Interval) -> StepSeries:
        return StepSeries.of((o.interval, o.g_per_kwh) for o in self.observations(key, interval))

    def revisions(self, key: SeriesKey, interval: Interval) -> tuple[IntensityObservation, ...]:
        found = [o for o in self._is.observations if o.key == key and o.interval.overlaps(interval)]
        return tuple(sorted(found, key=lambda o: o.interval.start))

    def recorded_series(self) -> tuple[RecordedSeries, ...]:
        keys = {said.key for said in (*self._is.observations, *self._is.forecasts)}
        return tuple(self._recorded(key) for key in sorted(keys))

    def _recorded(self, key: SeriesKey) -> RecordedSeries:
        starts = {o.interval.start: o.interval.end for o in self._is.observations if o.key == key}
        observed = Interval(min(starts), starts[max(starts)]) if starts else None
        return RecordedSeries(key, observed, sum(f.key == key for f in self._is.forecasts))

    # plans
    def add_plan(self, plan: Plan) -> None:
        self._may_write()
        self._is.plans.append(plan.for_the_record())

    def latest_plan(self) -> Plan | None:
        return self._is.plans[-1] if self._is.plans else None

    # statements
    def add_statement(self, statement: EmissionsStatement) -> bool:
        self._may_write()
        if statement.job not in self._is.jobs:
            raise StorageError(f"a statement of job {statement.job}, which is unknown")
        newest = self.statement(statement.job)
        if newest is not None and replace(newest, computed_at=statement.computed_at) == statement:
            return False
        self._is.statements.append(statement)
        return True

    def statement(self, job_id: int) -> EmissionsStatement | None:
        history = self.statement_history(job_id)
        return history[-1] if history else None

    def statements(self, job_ids: Iterable[int]) -> Mapping[int, EmissionsStatement]:
        wanted = set(job_ids)
        return {s.job: s for s in self._is.statements if s.job in wanted}

    def statement_history(self, job_id: int) -> tuple[EmissionsStatement, ...]:
        return tuple(s for s in self._is.statements if s.job == job_id)

    def unsettled_jobs(self) -> tuple[int, ...]:
        newest = {s.job: s.settlement for s in self._is.statements}
        ran = (job for job in self._is.jobs.values() if job.ended and job.started_at is not None)
        return tuple(job.id for job in ran if newest.get(job.id) in (None, Settlement.PROVISIONAL))

    # housekeeping
    def check(self) -> tuple[str, ...]:
        return ()

    def backup(self, path: str) -> None:
        Path(path).touch()

    def _may_write(self) -> None:
        if self.failing_with is not None:
            raise self.failing_with

    def _keep(self, job: Job, at: datetime, event: str | None) -> None:
        self._is.jobs[job.id] = job
        if event is not None:
            self._is.events.append(JobEventRecord(job.id, at, str(event), job.state, job.reason, job.detail))

    def _known(self, job_id: int) -> Job:
        if job_id not in self._is.jobs:
            raise NotFound(f"there is no job {job_id}")
        return self._is.jobs[job_id]

    def _known_segment(self, segment: SegmentId) -> Segment:
        if segment not in self._is.segments:
            raise NotFound(f"there is no segment {segment}")
        return self._is.segments[segment]

    def _alike(self, spec: JobSpec, owner: Owner, limit: int) -> list[Job]:
        alike = [
            job
            for job in self._is.jobs.values()
            if job.state is JobState.COMPLETED
            and (job.owner.uid, job.spec.argv, job.spec.gpus) == (owner.uid, spec.argv, spec.gpus)
        ]
        return alike[::-1][:limit]


def _matches(job: Job, query: JobQuery) -> bool:
    equal = (
        (query.uid, job.owner.uid),
        (query.user, job.owner.name),
        (query.project, job.spec.project),
        (query.zone, job.spec.zone),
    )
    return (
        all(wanted is None or wanted == value for wanted, value in equal)
        and (not query.ids or job.id in query.ids)
        and (not query.states or job.state in query.states)
        and (query.tag is None or query.tag in job.spec.tags)
        and (query.since is None or job.submitted_at >= query.since)
        and (query.until is None or job.submitted_at < query.until)
    )
