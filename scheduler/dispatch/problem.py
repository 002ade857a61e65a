"""The queue as the planner sees it: what may be planned now, what it still needs, and the places there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.config import QueueSettings
from scheduler.dispatch.dependencies import doomed, known_states
from scheduler.dispatch.running_times import LikelyRunningTime
from scheduler.dispatch.urgency import ran_at, remaining_at
from scheduler.dispatch.vacancy import OPEN, reachable_places
from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import HOLDING_GPUS, WAITING, JobState, StopReason
from scheduler.domain.plans import PlannableJob, PlanningProblem, SwitchCost
from scheduler.domain.prices import PowerPrice
from scheduler.domain.runs import Segment


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts beside emissions. Plans are in grams of IT alone, what users say in grams of the facility."""

    patience_g_per_h: float = 0.0
    """The waiting price of jobs that name none."""
    pue: float = 1.0
    price: PowerPrice | None = None

    def patience_of(self, job: Job) -> float:
        said = job.spec.patience_g_per_h
        return (self.patience_g_per_h if said is None else said) / self.pue


def build_problem(
    jobs: Sequence[Job],
    segments: Iterable[Segment],
    inventory: Inventory,
    forecast: CarbonForecast | None,
    now: datetime,
    queue: QueueSettings,
    ended: Mapping[int, JobState] | None = None,
    likely: LikelyRunningTime | None = None,
    confidence: float = 0.5,
    weights: Weights = Weights(),
) -> PlanningProblem:
    """Held jobs, jobs wider than the machine and jobs that wait for one outside the problem are left out.

    `likely` says how sure the length of each is; then deadlines are to be met with `confidence`, 0 to 1.
    """
    open_segments = {segment.id.job: segment for segment in segments if segment.state in OPEN}
    included = _plannable(jobs, inventory, ended or {})
    planned = tuple(
        replace(
            _planned(job, open_segments.get(job.id), now, queue, likely, confidence),
            after=_after(job, included),
            patience_g_per_h=weights.patience_of(job),
        )
        for job in included.values()
    )
    places = {pool: _capacity(planned, inventory, pool) for pool in Pool}
    return PlanningProblem(now, planned, places, forecast, price=weights.price)


def _plannable(jobs: Sequence[Job], inventory: Inventory, ended: Mapping[int, JobState]) -> dict[int, Job]:
    states, falling = known_states(jobs, ended), doomed(jobs, ended)
    included: dict[int, Job] = {}
    for job in sorted(jobs, key=lambda job: job.id):
        awaited = {other for other in job.spec.after if states.get(other) is not JobState.COMPLETED}
        fits = job.spec.width <= inventory.capacity(job.spec.pool)
        live = job.state in HOLDING_GPUS or (job.state in WAITING and fits and awaited <= included.keys())
        if live and job.id not in falling and job.stop_requested != StopReason.CANCEL:
            included[job.id] = job
    return included


def _after(job: Job, included: Mapping[int, Job]) -> tuple[int, ...]:
    return tuple(other for other in job.spec.after if other in included)


def _planned(
    job: Job,
    segment: Segment | None,
    now: datetime,
    queue: QueueSettings,
    likely: LikelyRunningTime | None,
    confidence: float,
) -> PlannableJob:
    known = likely(job).given(ran_at(job, segment, now)) if likely else None
    left = remaining_at(job, segment, now, known)
    # A run that is being suspended has its places for the grace time and is then one that waits.
    suspending = job.stop_requested == StopReason.SUSPEND and segment is not None
    planned = PlannableJob(
        id=job.id,
        submitted_at=job.submitted_at,
        pool=job.spec.pool,
        width=job.spec.width,
        remaining=left + _resumption(job, suspending, queue),
        power=job.expected_power,
        finish_by=job.finish_by,
        earliest_start=now + 2 * job.spec.grace if suspending else now,
        interruptible=job.spec.interruptible,
        running=job.state in HOLDING_GPUS and not suspending,
        run_now=job.spec.run_now,
        switch=SwitchCost(time=queue.switch_cost),
        min_run=queue.shortest_run,
    )
    # Only a deadline that somebody gave is worth a margin, and only where there is something to decide yet.
    if known is None or job.spec.deadline is None or planned.fixed:
        return planned
    return replace(planned, margin=known.margin(confidence, left))


def _resumption(job: Job, suspending: bool, queue: QueueSettings) -> timedelta:
    """Running time that coming back from a suspension is still going to cost; the planner cannot know of it."""
    return queue.switch_cost if suspending or job.state is JobState.SUSPENDED else timedelta(0)


def _capacity(planned: Iterable[PlannableJob], inventory: Inventory, pool: Pool) -> int:
    """Places without a foreign process, which is expected to stay, unless a job needs its GPU to fit at all."""
    widest = max((job.width for job in planned if job.pool is pool), default=0)
    held = sum(job.width for job in planned if job.running and job.pool is pool)
    return max(reachable_places(inventory, pool), widest, held)
