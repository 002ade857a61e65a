"""Asks again for the intensity behind final statements when their provider revises it, and has them restated."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.accounting.recheck import recheck_due, stretches
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.parts import Parts
from scheduler.daemon.settlement import Settler
from scheduler.domain.carbon import SeriesKey, SourceCapabilities
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
QUESTIONS_A_ROUND = 5
"""No provider has more ages, so what one hour makes due does not pile up."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One job whose statement is due for a look, with the series and the time that it rests on."""

    job: Job
    key: SeriesKey
    span: Interval


class Reviewer:
    """Looks after the final statements of one installation; what it computes runs on the writer thread."""

    def __init__(self, parts: Parts, desk: GridDesk, settler: Settler) -> None:
        self._parts, self._desk, self._settler = parts, desk, settler

    async def review_due(self) -> None:
        """One round: a few questions to the providers, each for all the jobs that it serves."""
        if self._parts.live.inventory is None:
            return
        try:
            due = await self._parts.writer(self._due)
            for key in sorted({look.key for look in due}):
                await self._review(key, [look for look in due if look.key == key])
        except StorageError as error:
            # A look that was not recorded is due again in the next round.
            logger.warning("statements could not be reviewed", extra={"reason": str(error)})

    async def _review(self, key: SeriesKey, due: list[_Look]) -> None:
        """Nothing is noted while the provider is silent: the jobs stay due."""
        for stretch in stretches(look.span for look in due)[:QUESTIONS_A_ROUND]:
            if await self._desk.poller.fetch(stretch, key):
                jobs = [look.job for look in due if _within(look.span, stretch)]
                await self._settler.each(jobs, self._look_again)

    async def recompute(self, jobs: Sequence[Job]) -> frozenset[int]:
        """Ask anew for all that the statements of ended jobs rest on, and draw them up again.

        Returns the jobs whose provider answered; of the others what is recorded has to do.
        """
        looks = await self._parts.writer(self._looks, jobs)
        answered: set[int] = set()
        for key in sorted({look.key for look in looks}):
            of_key = [look for look in looks if look.key == key]
            for stretch in stretches(look.span for look in of_key):
                if await self._desk.poller.fetch(stretch, key):
                    answered |= {look.job.id for look in of_key if _within(look.span, stretch)}
        await self._settler.each(jobs, self._settler.recompute)
        return frozenset(answered)

    def _looks(self, jobs: Sequence[Job]) -> list[_Look]:
        return [_Look(job, self._settler.key_of(job), self._settler.span(job)) for job in jobs]

    def _due(self) -> list[_Look]:
        now, sources = self._parts.clock.now(), (self._desk.poller.source, *self._desk.poller.members)
        ages = [age for source in sources for age in source.capabilities.review_ages]
        if not ages:
            return []
        store = self._parts.store
        ended = store.jobs(JobQuery(states=TERMINAL, since=now - max(ages) - TOO_LATE))
        looks = store.last_noted(LOOKED_AGAIN, [job.id for job in ended])
        # Due by the ages of its own source only if due by those of all: few are left whose statements are read.
        near = [job for job in ended if _is_due(job, looks, ages, now)]
        statements = store.statements([job.id for job in near])
        settled_by = [(job, self._source(statements.get(job.id))) for job in near]
        return [
            _Look(job, source.key, self._settler.span(job))
            for job, source in settled_by
            if source is not None and _is_due(job, looks, source.review_ages, now)
        ]

    def _source(self, statement: EmissionsStatement | None) -> SourceCapabilities | None:
        """Of the series of a final statement, in use or not: it is looked at with the one that settled it."""
        if statement is None or statement.settlement is not Settlement.FINAL:
            return None
        return self._desk.source_of(statement.key)

    def _look_again(self, job: Job) -> None:
        """Restated and noted in one transaction, so that a crash between cannot lose the restatement."""
        if self._source(self._parts.store.statement(job.id)) is None:
            return  # It was settled anew while its provider was asked.
        with self._parts.store.transaction():
            self._settler.restate_if_revised(job)
            self._parts.store.change_job(job.id, self._parts.clock.now(), JobChanges(), note=LOOKED_AGAIN)


def _is_due(job: Job, looks: Mapping[int, datetime], ages: Sequence[timedelta], now: datetime) -> bool:
    return job.ended_at is not None and recheck_due(job.ended_at, looks.get(job.id), ages, now)


def _within(span: Interval, stretch: Interval) -> bool:
    return stretch.start <= span.start and span.end <= stretch.end
