"""Starts that come to nothing: how often in a row and why, so that they are tried ever more rarely, and told of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scheduler.domain.durations import format_duration
from scheduler.domain.runs import SegmentId

_FIRST_REST, _LAST_REST = timedelta(seconds=2), timedelta(minutes=5)
_MOST_DOUBLINGS = 8
_KEEPS_ON = 3
"""Starts in a row that came to nothing after which `carbonq doctor` speaks of it."""


@dataclass(frozen=True, slots=True)
class Failing:
    """What is known of a job whose last start came to nothing."""

    segment: SegmentId
    times: int
    """In a row."""
    reason: str
    at: datetime

    @property
    def rest(self) -> timedelta:
        """How long it is left alone."""
        return min(_FIRST_REST * (1 << min(self.times - 1, _MOST_DOUBLINGS)), _LAST_REST)

    def rests(self, now: datetime) -> bool:
        # What failed in the future did so before the clock was set back.
        return timedelta(0) <= now - self.at < self.rest

    @property
    def words(self) -> str:
        starts = "its last start" if self.times == 1 else f"each of its last {self.times} starts"
        return f"{starts} came to nothing: {self.reason}; it is tried again within {format_duration(self.rest)}"


@dataclass(slots=True)
class StartFailures:
    """Of one installation, since its daemon started."""

    unfit: set[int] = field(default_factory=set)
    """Jobs that something of their own keeps from starting: they are tried when they are due, and planned no more."""
    _failing: dict[int, Failing] = field(default_factory=dict)

    def note(self, segment: SegmentId, reason: str, now: datetime) -> Failing:
        """A start that was refused, or that came to nothing."""
        before = self._failing.get(segment.job)
        failing = Failing(segment, 1 + (before.times if before else 0), reason, now)
        self._failing[segment.job] = failing
        return failing

    def note_never_begun(self, segment: SegmentId, now: datetime) -> Failing:
        """Concluded later, of an order that was sent; where that failed already, it counts once."""
        before = self._failing.get(segment.job)
        if before is not None and before.segment == segment:
            return before
        reason = f"its supervisor ended before it had begun (`supervisor.log` in the folder {segment} may say why)"
        return self.note(segment, reason, now)

    def forget(self, job_id: int) -> None:
        """It runs."""
        self._failing.pop(job_id, None)
        self.unfit.discard(job_id)

    def keep_only(self, job_ids: Collection[int]) -> None:
        """Jobs that have ended are not started any more."""
        for job_id in (self._failing.keys() | self.unfit) - set(job_ids):
            self.forget(job_id)

    def of(self, job_id: int) -> Failing | None:
        return self._failing.get(job_id)

    def resting(self, now: datetime) -> frozenset[int]:
        """Jobs that are not to be tried again yet."""
        return frozenset(job for job, failing in self._failing.items() if failing.rests(now))

    def keeping_on(self) -> dict[int, Failing]:
        """Jobs that seem not to start by themselves any more."""
        return {job: failing for job, failing in sorted(self._failing.items()) if failing.times >= _KEEPS_ON}
