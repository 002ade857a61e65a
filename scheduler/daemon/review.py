"""Asks again for the intensity behind final statements when their provider revises it, and has them restated."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from scheduler.accounting.recheck import recheck_due, stretches
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.parts import Parts
from scheduler.daemon.settlement import Settler
from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import StorageError
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import TERMINAL
from scheduler.domain.statements import EmissionsStatement, Settlement
from scheduler.ports import JobQuery

logger = logging.getLogger(__name__)

LOOKED_AGAIN = "intensity-rechecked"
"""The event in a job's history by which the next look, after a restart too, knows of this one."""
TOO_LATE = timedelta(days=30)
"""A job submitted this long before the oldest age is not looked at any more."""
QUESTIONS_A_ROUND = 4


class Reviewer:
    """Looks after the final statements of one installation; what it computes runs on the writer thread."""

    def __init__(self, parts: Parts, desk: GridDesk, settler: Settler) -> None:
        self._parts, self._desk, self._settler = parts, desk, settler

    async def review_due(self) -> None:
        """One round: a few questions to the provider, each for all the jobs that it serves."""
        if not self._desk.capabilities.recheck_after or self._parts.live.inventory is None:
            return
        try:
            due = await self._parts.writer(self._due)
            for stretch in stretches(span for _, span in due)[:QUESTIONS_A_ROUND]:
                await self._review(stretch, [job for job, span in due if _within(span, stretch)])
        except StorageError as error:
            # A look that was not recorded is due again in the next round.
            logger.warning("statements could not be reviewed", extra={"reason": str(error)})

    async def _review(self, stretch: Interval, jobs: list[Job]) -> None:
        """Nothing is noted while the provider is silent: the jobs stay due."""
        if await self._desk.poller.fetch(stretch):
            await self._settler.each(jobs, self._look_again)

    def _due(self) -> list[tuple[Job, Interval]]:
        """Jobs that are due for a look, each with the time that its statement rests on."""
        now = self._parts.clock.now()
        since = now - max(self._desk.capabilities.recheck_after) - TOO_LATE
        ended = self._parts.store.jobs(JobQuery(states=TERMINAL, since=since))
        statements = self._parts.store.statements([job.id for job in ended])
        return [(job, self._settler.span(job)) for job in ended if self._is_due(job, statements.get(job.id), now)]

    def _is_due(self, job: Job, statement: EmissionsStatement | None, now: datetime) -> bool:
        if job.ended_at is None or not self._may_restate(statement):
            return False
        looks = [event.at for event in self._parts.store.job_events(job.id) if event.event == LOOKED_AGAIN]
        return recheck_due(job.ended_at, max(looks, default=None), self._desk.capabilities.recheck_after, now)

    def _may_restate(self, statement: EmissionsStatement | None) -> bool:
        """Final, and of the series in use: what was settled with another one is not looked at with this one."""
        if statement is None or statement.settlement is not Settlement.FINAL:
            return False
        return statement.key == self._desk.capabilities.key

    def _look_again(self, job: Job) -> None:
        """Restated and noted in one transaction, so that a crash between cannot lose the restatement."""
        if not self._may_restate(self._parts.store.statement(job.id)):
            return  # The provider was replaced by another while it was asked.
        with self._parts.store.transaction():
            self._settler.restate_if_revised(job)
            self._parts.store.change_job(job.id, self._parts.clock.now(), JobChanges(), note=LOOKED_AGAIN)


def _within(span: Interval, stretch: Interval) -> bool:
    return stretch.start <= span.start and span.end <= stretch.end
