"""Takes in new jobs, for good or as a rehearsal, and says what is planned for each."""

from __future__ import annotations

from datetime import timedelta

from scheduler import service
from scheduler.daemon.access import may_submit
from scheduler.daemon.dispatcher import Dispatcher
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.job_answers import JobAnswers
from scheduler.daemon.job_request import spec_of
from scheduler.daemon.parts import Parts
from scheduler.dispatch.replanning import Trigger
from scheduler.domain.jobs import Owner
from scheduler.drafting import draft_job, known_job
from scheduler.ports import JobDraft
from scheduler.presenting.jobs import JobCase
from scheduler.presenting.submission import submission
from scheduler.service_views.requests import Caller, JobRequest
from scheduler.service_views.submission import Submission

_REHEARSED = 2**62
"""Number of a job in a dry run: after every real one, so that it is planned as the last to come."""
_PATIENCE = timedelta(seconds=5)
"""How long a submission waits for a worker that has not been seen since the daemon started."""


class Submissions:
    """The entrance of one installation's queue."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher, desk: GridDesk, jobs: JobAnswers) -> None:
        self._parts, self._dispatcher, self._desk, self._jobs = parts, dispatcher, desk, jobs

    async def submit(self, caller: Caller, request: JobRequest, dry_run: bool) -> Submission:
        may_submit(caller)
        await self._dispatcher.machine_seen(_PATIENCE)
        now, queue, live = self._parts.clock.now(), self._parts.settings.queue, self._parts.live
        spec = spec_of(request, self._desk.capabilities.key.zone, live.inventory, now)
        owner = Owner(caller.uid, caller.name)
        # Before it is checked anew: what was in time the first time may not be now, and is queued all the same.
        if earlier := await self._parts.writer(service.submitted_before, self._parts.store, spec, owner):
            return await self._submitted(earlier.id, repeated=True)
        draft = await self._parts.writer(draft_job, self._parts.store, spec, owner, now, live.inventory, queue)
        if dry_run:
            return await self._rehearsed(draft)
        job = await self._parts.writer(
            service.submit, self._parts.store, self._parts.spool, draft, request.env, request.hold, queue.most_queued
        )
        self._dispatcher.wake(Trigger.SUBMISSION)
        await self._dispatcher.plan_now()
        return await self._submitted(job.id, repeated=False)

    async def _rehearsed(self, draft: JobDraft) -> Submission:
        job = draft.as_job(_REHEARSED)
        rehearsed = await self._dispatcher.rehearse(job)
        problem, plan = rehearsed or (None, None)
        placement = plan.placement(job.id) if plan else None
        case = await self._parts.writer(self._jobs.sure_case, job, None, placement)
        sentences = self._jobs.sentences(problem, plan, job, True)
        return await self._said(case, sentences, dry_run=True)

    async def _submitted(self, job_id: int, *, repeated: bool) -> Submission:
        job = await self._parts.writer(known_job, self._parts.store, job_id)
        live = self._parts.live
        sentences = () if job.ended else self._jobs.sentences(live.problem, live.plan, job)
        case = await self._parts.writer(self._jobs.sure_case, job, None)
        return await self._said(case, sentences, dry_run=False, repeated=repeated)

    async def _said(
        self, case: JobCase, sentences: tuple[str, ...], *, dry_run: bool, repeated: bool = False
    ) -> Submission:
        if sentences:
            sentences += self._jobs.deadline_words(case)
        before = await self._parts.writer(self._jobs.before, case.job)
        return submission(case, sentences, self._forecast_age(), before, dry_run=dry_run, repeated=repeated)

    def _forecast_age(self) -> timedelta | None:
        problem = self._parts.live.problem
        if problem is None or problem.forecast is None:
            return None
        return problem.forecast.age(self._parts.clock.now())
