"""The daemon's answers to the API: each question to the file of its subject, on the thread that may read the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from scheduler import service
from scheduler.daemon.access import may_touch
from scheduler.daemon.cleaning import Cleaner
from scheduler.daemon.dispatcher import Dispatcher
from scheduler.daemon.grid_answers import GridAnswers
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.grid_record import GridRecord
from scheduler.daemon.health import daemon_status
from scheduler.daemon.history_answers import HistoryAnswers
from scheduler.daemon.job_answers import JobAnswers
from scheduler.daemon.log_reading import read_log
from scheduler.daemon.parts import Parts
from scheduler.daemon.review import Reviewer
from scheduler.daemon.settlement import Settler
from scheduler.daemon.submissions import Submissions
from scheduler.dispatch.replanning import Trigger
from scheduler.domain.errors import NotFound
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job
from scheduler.drafting import known_job
from scheduler.ports import CLEANED, JobQuery, Store
from scheduler.service_views.grid import GridForecastView, GridNow, ProviderRow
from scheduler.service_views.grid_record import IssuesView, ObservationsView, SeriesView
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import CleanedView, JobDetail, JobRow, LogPart
from scheduler.service_views.plan import PlanView
from scheduler.service_views.requests import Caller, HistoryGrouping, JobRequest, LogStream, SeriesChoice
from scheduler.service_views.site import DaemonStatus, GpuRow
from scheduler.service_views.statements import RecomputedView
from scheduler.service_views.submission import Explanation, Submission


class LocalService:
    """Satisfies DaemonService. Callers were let in by the socket; what each may do is decided by its subject."""

    def __init__(
        self,
        parts: Parts,
        dispatcher: Dispatcher,
        desk: GridDesk,
        settler: Settler,
        reviewer: Reviewer,
        cleaner: Cleaner,
        providers: Callable[[GridNow], tuple[ProviderRow, ...]],
        agent_pid: Callable[[], int | None],
        time_zone: tzinfo,
    ) -> None:
        self._parts, self._dispatcher, self._desk, self._cleaner = parts, dispatcher, desk, cleaner
        self._providers, self._agent_pid = providers, agent_pid
        self._jobs = JobAnswers(parts, desk, settler, dispatcher.running_times, time_zone)
        self._submissions = Submissions(parts, dispatcher, desk, self._jobs)
        self._history = HistoryAnswers(parts, desk, reviewer, self._jobs)
        self._grid, self._record = GridAnswers(parts, desk), GridRecord(parts.store, desk)

    # --- jobs -----------------------------------------------------------------------------------------------------
    async def submit(self, caller: Caller, request: JobRequest, dry_run: bool) -> Submission:
        return await self._submissions.submit(caller, request, dry_run)

    async def jobs(self, caller: Caller, query: JobQuery, everything: bool) -> tuple[JobRow, ...]:
        return await self._parts.writer(self._jobs.rows, query, everything)

    async def job(self, caller: Caller, job_id: int) -> JobDetail:
        return await self._parts.writer(self._jobs.detail, job_id, caller)

    async def cancel(self, caller: Caller, job_id: int) -> JobRow:
        return await self._changed(caller, job_id, service.cancel)

    async def hold(self, caller: Caller, job_id: int) -> JobRow:
        return await self._changed(caller, job_id, service.hold)

    async def release(self, caller: Caller, job_id: int) -> JobRow:
        queue = self._parts.settings.queue
        return await self._changed(caller, job_id, lambda store, job, now: service.release(store, job, now, queue))

    async def run_now(self, caller: Caller, job_id: int) -> JobRow:
        return await self._changed(caller, job_id, service.run_now)

    async def update_deadline(self, caller: Caller, job_id: int, deadline: datetime | None) -> JobRow:
        queue = self._parts.settings.queue
        return await self._changed(
            caller, job_id, lambda store, job, now: service.update_deadline(store, job, deadline, now, queue)
        )

    async def log(self, caller: Caller, job_id: int, stream: LogStream, cursor: str) -> LogPart:
        job = await self._parts.writer(known_job, self._parts.store, job_id)
        may_touch(caller, job)
        removed = await self._parts.writer(self._parts.store.last_noted, CLEANED, [job_id])
        if job_id in removed:
            raise NotFound(
                f"the logs of job {job_id} were removed at {removed[job_id]:%Y-%m-%d %H:%M} UTC; "
                f"its figures are kept, see `carbonq show {job_id}`"
            )
        segments = await self._parts.writer(self._parts.store.segments, job_id)
        return await read_log(self._parts.executor, segments, job.ended, stream, cursor)

    async def clean(self, caller: Caller, job_id: int, dry_run: bool) -> CleanedView:
        return await self._cleaner.clean(caller, job_id, dry_run)

    async def explain(self, caller: Caller, job_id: int) -> Explanation:
        return await self._jobs.explain(job_id)

    # --- history --------------------------------------------------------------------------------------------------
    async def history(self, caller: Caller, query: JobQuery) -> tuple[JobRow, ...]:
        return await self._parts.writer(self._history.rows, query)

    async def history_groups(self, caller: Caller, query: JobQuery, by: HistoryGrouping) -> tuple[HistoryGroup, ...]:
        return await self._parts.writer(self._history.groups, query, by)

    async def recompute(self, caller: Caller, job_ids: tuple[int, ...]) -> tuple[RecomputedView, ...]:
        return await self._history.recompute(caller, job_ids)

    # --- plan and grid --------------------------------------------------------------------------------------------
    async def plan(self, caller: Caller) -> PlanView:
        return await self._parts.writer(self._grid.plan)

    async def grid_now(self, caller: Caller) -> GridNow:
        return await self._parts.writer(self._grid.now)

    async def grid_forecast(self, caller: Caller) -> GridForecastView:
        return await self._parts.writer(self._grid.forecast)

    async def grid_series(self, caller: Caller) -> tuple[SeriesView, ...]:
        return await self._parts.writer(self._record.series)

    async def grid_observations(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, as_of: datetime | None, revisions: bool
    ) -> ObservationsView:
        return await self._parts.writer(self._record.observations, choice, interval, as_of, revisions)

    async def grid_issues(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, apart: timedelta
    ) -> IssuesView:
        return await self._parts.writer(self._record.issues, choice, interval, apart)

    async def providers(self, caller: Caller) -> tuple[ProviderRow, ...]:
        return self._providers(await self.grid_now(caller))

    async def gpus(self, caller: Caller) -> tuple[GpuRow, ...]:
        return await self._parts.writer(self._grid.places)

    async def status(self, caller: Caller) -> DaemonStatus:
        return await self._parts.writer(daemon_status, self._parts, self._desk, self._agent_pid())

    async def _changed(self, caller: Caller, job_id: int, change: Callable[[Store, int, datetime], Job]) -> JobRow:
        def guarded() -> Job:
            may_touch(caller, known_job(self._parts.store, job_id))
            return change(self._parts.store, job_id, self._parts.clock.now())

        job = await self._parts.writer(guarded)
        if job.ended:
            await self._parts.writer(self._parts.spool.drop, job_id)
        self._dispatcher.wake(Trigger.USER_CHANGE)
        await self._dispatcher.plan_now()
        return await self._parts.writer(self._jobs.row, job_id)
