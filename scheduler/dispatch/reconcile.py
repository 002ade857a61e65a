"""What to start and what to stop so that reality becomes what the plan says; asked again, it asks for nothing more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.dispatch.dependencies import Verdict, dependency_verdict, doomed, known_states
from scheduler.dispatch.urgency import is_due, latest_start
from scheduler.dispatch.vacancy import OPEN, reachable_places, vacancy_of
from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import WAITING, JobState, SegmentState, StopReason
from scheduler.domain.plans import Placement, Plan
from scheduler.domain.runs import Segment, SegmentId

PLAN_TRUSTED_FOR = timedelta(hours=1)
"""Age up to which a plan may keep a job that is late anyway behind jobs that can still be in time."""


@dataclass(frozen=True, slots=True)
class StartSegment:
    """Give the job these places and start its process; `next_segment` makes the row."""

    job: int
    gpu_uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopSegment:
    """Write the reason down as the job's `stop_requested`, ask the agent, and on its word set the segment's."""

    segment: SegmentId
    reason: StopReason


@dataclass(frozen=True, slots=True)
class CancelDependant:
    """The job can never start: `before`, which it comes after, ended without completing."""

    job: int
    before: int


Instruction = StartSegment | StopSegment | CancelDependant


def reconcile(
    jobs: Sequence[Job],
    segments: Sequence[Segment],
    plan: Plan | None,
    inventory: Inventory | None,
    now: datetime,
    ended: Mapping[int, JobState] | None = None,
    resting: Collection[int] = (),
) -> tuple[Instruction, ...]:
    """`jobs`: all that have not ended; `segments`: the open ones; `ended`: states of the ended jobs others come after;
    `resting`: jobs whose start failed a moment ago, which keep no places from others meanwhile.

    Without a plan only jobs that are due are started, and nothing is suspended.
    """
    falling = doomed(jobs, ended or {})
    placements = {placement.job: placement for placement in plan.placements} if plan else {}
    trusted = plan is not None and now - plan.made_at <= PLAN_TRUSTED_FOR
    states = known_states(jobs, ended or {})
    startable = [job for job in jobs if job.id not in resting and _may_start(job, states)]
    return (
        *(CancelDependant(job, before) for job, before in falling.items()),
        *_stops(jobs, segments, placements, now),
        *_starts(_in_order(startable, placements, trusted, now), jobs, segments, inventory, now),
    )


def next_segment(job: Job, past: Sequence[Segment], gpu_uuids: tuple[str, ...], now: datetime) -> Segment:
    """The row of a job's next start; a number is never used twice, and a resumed job stays in its run."""
    begun = [segment for segment in past if segment.state is not SegmentState.NEVER_STARTED]
    resumed = bool(begun) and begun[-1].was_suspended
    attempt = begun[-1].id.attempt if resumed else job.attempts + 1
    number = 1 + max((segment.id.segment for segment in past if segment.id.attempt == attempt), default=0)
    return Segment(SegmentId(job.id, attempt, number), SegmentState.STARTING, now, gpu_uuids, resume=bool(begun))


def _may_start(job: Job, states: Mapping[int, JobState]) -> bool:
    waiting = job.state in WAITING and job.stop_requested is None
    return waiting and dependency_verdict(job, states) is Verdict.MET


def _in_order(jobs: Iterable[Job], placements: Mapping[int, Placement], trusted: bool, now: datetime) -> list[Job]:
    """Jobs whose time has come: those that are due first, then by how little they can still wait."""
    wanted = [job for job in jobs if _is_wanted(job, placements.get(job.id), trusted, now)]
    return sorted(wanted, key=lambda job: (not is_due(job, now), latest_start(job), job.id))


def _is_wanted(job: Job, placement: Placement | None, trusted: bool, now: datetime) -> bool:
    if placement is not None and placement.active_at(now):
        return True
    behind_others = trusted and placement is not None and placement.late
    return is_due(job, now) and not behind_others


def _starts(
    wanted: Iterable[Job],
    jobs: Iterable[Job],
    segments: Iterable[Segment],
    inventory: Inventory | None,
    now: datetime,
) -> list[StartSegment]:
    free = vacancy_of(inventory, segments)
    starts: list[StartSegment] = []
    kept_for_due: set[Pool] = set()
    for job in wanted:
        pool, width = job.spec.pool, job.spec.width
        if pool in kept_for_due:
            continue
        if width <= free.count(pool):
            uuids, free = free.take(pool, width)
            starts.append(StartSegment(job.id, uuids))
        # Narrow jobs would else slip in for ever before a wide one that can wait no longer.
        elif is_due(job, now) and width <= reachable_places(inventory, pool):
            kept_for_due.add(pool)
    return starts


def _stops(
    jobs: Iterable[Job], segments: Iterable[Segment], placements: Mapping[int, Placement], now: datetime
) -> list[StopSegment]:
    by_id = {job.id: job for job in jobs}
    stops = []
    for segment in segments:
        job = by_id.get(segment.id.job)
        if job is None or segment.state not in OPEN:
            continue
        reason = _stop_wanted(job, segment, placements.get(job.id), now)
        if reason is not None and reason is not segment.stop_reason:
            stops.append(StopSegment(segment.id, reason))
    return stops


def _stop_wanted(job: Job, segment: Segment, placement: Placement | None, now: datetime) -> StopReason | None:
    if job.stop_requested is not None:
        return StopReason(job.stop_requested)
    return StopReason.SUSPEND if _is_to_pause(job, segment, placement, now) else None


def _is_to_pause(job: Job, segment: Segment, placement: Placement | None, now: datetime) -> bool:
    """Whether the plan lets an interruptible run wait now and go on later."""
    if not job.spec.interruptible or job.state is not JobState.RUNNING or placement is None:
        return False
    goes_on_later = not placement.active_at(now) and placement.end > now
    return goes_on_later and not is_due(job, now, segment)
