"""Answers the API about jobs: looks things up on the writer thread, asks the pure rooms, and wakes the dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import PurePath

from scheduler import service
from scheduler.accounting.grouping import Grouping, GroupTotals, SettledJob, group_totals
from scheduler.daemon.access import may_see, may_submit, may_touch
from scheduler.daemon.dispatcher import Dispatcher
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.grid_record import GridRecord
from scheduler.daemon.health import daemon_status
from scheduler.daemon.log_reading import read_log
from scheduler.daemon.parts import Parts
from scheduler.daemon.review import Reviewer
from scheduler.daemon.settlement import Settler
from scheduler.dispatch.replanning import Trigger
from scheduler.domain.errors import ExecutorError, IllegalTransition, RequestError
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job, JobSpec, Owner
from scheduler.domain.lifecycle import NOT_ENDED, TERMINAL
from scheduler.domain.plans import Placement, Plan, PlanningProblem
from scheduler.domain.statements import EmissionsStatement
from scheduler.drafting import draft_job, known_job
from scheduler.planning.explain import explain
from scheduler.ports import JobDraft, JobQuery, Store
from scheduler.presenting.grid import case_answer, grid_forecast, grid_now
from scheduler.presenting.history import history_group
from scheduler.presenting.jobs import JobCase, job_detail, job_row, recomputed
from scheduler.presenting.plan import place_rows, plan_view
from scheduler.presenting.submission import explanation, submission
from scheduler.service_views.grid import GridForecastView, GridNow, ProviderRow
from scheduler.service_views.grid_record import IssuesView, ObservationsView, SeriesView
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import JobDetail, JobRow, LogPart
from scheduler.service_views.plan import PlanView
from scheduler.service_views.requests import Caller, HistoryGrouping, JobRequest, LogStream, SeriesChoice
from scheduler.service_views.site import DaemonStatus, GpuRow
from scheduler.service_views.statements import RecomputedView
from scheduler.service_views.submission import Explanation, Submission

_REHEARSED = 2**62
"""Number of a job in a dry run: after every real one, so that it is planned as the last to come."""
_PATIENCE = timedelta(seconds=5)
"""How long a submission waits for a worker that has not been seen since the daemon started."""
SHOWN_AFTER_END = timedelta(hours=24)


class LocalService:
    """The daemon's answers. Callers were let in by the socket; what each may do is decided here."""

    def __init__(
        self,
        parts: Parts,
        dispatcher: Dispatcher,
        desk: GridDesk,
        settler: Settler,
        reviewer: Reviewer,
        providers: Callable[[GridNow], tuple[ProviderRow, ...]],
        agent_pid: Callable[[], int | None],
        time_zone: tzinfo,
    ) -> None:
        self._parts, self._dispatcher, self._desk = parts, dispatcher, desk
        self._settler, self._reviewer, self._providers = settler, reviewer, providers
        self._agent_pid, self._time_zone = agent_pid, time_zone
        self._record = GridRecord(parts.store, desk)

    # --- jobs -----------------------------------------------------------------------------------------------------
    async def submit(self, caller: Caller, request: JobRequest, dry_run: bool) -> Submission:
        may_submit(caller)
        await self._dispatcher.machine_seen(_PATIENCE)
        now = self._parts.clock.now()
        spec, owner = self._spec(request, now), Owner(caller.uid, caller.name)
        queue, live = self._parts.settings.queue, self._parts.live
        draft = await self._parts.writer(draft_job, self._parts.store, spec, owner, now, live.inventory, queue)
        if dry_run:
            return await self._rehearsed(draft)
        job = await self._parts.writer(
            service.submit, self._parts.store, self._parts.spool, draft, request.env, request.hold, queue.most_queued
        )
        self._dispatcher.wake(Trigger.SUBMISSION)
        await self._dispatcher.plan_now()
        return await self._submitted(job.id)

    async def jobs(self, caller: Caller, query: JobQuery, everything: bool) -> tuple[JobRow, ...]:
        return await self._parts.writer(self._rows, query, everything)

    async def job(self, caller: Caller, job_id: int) -> JobDetail:
        return await self._parts.writer(self._detail, job_id, caller)

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
        segments = await self._parts.writer(self._parts.store.segments, job_id)
        return await read_log(self._parts.executor, segments, job.ended, stream, cursor)

    async def explain(self, caller: Caller, job_id: int) -> Explanation:
        job = await self._parts.writer(known_job, self._parts.store, job_id)
        live = self._parts.live
        sentences = () if job.ended else self._sentences(live.problem, live.plan, job_id)
        answered = case_answer(await self._parts.writer(self._desk.case))
        return explanation(self._case(job, None), sentences, answered, self._parts.clock.now())

    # --- history --------------------------------------------------------------------------------------------------
    async def history(self, caller: Caller, query: JobQuery) -> tuple[JobRow, ...]:
        return await self._parts.writer(self._history, query)

    async def history_groups(self, caller: Caller, query: JobQuery, by: HistoryGrouping) -> tuple[HistoryGroup, ...]:
        totals = await self._parts.writer(self._totals, query, by)
        return tuple(history_group(group, by) for group in totals)

    async def recompute(self, caller: Caller, job_ids: tuple[int, ...]) -> tuple[RecomputedView, ...]:
        if self._parts.live.inventory is None:
            raise ExecutorError(
                "the worker agent has not answered yet, so nobody knows how many places run-now would have had; "
                "try again in a second"
            )
        jobs = await self._parts.writer(self._recomputable, caller, job_ids)
        before = await self._parts.writer(self._parts.store.statements, job_ids)
        asked = await self._reviewer.recompute([job for job in jobs if job.attempts])
        after = await self._parts.writer(self._parts.store.statements, job_ids)
        return tuple(recomputed(job.id, before.get(job.id), after.get(job.id), job.id in asked) for job in jobs)

    # --- plan and grid --------------------------------------------------------------------------------------------
    async def plan(self, caller: Caller) -> PlanView:
        return await self._parts.writer(self._plan)

    async def grid_now(self, caller: Caller) -> GridNow:
        return grid_now(await self._parts.writer(self._desk.case))

    async def grid_forecast(self, caller: Caller) -> GridForecastView:
        return grid_forecast(await self._parts.writer(self._desk.case))

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
        return await self._parts.writer(self._places)

    async def status(self, caller: Caller) -> DaemonStatus:
        return await self._parts.writer(daemon_status, self._parts, self._desk, self._agent_pid())

    # --- on the writer thread -------------------------------------------------------------------------------------
    def _rows(self, query: JobQuery, everything: bool) -> tuple[JobRow, ...]:
        store, now = self._parts.store, self._parts.clock.now()
        if everything or query.states or query.ids:
            return self._as_rows(store.jobs(query))
        unfinished = store.jobs(replace(query, states=NOT_ENDED))
        ended = store.jobs(replace(query, states=TERMINAL))
        recent = [job for job in ended if job.ended_at is None or now - job.ended_at <= SHOWN_AFTER_END]
        return self._as_rows(sorted((*unfinished, *recent), key=lambda job: job.id))

    def _ended(self, query: JobQuery) -> list[Job]:
        """Ended jobs; the bounds of a history are on the end of a job, those of a query on its submission."""
        states = query.states & TERMINAL if query.states else TERMINAL
        if not states:
            raise RequestError("history shows jobs that have ended; for others use `carbonq list`")
        wide = replace(query, states=states, since=None, until=None, limit=None)
        jobs = [job for job in self._parts.store.jobs(wide) if _ended_within(job, query)]
        return jobs[-query.limit :] if query.limit else jobs

    def _recomputable(self, caller: Caller, job_ids: tuple[int, ...]) -> list[Job]:
        jobs = [known_job(self._parts.store, job_id) for job_id in dict.fromkeys(job_ids)]
        for job in jobs:
            may_touch(caller, job)
            if not job.ended:
                raise IllegalTransition(
                    f"job {job.id} is {job.state}: its figures are drawn up anew whenever somebody looks; "
                    "recompute it once it has ended"
                )
        return jobs

    def _history(self, query: JobQuery) -> tuple[JobRow, ...]:
        return self._as_rows(self._ended(query))

    def _totals(self, query: JobQuery, by: HistoryGrouping) -> tuple[GroupTotals, ...]:
        jobs = self._ended(query)
        statements = self._parts.store.statements([job.id for job in jobs])
        settled = [SettledJob(job, statements.get(job.id)) for job in jobs]
        return group_totals(settled, Grouping(by.value), self._desk.capabilities.key.zone)

    def _as_rows(self, jobs: Sequence[Job]) -> tuple[JobRow, ...]:
        statements = dict(self._parts.store.statements([job.id for job in jobs]))
        for job in jobs:
            if job.attempts and (not job.ended or job.id not in statements):
                statements[job.id] = self._settler.statement_so_far(job)
        return tuple(job_row(self._case(job, statements.get(job.id))) for job in jobs)

    def _case(self, job: Job, statement: EmissionsStatement | None) -> JobCase:
        zone = self._desk.capabilities.key.zone
        return JobCase(job, statement, self._placement(job), zone, self._parts.settings.site.pue)

    def _placement(self, job: Job) -> Placement | None:
        plan = self._parts.live.plan
        return plan.placement(job.id) if plan is not None and not job.ended else None

    def _row(self, job_id: int) -> JobRow:
        return self._as_rows([known_job(self._parts.store, job_id)])[0]

    def _detail(self, job_id: int, caller: Caller) -> JobDetail:
        """All there is for whoever may see it; others see the queue, but not what a job runs."""
        store, live = self._parts.store, self._parts.live
        job = known_job(store, job_id)
        statements = store.statement_history(job_id)
        drawn_up = statements[-1] if job.ended and statements else None
        shown = drawn_up or (self._settler.statement_so_far(job) if job.attempts else None)
        detail = job_detail(
            self._case(job, shown),
            store.segments(job_id),
            store.job_events(job_id),
            store.slices(job_id),
            statements,
            live.progress.get(job_id),
            live.watts.get(job_id),
            self._parts.clock.now(),
        )
        return detail if may_see(caller, job) else replace(detail, argv=(), workdir="", detail=None, events=())

    def _plan(self) -> PlanView:
        live, now = self._parts.live, self._parts.clock.now()
        if live.plan is None:
            raise ExecutorError(f"there is no plan yet: {live.agent_error or 'the daemon has only just started'}")
        jobs = {job.id: job for job in self._parts.store.jobs(JobQuery(states=NOT_ENDED))}
        key, pue = self._desk.capabilities.key, self._parts.settings.site.pue
        case = self._desk.case()
        answered, places = case_answer(case), self._places()
        return plan_view(live.plan, jobs, case.forecast, places, key.zone, key.source, answered, pue, now)

    def _places(self) -> tuple[GpuRow, ...]:
        live = self._parts.live
        if live.inventory is None:
            raise ExecutorError(live.agent_error or "the worker agent has not answered yet; try again in a second")
        return place_rows(live.inventory, self._parts.store.open_segments())

    # --- requests -------------------------------------------------------------------------------------------------
    async def _changed(self, caller: Caller, job_id: int, change: Callable[[Store, int, datetime], Job]) -> JobRow:
        def guarded() -> Job:
            may_touch(caller, known_job(self._parts.store, job_id))
            return change(self._parts.store, job_id, self._parts.clock.now())

        job = await self._parts.writer(guarded)
        if job.ended:
            await self._parts.writer(self._parts.spool.drop, job_id)
        self._dispatcher.wake(Trigger.USER_CHANGE)
        await self._dispatcher.plan_now()
        return await self._parts.writer(self._row, job_id)

    def _spec(self, request: JobRequest, now: datetime) -> JobSpec:
        """The request with the daemon's defaults filled in; RequestError says what cannot be."""
        if request.deadline is not None and request.within is not None:
            raise RequestError("give either --by or --within, not both")
        zone = self._desk.capabilities.key.zone
        if request.zone is not None and request.zone.upper() != zone.upper():
            raise RequestError(
                f"this machine draws its power in zone {zone}, not {request.zone}; leave --zone out, or change "
                "grid.zone in the settings if it has moved (`carbonq grid providers` lists the zones)"
            )
        try:
            return JobSpec(
                argv=request.argv,
                workdir=request.workdir,
                name=request.name or PurePath(_script(request)).name,
                gpus=self._gpus(request),
                interruptible=request.interruptible,
                duration=request.duration,
                time_limit=request.time_limit,
                power=request.power,
                deadline=now + request.within if request.within is not None else request.deadline,
                run_now=request.run_now,
                zone=zone,
                project=request.project,
                tags=request.tags,
                after=request.after,
                checkpoint_signal=request.checkpoint_signal,
                grace=request.grace,
                retries=request.retries,
            )
        except (ValueError, OverflowError, IndexError) as error:
            raise RequestError(f"{error}; see `carbonq submit --help`") from error

    def _gpus(self, request: JobRequest) -> int:
        if request.gpus is not None:
            return request.gpus
        inventory = self._parts.live.inventory
        if inventory is None:
            raise ExecutorError(
                "the worker agent has not answered yet, so nobody knows whether there is a GPU; "
                "say --gpus, or try again in a second"
            )
        return 1 if inventory.gpus else 0

    async def _rehearsed(self, draft: JobDraft) -> Submission:
        job = draft.as_job(_REHEARSED)
        rehearsed = await self._dispatcher.rehearse(job)
        problem, plan = rehearsed or (None, None)
        placement = plan.placement(job.id) if plan else None
        case = replace(self._case(job, None), placement=placement)
        return submission(case, self._sentences(problem, plan, job.id, True), self._forecast_age(), dry_run=True)

    async def _submitted(self, job_id: int) -> Submission:
        job = await self._parts.writer(known_job, self._parts.store, job_id)
        sentences = self._sentences(self._parts.live.problem, self._parts.live.plan, job_id)
        return submission(self._case(job, None), sentences, self._forecast_age(), dry_run=False)

    def _sentences(
        self, problem: PlanningProblem | None, plan: Plan | None, job_id: int, rehearsed: bool = False
    ) -> tuple[str, ...]:
        """The planner's own words on a job, times in the machine's zone; none for a job that is in no plan."""
        if problem is None or plan is None or all(job.id != job_id for job in problem.jobs):
            return ()
        return explain(problem, plan, job_id, self._time_zone, self._parts.settings.site.pue, rehearsed)

    def _forecast_age(self) -> timedelta | None:
        problem = self._parts.live.problem
        if problem is None or problem.forecast is None:
            return None
        return problem.forecast.age(self._parts.clock.now())


def _script(request: JobRequest) -> str:
    """What a job is called where the user does not say: its script, or else its program."""
    scripts = [part for part in request.argv[1:] if part.endswith((".py", ".sh"))]
    return scripts[0] if scripts else request.argv[0]


def _ended_within(job: Job, query: JobQuery) -> bool:
    ended = job.ended_at
    if ended is None:
        return query.since is None and query.until is None
    return (query.since is None or ended >= query.since) and (query.until is None or ended < query.until)
