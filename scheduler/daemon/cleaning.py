"""Removes what ended jobs left behind: environments at once, logs and checkpoints when asked. Their history stays."""

from __future__ import annotations

import logging

from scheduler.daemon.access import may_touch
from scheduler.daemon.parts import Parts
from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import ExecutorError, IllegalTransition, StorageError
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import NOT_ENDED, TERMINAL
from scheduler.domain.runs import SegmentId
from scheduler.drafting import known_job
from scheduler.ports import CLEANED, JobQuery
from scheduler.service_views.jobs import CleanedView
from scheduler.service_views.requests import Caller

logger = logging.getLogger(__name__)


class Cleaner:
    """Of one installation. What has been removed is an event of the job, so that nobody asks for it again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def clean(self, caller: Caller, job_id: int, dry_run: bool) -> CleanedView:
        """Also of a job that was cleaned before: what could not be removed then may be ours to remove now."""
        job = await self._parts.writer(known_job, self._parts.store, job_id)
        may_touch(caller, job)
        return await self._clean(job, dry_run)

    async def clean_due(self) -> None:
        """Every job that ended longer ago than the settings keep its files; what fails is due again next time."""
        await self.drop_leftovers()
        for job in await self._parts.writer(self._due):
            try:
                cleaned = await self._clean(job, dry_run=False)
            except IllegalTransition:
                continue  # Its last energy is not here yet.
            except ExecutorError as error:
                logger.warning("job files not removed", extra={"job": job.id, "reason": str(error)})
                return
            logger.info("job files removed", extra={"job": job.id, "freed_bytes": cleaned.freed_bytes})

    async def drop_leftovers(self) -> None:
        """What is dropped as soon as a job has ended, and was not: a daemon that died just then cannot do it later."""
        try:
            await self._parts.writer(self._drop_environments)
            # The locks first: whoever is locked and recorded only after that is alive, and its lock says so.
            locked = self._parts.executor.unforgotten()
            needed = {segment.id for segment in await self._parts.writer(self._parts.store.open_segments)}
            for segment in locked:
                if segment not in needed and self._parts.executor.lock_is_free(segment):
                    await self._parts.executor.forget(segment)
        except (StorageError, ExecutorError) as error:
            logger.warning("what ended jobs left was not dropped", extra={"reason": str(error)})

    def _drop_environments(self) -> None:
        """Of jobs that have ended, or that are not there: a copy of the database was put back."""
        kept = self._parts.spool.jobs()
        if not kept:
            return
        needed = {job.id for job in self._parts.store.jobs(JobQuery(ids=tuple(kept), states=NOT_ENDED))}
        for job_id in sorted(kept - needed):
            self._parts.spool.drop(job_id)
            logger.info("environment dropped", extra={"job": job_id})

    async def _clean(self, job: Job, dry_run: bool) -> CleanedView:
        segments = await self._parts.writer(self._segments, job)
        freed, left = 0, []
        if segments:
            answer = await self._parts.executor.clean(segments, dry_run)
            freed, left = answer.bytes, answer.left
        if not dry_run:
            await self._parts.writer(self._note, job)
        return CleanedView(job.id, freed, tuple(left))

    def _segments(self, job: Job) -> list[SegmentId]:
        if not job.ended:
            raise IllegalTransition(f"job {job.id} is {job.state} and needs its files; clean it once it has ended")
        if any(segment.id.job == job.id for segment in self._parts.store.open_segments()):
            raise IllegalTransition(f"the last energy of job {job.id} has not been read yet; clean it in a moment")
        return [segment.id for segment in self._parts.store.segments(job.id)]

    def _note(self, job: Job) -> None:
        if not self._parts.store.last_noted(CLEANED, [job.id]):
            self._parts.store.change_job(job.id, self._parts.clock.now(), JobChanges(), note=CLEANED)

    def _due(self) -> list[Job]:
        keep = self._parts.settings.worker.keep_job_files
        if keep is None:
            return []
        kept, now = self._parts.store.jobs(JobQuery(states=TERMINAL, with_files=True)), self._parts.clock.now()
        return [job for job in kept if job.ended_at is not None and now - job.ended_at >= keep]
