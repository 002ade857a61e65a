"""The counterfactual: what the job itself drew, in one go.

Method: C = PUE * sum P(t) I(start + t), P the measured power in job time with pauses taken out, I the same published
intensity that settles the job.  What our own interruptions cost stays on our side: work that a suspension threw away
and the time to come back from one are not part of P.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from scheduler.accounting.load import NO_LOAD, Load
from scheduler.domain.jobs import Job
from scheduler.domain.readings import EnergySlice
from scheduler.domain.runs import Segment, SegmentId
from scheduler.protocol import EXIT_SUSPENDED

_NOTHING = timedelta(0)


def uninterrupted_load(
    job: Job, segments: Sequence[Segment], slices: Iterable[tuple[SegmentId, EnergySlice]], switch: timedelta
) -> Load:
    """What the job would have drawn in one go; `switch` is the running time charged to one resumption."""
    of_segment: dict[SegmentId, list[EnergySlice]] = {}
    for segment_id, energy in slices:
        of_segment.setdefault(segment_id, []).append(energy)
    whole = NO_LOAD
    for segment, overhead in _counted(job, segments, switch):
        whole = whole.then(Load.of(of_segment.get(segment.id, ())).without_first(overhead))
    return whole


def uninterrupted_length(job: Job, segments: Sequence[Segment], switch: timedelta, now: datetime) -> timedelta:
    """How long it would have run in one go; until `now` where it still runs."""
    lengths = (
        max(_NOTHING, (segment.held if segment.ended_at else _so_far(segment, now)) - overhead)
        for segment, overhead in _counted(job, segments, switch)
    )
    return sum(lengths, _NOTHING)


def _counted(job: Job, segments: Sequence[Segment], switch: timedelta) -> Iterator[tuple[Segment, timedelta]]:
    """The segments whose work counted, each with what of it was spent on coming back from a pause."""
    resumed = False
    for segment in segments:
        if not segment.was_suspended or _was_kept(job, segment):
            yield segment, switch if resumed else _NOTHING
        resumed = segment.was_suspended


def _was_kept(job: Job, segment: Segment) -> bool:
    """Whether a suspension left its work on disk; of a segment recorded before that was, by what can be told of it."""
    if segment.work_kept is not None:
        return segment.work_kept
    return segment.exit_code == EXIT_SUSPENDED or job.spec.checkpoint_signal is not None


def _so_far(segment: Segment, now: datetime) -> timedelta:
    return now - segment.started_at if segment.started_at else _NOTHING
