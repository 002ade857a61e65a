"""Removes what ended jobs left on the worker's disk: logs and checkpoints. Their history stays."""

from __future__ import annotations

import logging

from scheduler.daemon.access import may_touch
from scheduler.daemon.parts import Parts
from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import ExecutorError, IllegalTransition
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import TERMINAL
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
        for job in await self._parts.writer(self._due):
            try:
                cleaned = await self._clean(job, dry_run=False)
            except IllegalTransition:
                continue  # Its last energy is not here yet.
            except ExecutorError as error:
                logger.warning("job files not removed", extra={"job": job.id, "reason": str(error)})
                return
            logger.info("job files removed", extra={"job": job.id, "freed_bytes": cleaned.freed_bytes})

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
        if CLEANED not in {event.event for event in self._parts.store.job_events(job.id)}:
            self._parts.store.change_job(job.id, self._parts.clock.now(), JobChanges(), note=CLEANED)

    def _due(self) -> list[Job]:
        keep = self._parts.settings.worker.keep_job_files
        if keep is None:
            return []
        kept, now = self._parts.store.jobs(JobQuery(states=TERMINAL, with_files=True)), self._parts.clock.now()
        return [job for job in kept if job.ended_at is not None and now - job.ended_at >= keep]
