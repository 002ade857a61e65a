"""A DaemonService that keeps a few jobs in memory and remembers what it was asked."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fakes.clock import NOON
from fakes.views import a_certainty, a_forecast_strip, a_grid_now, a_placement, a_recomputed, a_row, a_status, gpu_rows

from scheduler.domain.errors import IllegalTransition, NotFound, StorageError
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis
from scheduler.domain.lifecycle import TERMINAL, JobState, Reason
from scheduler.ports import JobQuery
from scheduler.service_views.grid import ForecastLink, Freshness, GridForecastView, GridNow, ProviderRow
from scheduler.service_views.grid_record import IssuesView, IssueView, ObservationsView, ObservedValue, SeriesView
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import (
    CleanedView,
    ConfidenceView,
    EventView,
    JobDetail,
    JobRow,
    LogPart,
    PlacementView,
    row_fields,
)
from scheduler.service_views.plan import PlannedJob, PlannedStretch, PlanView, UnplannedJob
from scheduler.service_views.requests import Caller, HistoryGrouping, JobRequest, LogStream, SeriesChoice
from scheduler.service_views.site import DaemonStatus, GpuRow
from scheduler.service_views.statements import RecomputedView
from scheduler.service_views.submission import Explanation, Figure, Submission


class FakeDaemonService:
    """Set `error` and every call raises it. `ends_after` polls of a job, a running job ends with `ending`."""

    def __init__(self, now: datetime = NOON) -> None:
        self.reset(now)

    def reset(self, now: datetime = NOON) -> None:
        """As new: a server may outlive a test."""
        self.now = now
        self.rows: dict[int, JobRow] = {}
        self.logs: dict[tuple[int, LogStream], list[bytes]] = {}
        self.requests: list[JobRequest] = []
        self.callers: list[Caller] = []
        self.queries: list[JobQuery] = []
        self.recomputed: dict[int | None, RecomputedView] = {}
        self.chosen: list[tuple[SeriesChoice, Interval]] = []
        self.observed: tuple[ObservedValue, ...] = ()
        self.issued: tuple[IssueView, ...] = ()
        self.kind = "average"
        """Of the one series that is recorded."""
        self.provider: dict[str, Any] = {}
        """What the provider in use says of itself, where a test has it say something."""
        self.settings_file: Path | None = None
        """That the daemon reads, where a test has it read one."""
        self.error: Exception | None = None
        self.certainty: ConfidenceView | None = None
        """Of a job that waits, where a test has it be another than usual."""
        self.placed: PlacementView | None = None
        """Likewise, of `explain`."""
        self.falls_with: dict[int, int] = {}
        """The job that comes after a job, and is cancelled with it."""
        self.stumbles_over: int | None = None
        """A job that cannot be recomputed for a reason that is not the caller's."""
        self.keyed: dict[str, int] = {}
        """Jobs by their idempotency keys."""
        self.running_s: dict[int, float] = {}
        self.not_ours: dict[int, tuple[str, ...]] = {}
        """What `clean` cannot remove of a job."""
        self.ends_after: int | None = None
        self.ending: dict[str, Any] = {"state": JobState.COMPLETED, "reason": Reason.EXITED_ZERO, "exit_code": 0}

    def add(self, **fields: Any) -> JobRow:
        job_id = len(self.rows) + 1
        row = a_row(id=job_id, **fields)
        self.rows[job_id] = row
        return row

    def change(self, job_id: int, **fields: Any) -> JobRow:
        self.rows[job_id] = replace(self.rows[job_id], **fields)
        return self.rows[job_id]

    # what the API calls
    async def submit(self, caller: Caller, request: JobRequest, dry_run: bool) -> Submission:
        self._begin(caller)
        self.requests.append(request)
        deadline = self.now + request.within if request.within else request.deadline
        fields = {
            "name": request.name or request.argv[0],
            "user": caller.name,
            "project": request.project,
            "tags": request.tags,
            "gpus": 1 if request.gpus is None else request.gpus,
            "deadline": deadline,
            "finish_by": deadline or self.now + timedelta(hours=28),
        }
        if request.hold:
            fields |= {"state": JobState.HELD, "reason": Reason.HELD_BY_USER}
        earlier = self.keyed.get(request.idempotency_key or "")
        row = self._row(earlier) if earlier else a_row(id=None, **fields) if dry_run else self.add(**fields)
        if request.idempotency_key and row.id is not None:
            self.keyed[request.idempotency_key] = row.id
        return Submission(
            **row_fields(row),
            dry_run=dry_run,
            repeated=earlier is not None,
            expected_duration_s=(request.duration or timedelta(hours=4)).total_seconds(),
            duration_basis=Basis.USER if request.duration else Basis.ASSUMED,
            expected_power_w=300.0,
            power_basis=Basis.ASSUMED,
            placement=None if request.hold else a_placement(job=row.id, now=self.now),
            certainty=None,
            words=(
                "Starts in 5 h, at 60 instead of 210 gCO2eq/kWh.",
                "4 h assumed: give --duration for a better plan.",
            ),
            forecast_age_s=1200.0,
        )

    async def jobs(self, caller: Caller, query: JobQuery, everything: bool) -> tuple[JobRow, ...]:
        self._begin(caller)
        self.queries.append(query)
        return tuple(
            r for r in self.rows.values() if _matches(r, query) and (everything or not _old(r, query, self.now))
        )

    async def job(self, caller: Caller, job_id: int) -> JobDetail:
        self._begin(caller)
        row = self._row(job_id)
        if self.ends_after is not None and row.state not in TERMINAL:
            self.ends_after -= 1
            if self.ends_after < 0:
                row = self.change(job_id, ended_at=self.now, **self.ending)
        return JobDetail(
            **row_fields(row),
            argv=("python", "train.py", "--lr", "1e-3"),
            workdir="/home/ada/models",
            expected_duration_s=14_400.0,
            duration_basis=Basis.ASSUMED,
            expected_power_w=300.0,
            power_basis=Basis.ASSUMED,
            time_limit_s=None,
            grace_s=30.0,
            retries=0,
            patience_g_per_h=0.0,
            checkpoint_signal=None,
            after=(),
            run_now=False,
            work_done_s=0.0,
            running_s=self.running_s.get(job_id, 0.0),
            power_w=None,
            progress=None,
            placement=a_placement(job=row.id, now=self.now) if row.state is JobState.QUEUED else None,
            certainty=(self.certainty or a_certainty(self.now)) if row.state is JobState.QUEUED else None,
            segments=(),
            events=(EventView(self.now, "submitted", JobState.QUEUED, Reason.NEW, None),),
            energy=(),
            statements=(),
        )

    async def cancel(self, caller: Caller, job_id: int) -> JobRow:
        if other := self.falls_with.get(job_id):
            self.change(other, state=JobState.CANCELLED, reason=Reason.DEPENDENCY_FAILED)
        return self._step(caller, job_id, JobState.CANCELLED, Reason.CANCELLED_BY_USER)

    async def hold(self, caller: Caller, job_id: int) -> JobRow:
        return self._step(caller, job_id, JobState.HELD, Reason.HELD_BY_USER)

    async def release(self, caller: Caller, job_id: int) -> JobRow:
        return self._step(caller, job_id, JobState.QUEUED, Reason.CARBON_WINDOW)

    async def run_now(self, caller: Caller, job_id: int) -> JobRow:
        return self._step(caller, job_id, JobState.QUEUED, Reason.DUE)

    async def update_deadline(self, caller: Caller, job_id: int, deadline: datetime | None) -> JobRow:
        self._begin(caller)
        self._row(job_id)
        return self.change(job_id, deadline=deadline, finish_by=deadline or self.now + timedelta(hours=28))

    async def log(self, caller: Caller, job_id: int, stream: LogStream, cursor: str) -> LogPart:
        """Each chunk said so far is one part; the cursor counts parts."""
        self._begin(caller)
        row = self._row(job_id)
        parts = self.logs.get((job_id, stream), [])
        at = int(cursor or 0)
        ended = row.state in TERMINAL and at >= len(parts) - 1
        data = parts[at] if at < len(parts) else b""
        return LogPart(base64.b64encode(data).decode(), str(min(at + 1, len(parts))), 0, ended)

    async def clean(self, caller: Caller, job_id: int, dry_run: bool) -> CleanedView:
        """What a job wrote is what it freed."""
        self._begin(caller)
        row = self._row(job_id)
        if row.state not in TERMINAL:
            raise IllegalTransition(f"job {job_id} is {row.state} and needs its files; clean it once it has ended")
        written = {where: said for where, said in self.logs.items() if where[0] == job_id}
        if not dry_run:
            self.logs = {where: said for where, said in self.logs.items() if where not in written}
        freed = sum(len(piece) for said in written.values() for piece in said)
        return CleanedView(job_id, freed, self.not_ours.get(job_id, ()))

    async def explain(self, caller: Caller, job_id: int) -> Explanation:
        self._begin(caller)
        row = self._row(job_id)
        return Explanation(
            job=job_id,
            state=row.state,
            reason=row.reason,
            sentences=(f"Job {job_id} waits for cleaner power.", "It would emit 3.5 times as much now."),
            figures=(
                Figure("intensity now", 210.0, "gCO2eq/kWh"),
                Figure("slack", None, "h"),
                Figure("emissions as planned", 60.0, "gCO2eq"),
                Figure("emissions if run now", 210.0, "gCO2eq"),
                Figure("difference", 150.0, "gCO2eq"),
            ),
            placement=self.placed or a_placement(job=job_id, now=self.now),
            certainty=a_certainty(self.now),
            zone="GB",
            kind=self.kind,
            accounting="consumption",
            basis="lifecycle",
            pue=1.0,
            forecast_by="forecast of neso",
            because=("electricity-maps is not in use: HTTP 403",),
            latest_start=self.now + timedelta(hours=9),
        )

    async def history(self, caller: Caller, query: JobQuery) -> tuple[JobRow, ...]:
        self._begin(caller)
        self.queries.append(query)
        return tuple(r for r in self.rows.values() if r.state in TERMINAL and _matches(r, query))

    async def history_groups(self, caller: Caller, query: JobQuery, by: HistoryGrouping) -> tuple[HistoryGroup, ...]:
        rows = await self.history(caller, query)
        intensities = dict.fromkeys(row.intensity for row in rows)
        return tuple(
            _sums(by, [row for row in rows if row.intensity == intensity], intensity) for intensity in intensities
        )

    async def recompute(self, caller: Caller, job_ids: tuple[int, ...]) -> tuple[RecomputedView, ...]:
        """`recomputed` says what came of it, else nothing has changed."""
        self._begin(caller)
        rows = [self._row(job_id) for job_id in job_ids]
        if self.stumbles_over in job_ids:
            raise StorageError("the disk is full; make room and ask again")
        return tuple(self.recomputed.get(row.id) or a_recomputed(row) for row in rows)

    async def plan(self, caller: Caller) -> PlanView:
        self._begin(caller)
        waiting = [r for r in self.rows.values() if r.state not in TERMINAL and r.state is not JobState.HELD]
        return PlanView(
            policy="lowest-window",
            made_at=self.now,
            zone="GB",
            source="neso",
            kind=self.kind,
            accounting="consumption",
            basis="lifecycle",
            pue=1.0,
            link=ForecastLink.PROVIDER,
            forecast_by="forecast of neso",
            because=(),
            forecast_issued_at=self.now - timedelta(minutes=20),
            forecast_age_s=1200.0,
            strip=a_forecast_strip(self.now),
            jobs=tuple(self._planned(row) for row in waiting),
            unplanned=tuple(_unplanned(r) for r in self.rows.values() if r.state is JobState.HELD),
            gpus=gpu_rows(2),
            emissions_g=72.0,
            run_now_emissions_g=252.0,
            lower_bound_g=None,
            energy_cost=None,
            run_now_energy_cost=None,
            currency="",
            late_jobs=0,
            notes=(),
        )

    async def grid_now(self, caller: Caller) -> GridNow:
        self._begin(caller)
        return a_grid_now(self.now)

    async def grid_forecast(self, caller: Caller) -> GridForecastView:
        self._begin(caller)
        return GridForecastView(
            zone="GB",
            source="neso",
            kind="average",
            accounting="consumption",
            basis="lifecycle",
            method="provider",
            issued_at=self.now - timedelta(minutes=20),
            fetched_at=self.now - timedelta(minutes=15),
            age_s=1200.0,
            freshness=Freshness.FRESH,
            link=ForecastLink.PROVIDER,
            forecast_by="forecast of neso",
            because=(),
            slots=a_forecast_strip(self.now),
            attribution="Carbon Intensity API, NESO",
        )

    async def grid_series(self, caller: Caller) -> tuple[SeriesView, ...]:
        self._begin(caller)
        key = {"source": "neso", "zone": "GB", "kind": self.kind, "accounting": "consumption", "basis": "lifecycle"}
        since = self.observed[0].start if self.observed else None
        until = self.observed[-1].end if self.observed else None
        return (SeriesView(**key, in_use=True, observed_from=since, observed_until=until, issues=len(self.issued)),)

    async def grid_observations(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, as_of: datetime | None, revisions: bool
    ) -> ObservationsView:
        self._begin(caller)
        self.chosen.append((choice, interval))
        return ObservationsView(
            source=choice.source or "neso",
            zone=choice.zone or "GB",
            kind=self.kind,
            accounting="consumption",
            basis="lifecycle",
            since=interval.start,
            until=interval.end,
            as_of=as_of,
            revisions=revisions,
            rows=tuple(o for o in self.observed if o.start < interval.end and interval.start < o.end),
        )

    async def grid_issues(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, apart: timedelta
    ) -> IssuesView:
        self._begin(caller)
        self.chosen.append((choice, interval))
        return IssuesView(
            source=choice.source or "neso",
            zone=choice.zone or "GB",
            kind="average",
            accounting="consumption",
            basis="lifecycle",
            since=interval.start,
            until=interval.end,
            issues=tuple(issue for issue in self.issued if issue.issued_at in interval),
        )

    async def providers(self, caller: Caller) -> tuple[ProviderRow, ...]:
        self._begin(caller)
        row = ProviderRow(
            source="neso",
            title="Carbon Intensity API (Great Britain)",
            in_use=True,
            zone="GB",
            zones="GB and its 14 regions",
            needs_key=False,
            has_forecast=True,
            has_actuals=True,
            forecast_horizon_s=172_800.0,
            resolution_s=1800.0,
            freshness=Freshness.FRESH,
            last_error=None,
            licence="CC BY 4.0",
            attribution="NESO",
            notes=(),
        )
        return (replace(row, **self.provider),)

    async def gpus(self, caller: Caller) -> tuple[GpuRow, ...]:
        self._begin(caller)
        return gpu_rows(2)

    async def status(self, caller: Caller) -> DaemonStatus:
        self._begin(caller)
        seen = a_status(self.now)
        return replace(seen, settings_file=str(self.settings_file)) if self.settings_file else seen

    def _begin(self, caller: Caller) -> None:
        self.callers.append(caller)
        if self.error is not None:
            raise self.error

    def _row(self, job_id: int) -> JobRow:
        if job_id not in self.rows:
            raise NotFound(f"there is no job {job_id}; `carbonq list --all` shows those there are")
        return self.rows[job_id]

    def _step(self, caller: Caller, job_id: int, state: JobState, reason: Reason) -> JobRow:
        self._begin(caller)
        row = self._row(job_id)
        if row.state in TERMINAL:
            raise IllegalTransition(f"job {job_id} has ended ({row.state}); nothing can be changed")
        return self.change(job_id, state=state, reason=reason)

    def _planned(self, row: JobRow) -> PlannedJob:
        placement, places = a_placement(job=row.id, now=self.now), tuple(gpu.id for gpu in gpu_rows(row.gpus))
        return PlannedJob(
            name=row.name,
            user=row.user,
            state=row.state,
            pool=gpu_rows(1)[0].pool,
            width=row.gpus,
            finish_by=row.finish_by,
            placement=placement,
            stretches=tuple(PlannedStretch(s.start, s.end, places) for s in placement.stretches),
        )


def _unplanned(row: JobRow) -> UnplannedJob:
    words = f"Job {row.id} is held; `carbonq release {row.id}` lets it be planned."
    return UnplannedJob(job=row.id or 0, name=row.name, user=row.user, state=row.state, reason=row.reason, words=words)


def _sums(by: HistoryGrouping, rows: list[JobRow], intensity: str | None) -> HistoryGroup:
    compared = [row for row in rows if row.difference_g is not None]
    return HistoryGroup(
        by=by,
        key="2026-11-23" if by is HistoryGrouping.DAY else None,
        jobs=len(rows),
        energy_kwh=sum(row.energy_kwh or 0 for row in rows),
        emissions_g=sum(row.emissions_g or 0 for row in rows),
        run_now_emissions_g=sum(row.run_now_emissions_g or 0 for row in compared) if compared else None,
        difference_g=sum(row.difference_g or 0 for row in compared) if compared else None,
        unknown_emissions=0,
        unknown_difference=len(rows) - len(compared),
        provisional=0,
        intensities=(intensity,) if intensity else (),
    )


def _matches(row: JobRow, query: JobQuery) -> bool:
    wanted = (query.user, row.user), (query.project, row.project), (query.zone, row.zone)
    return (
        (not query.states or row.state in query.states)
        and all(want is None or want == have for want, have in wanted)
        and (query.tag is None or query.tag in row.tags)
    )


def _old(row: JobRow, query: JobQuery, now: datetime) -> bool:
    return not query.states and row.ended_at is not None and row.ended_at < now - timedelta(hours=24)
