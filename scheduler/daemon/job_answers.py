"""Answers about jobs: rows, one in full, and why it is where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo

from scheduler.daemon.access import may_see
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.parts import Parts
from scheduler.daemon.running_times import RunningTimes
from scheduler.daemon.settlement import Settler
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import NOT_ENDED, TERMINAL
from scheduler.domain.plans import Placement, Plan, PlanningProblem
from scheduler.domain.statements import EmissionsStatement
from scheduler.drafting import known_job
from scheduler.ports import JobQuery
from scheduler.presenting.confidence import confidence_view, deadline_words
from scheduler.presenting.grid import case_answer
from scheduler.presenting.jobs import JobCase, job_detail, job_row
from scheduler.presenting.plan_words import plan_words
from scheduler.presenting.submission import explanation
from scheduler.service_views.jobs import JobDetail, JobRow
from scheduler.service_views.requests import Caller
from scheduler.service_views.submission import Explanation

SHOWN_AFTER_END = timedelta(hours=24)


class JobAnswers:
    """The jobs of one installation. What reads the store runs on the writer thread, which `explain` goes to itself."""

    def __init__(
        self, parts: Parts, desk: GridDesk, settler: Settler, running_times: RunningTimes, time_zone: tzinfo
    ) -> None:
        self._parts, self._desk, self._settler, self._time_zone = parts, desk, settler, time_zone
        self._running_times = running_times

    def rows(self, query: JobQuery, everything: bool) -> tuple[JobRow, ...]:
        store, now = self._parts.store, self._parts.clock.now()
        if everything or query.states or query.ids:
            return self.as_rows(store.jobs(query))
        unfinished = store.jobs(replace(query, states=NOT_ENDED))
        ended = store.jobs(replace(query, states=TERMINAL))
        recent = [job for job in ended if job.ended_at is None or now - job.ended_at <= SHOWN_AFTER_END]
        return self.as_rows(sorted((*unfinished, *recent), key=lambda job: job.id))

    def row(self, job_id: int) -> JobRow:
        return self.as_rows([known_job(self._parts.store, job_id)])[0]

    def as_rows(self, jobs: Sequence[Job]) -> tuple[JobRow, ...]:
        statements = dict(self._parts.store.statements([job.id for job in jobs]))
        unsettled = [job for job in jobs if job.attempts and (not job.ended or job.id not in statements)]
        statements |= self._settler.statements_so_far(unsettled)
        return tuple(job_row(self.case(job, statements.get(job.id))) for job in jobs)

    def detail(self, job_id: int, caller: Caller) -> JobDetail:
        """All there is for whoever may see it; others see the queue, but not what a job runs."""
        store, live = self._parts.store, self._parts.live
        job = known_job(store, job_id)
        statements = store.statement_history(job_id)
        drawn_up = statements[-1] if job.ended and statements else None
        shown = drawn_up or (self._settler.statement_so_far(job) if job.attempts else None)
        detail = job_detail(
            self.sure_case(job, shown),
            store.segments(job_id),
            store.job_events(job_id),
            store.slices(job_id),
            statements,
            live.progress.get(job_id),
            live.watts.get(job_id),
            self._parts.clock.now(),
        )
        return detail if may_see(caller, job) else replace(detail, argv=(), workdir="", detail=None, events=())

    async def explain(self, job_id: int) -> Explanation:
        job = await self._parts.writer(known_job, self._parts.store, job_id)
        live = self._parts.live
        # Problem and plan are one pair only where they are made, on the loop's own thread.
        sentences = () if job.ended else self.sentences(live.problem, live.plan, job)
        grid = await self._parts.writer(self._desk.case)
        case = await self._parts.writer(self.sure_case, job, None)
        if sentences:
            sentences += self.deadline_words(case)
        if failing := live.start_failures.of(job.id):
            sentences = (f"Job {job.id} should run by now, but {failing.words}.", *sentences)
        before = await self._parts.writer(self.before, job)
        return explanation(case, sentences, case_answer(grid), grid.capabilities.key, self._parts.clock.now(), before)

    def before(self, job: Job) -> tuple[Job, ...]:
        """The jobs that it comes after, read from the store."""
        return tuple(self._parts.store.jobs(JobQuery(ids=job.spec.after))) if job.spec.after else ()

    def sentences(
        self, problem: PlanningProblem | None, plan: Plan | None, job: Job, rehearsed: bool = False
    ) -> tuple[str, ...]:
        """The plan's words on a job, times in the machine's zone; none for a job that is in no plan."""
        if problem is None or plan is None or all(each.id != job.id for each in problem.jobs):
            return ()
        return plan_words(problem, plan, job, self._time_zone, self._parts.settings.site.pue, rehearsed)

    def deadline_words(self, case: JobCase) -> tuple[str, ...]:
        """With which confidence its deadline is met, times in the machine's zone."""
        return deadline_words(case.job, case.certainty, self._time_zone, self._parts.clock.now())

    def sure_case(self, job: Job, statement: EmissionsStatement | None, placement: Placement | None = None) -> JobCase:
        """With how sure its running time is, read from the store; `placement` is that of a rehearsal."""
        case = self.case(job, statement)
        if placement is not None:
            case = replace(case, placement=placement)
        if job.ended:
            return case
        likely, left = self._running_times.at(job, self._parts.clock.now())
        confidence = self._parts.settings.planning.deadline_confidence
        return replace(case, left=left, certainty=confidence_view(job, likely, left, case.placement, confidence))

    def case(self, job: Job, statement: EmissionsStatement | None) -> JobCase:
        zone = self._desk.capabilities.key.zone
        settings = self._parts.settings
        patience = settings.planning.patience_g_per_h
        return JobCase(job, statement, self._placement(job), zone, settings.site.pue, patience)

    def _placement(self, job: Job) -> Placement | None:
        plan = self._parts.live.plan
        return plan.placement(job.id) if plan is not None and not job.ended else None
