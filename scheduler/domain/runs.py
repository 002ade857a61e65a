"""Job > run (attempt 1, 2, ...) > segment: one unbroken stretch holding GPUs, started once as one process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.lifecycle import SegmentState, StopReason


@dataclass(frozen=True, slots=True, order=True)
class SegmentId:
    """Names one start of a job's process, for ever: `job-attempt-segment`."""

    job: int
    attempt: int
    segment: int

    def __str__(self) -> str:
        return f"{self.job}-{self.attempt}-{self.segment}"

    @classmethod
    def parse(cls, text: str) -> SegmentId:
        job, attempt, segment = (int(part) for part in text.split("-"))
        return cls(job, attempt, segment)


@dataclass(frozen=True, slots=True)
class CompletedRun:
    """How long a job that completed ran, against what its user said."""

    argv: tuple[str, ...]
    gpus: int
    estimate: timedelta | None
    """As the user gave it; None: the user gave none."""
    ran: timedelta
    """Of the attempt that completed."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One start and what came of it."""

    id: SegmentId
    state: SegmentState
    created_at: datetime
    gpu_uuids: tuple[str, ...] = ()
    resume: bool = False
    """Whether an earlier segment of this job ran, so that a checkpoint may exist."""
    host: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    stop_reason: StopReason | None = None
    readings_upto: int = 0
    """Sequence number of the last energy slice that the database has."""
    last_seq: int | None = None
    """Sequence number of its last energy slice at all; known once it has ended."""
    work_kept: bool | None = None
    """Of a suspended segment: whether what it did is in a checkpoint that the next one goes on from; None: not told."""
    ran: timedelta | None = None
    """How long its process ran, as its supervisor measured it; None where nobody did."""

    @property
    def was_suspended(self) -> bool:
        """Whether its run goes on in another segment; one that was lost on the way to a pause does not."""
        return self.state is SegmentState.ENDED and self.stop_reason is StopReason.SUSPEND

    @property
    def held(self) -> timedelta:
        """How long it ran holding its GPUs; nothing while that is not known.

        As it was measured: between two moments the clock may have been set, or the machine asleep.
        """
        if self.ran is not None:
            return self.ran
        if self.started_at is None or self.ended_at is None:
            return timedelta(0)
        return self.ended_at - self.started_at
