"""The counterfactual: what the job itself drew, and when first-come-first-served would have let it draw that.

Method: C = PUE * sum P(t) I(start + t), P the measured power in job time with pauses taken out, I the same published
intensity that settles the job.  What our own interruptions cost stays on our side: work that a suspension threw away
and the time to come back from one are not part of P.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from scheduler.accounting.load import NO_LOAD, Load
from scheduler.domain.gpus import Pool
from scheduler.domain.jobs import Job
from scheduler.domain.queue_replay import Arrival, first_come_first_served
from scheduler.domain.readings import EnergySlice
from scheduler.domain.runs import Segment, SegmentId

_ROUNDING = timedelta(seconds=1)


def uninterrupted_load(
    job: Job, segments: Sequence[Segment], slices: Iterable[tuple[SegmentId, EnergySlice]], switch: timedelta
) -> Load:
    """What the job would have drawn in one go; `switch` is the running time charged to one resumption."""
    of_segment: dict[SegmentId, list[EnergySlice]] = {}
    for segment_id, energy in slices:
        of_segment.setdefault(segment_id, []).append(energy)
    whole = NO_LOAD
    resumed = False
    for segment, kept in _with_fate(job, segments):
        load = Load.of(of_segment.get(segment.id, ()))
        if kept:
            whole = whole.then(load.without_first(switch) if resumed else load)
        resumed = segment.was_suspended
    return whole


def run_now_starts(
    jobs: Sequence[Job],
    run_lengths: Mapping[int, timedelta],
    capacity: Mapping[Pool, int],
    not_before: Mapping[int, datetime] | None = None,
) -> dict[int, datetime]:
    """When first-come-first-served would have started each job that has a length.

    `not_before`: jobs that their users held until then. A job that comes after others starts once they would have
    ended. Capacity is at least what the widest job was given.
    """
    ran = [job for job in sorted(jobs, key=lambda job: job.id) if job.id in run_lengths]
    places = {pool: max([capacity.get(pool, 0), *_widths(ran, pool)]) for pool in Pool}
    earliest = {job.id: max(job.submitted_at, (not_before or {}).get(job.id, job.submitted_at)) for job in ran}
    while True:
        starts = first_come_first_served([_arrival(job, run_lengths, earliest) for job in ran], places)
        # A job comes only after earlier ones, so each round settles one more link of every chain.
        moved = {job.id: max([earliest[job.id], *_ends_before(job, starts, run_lengths)]) for job in ran}
        if moved == earliest:
            return starts
        earliest = moved


def _with_fate(job: Job, segments: Sequence[Segment]) -> Iterator[tuple[Segment, bool]]:
    """Each segment with whether its work counted. Checkpoints build on one another, so what counted came last."""
    suspended = [segment for segment in segments if segment.was_suspended]
    counted: set[SegmentId] = set()
    credit = job.work_done
    for segment in reversed(suspended):
        if segment.held <= credit + _ROUNDING:
            credit -= segment.held
            counted.add(segment.id)
    for segment in segments:
        yield segment, not segment.was_suspended or segment.id in counted


def _widths(jobs: Iterable[Job], pool: Pool) -> list[int]:
    return [job.spec.width for job in jobs if job.spec.pool is pool]


def _arrival(job: Job, lengths: Mapping[int, timedelta], earliest: Mapping[int, datetime]) -> Arrival:
    return Arrival(job.id, job.submitted_at, job.spec.pool, job.spec.width, lengths[job.id], earliest[job.id])


def _ends_before(job: Job, starts: Mapping[int, datetime], lengths: Mapping[int, timedelta]) -> list[datetime]:
    return [starts[other] + lengths[other] for other in job.spec.after if other in starts]
