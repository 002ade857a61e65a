"""Answers about jobs that have ended: their rows, sums over them, and statements drawn up anew."""

from __future__ import annotations

from dataclasses import replace

from scheduler.accounting.grouping import Grouping, SettledJob, group_totals
from scheduler.daemon.access import may_touch
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.job_answers import JobAnswers
from scheduler.daemon.parts import Parts
from scheduler.daemon.review import Reviewer
from scheduler.domain.errors import ExecutorError, IllegalTransition, RequestError
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import TERMINAL
from scheduler.drafting import known_job
from scheduler.ports import JobQuery
from scheduler.presenting.history import history_group
from scheduler.presenting.jobs import recomputed
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import JobRow
from scheduler.service_views.requests import Caller, HistoryGrouping
from scheduler.service_views.statements import RecomputedView


class HistoryAnswers:
    """What `rows` and `groups` read they read from the store, so both run on the writer thread."""

    def __init__(self, parts: Parts, desk: GridDesk, reviewer: Reviewer, jobs: JobAnswers) -> None:
        self._parts, self._desk, self._reviewer, self._jobs = parts, desk, reviewer, jobs

    def rows(self, query: JobQuery) -> tuple[JobRow, ...]:
        return self._jobs.as_rows(self._ended(query))

    def groups(self, query: JobQuery, by: HistoryGrouping) -> tuple[HistoryGroup, ...]:
        jobs = self._ended(query)
        statements = self._parts.store.statements([job.id for job in jobs])
        settled = [SettledJob(job, statements.get(job.id)) for job in jobs]
        totals = group_totals(settled, Grouping(by.value), self._desk.capabilities.key.zone)
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


def _ended_within(job: Job, query: JobQuery) -> bool:
    ended = job.ended_at
    if ended is None:
        return query.since is None and query.until is None
    return (query.since is None or ended >= query.since) and (query.until is None or ended < query.until)
