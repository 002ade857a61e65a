"""Looks at the runs and writes down what became of them: steps, energy, exit status, each once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scheduler.daemon.parts import Parts
from scheduler.dispatch.observe import Observation, observe
from scheduler.dispatch.replanning import Trigger
from scheduler.domain.errors import ExecutorError
from scheduler.domain.gpus import Inventory
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import TERMINAL, JobState
from scheduler.domain.runs import Segment, SegmentId
from scheduler.protocol import SegmentReport
from scheduler.steps import Step, reached

logger = logging.getLogger(__name__)

FAILURES = frozenset({JobState.FAILED, JobState.LOST, JobState.TIMEOUT})


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at one segment changed."""

    job: Job
    segment: SegmentId
    observation: Observation


async def look(parts: Parts) -> tuple[Looked, ...]:
    """Ask for every open segment and store what is new; nothing when the agent does not answer."""
    segments = await parts.writer(parts.store.open_segments)
    if not segments:
        return ()
    try:
        # The locks first: a lock found free means that every file is final, so the report made after it is complete.
        free = {segment.id: parts.executor.lock_is_free(segment.id) for segment in segments}
        reports = await parts.executor.reports({segment.id: segment.readings_upto for segment in segments})
    except ExecutorError as error:
        parts.live.agent_error = str(error)
        return ()
    _show(parts, reports)
    looked = [await _one(parts, segment, free[segment.id], reports.get(segment.id)) for segment in segments]
    return tuple(result for result in looked if result is not None)


async def look_at_machine(parts: Parts) -> bool:
    """Take the inventory again; whether places have come or gone."""
    try:
        inventory = await parts.executor.inventory()
    except ExecutorError as error:
        parts.live.agent_error = str(error)
        return False
    parts.live.agent_error = None
    if (slots := parts.settings.worker.cpu_slots) is not None:
        # An agent that somebody else keeps has not read our settings.
        inventory = replace(inventory, cpu_slots=slots)
    changed = _places(inventory) != _places(parts.live.inventory)
    parts.live.inventory = inventory
    return changed


def triggers(looked: Sequence[Looked]) -> tuple[Trigger, ...]:
    """What the planner should hear of a look."""
    heard = []
    for result in looked:
        if result.job.state in FAILURES:
            heard.append(Trigger.FAILURE)
        elif result.observation.concluded:
            heard.append(Trigger.END)
    return tuple(heard)


async def _one(parts: Parts, segment: Segment, lock_free: bool, report: SegmentReport | None) -> Looked | None:
    now = parts.clock.now()
    job = await parts.writer(parts.store.job, segment.id.job)
    if job is None:
        return None
    no_last_word = lock_free and report is not None and report.exit is None
    metered_until = await parts.writer(_metered_until, parts, segment.id) if no_last_word else None
    observation = observe(job, segment, lock_free, report, now, metered_until=metered_until)
    if not observation:
        return None
    job = await parts.writer(_record, parts, job, segment, observation)
    if observation.concluded:
        await _let_go(parts, job, segment.id)
    return Looked(job, segment.id, observation)


def _metered_until(parts: Parts, segment: SegmentId) -> datetime | None:
    ends = [piece.interval.end for owner, piece in parts.store.slices(segment.job) if owner == segment]
    return max(ends, default=None)


def _record(parts: Parts, job: Job, segment: Segment, observation: Observation) -> Job:
    """One transaction: the energy, the job's steps, the segment."""
    now = parts.clock.now()
    with parts.store.transaction():
        if observation.slices:
            parts.store.add_slices(segment.id, observation.slices)
        for step in observation.steps:
            job = parts.store.advance_job(job.id, step.event, now, step.changes, expected=job.state)
        if observation.segment is not None:
            parts.store.change_segment(segment.id, observation.segment)
    _reached(observation)
    for step in observation.steps:
        logger.info("job step", extra={"job": job.id, "segment": str(segment.id), "step": step.event.value})
    return job


def _reached(observation: Observation) -> None:
    if observation.slices:
        reached(Step.SLICES_STORED)
    if observation.concluded:
        reached(Step.EXIT_STORED)
    elif observation.steps:
        reached(Step.STARTED_RECORDED)


async def _let_go(parts: Parts, job: Job, segment: SegmentId) -> None:
    """The environment is of no more use to this segment, nor, once the job has ended, to anyone."""
    parts.live.forget_job(job.id)
    try:
        await parts.executor.forget(segment)
    except ExecutorError as error:
        logger.debug("segment not tidied", extra={"segment": str(segment), "reason": str(error)})
    if job.state in TERMINAL:
        await parts.writer(parts.spool.drop, job.id)


def _show(parts: Parts, reports: Mapping[SegmentId, SegmentReport]) -> None:
    parts.live.agent_error = None
    for segment, report in reports.items():
        if report.exit is not None:
            continue
        if report.watts is not None:
            parts.live.watts[segment.job] = report.watts
        if report.progress is not None:
            parts.live.progress[segment.job] = report.progress


def _places(inventory: Inventory | None) -> object:
    if inventory is None:
        return None
    return inventory.boot_id, inventory.cpu_slots, tuple((gpu.uuid, bool(gpu.busy_with)) for gpu in inventory.gpus)
