"""What is to be set on a recorded job or segment: values that a pure room decides and a store writes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from scheduler.domain.carbon import SeriesKey
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import Reason, SegmentState, StopReason
from scheduler.domain.runs import Segment


class Unset:
    """Marks a field that a change leaves alone (None is a value)."""


UNSET = Unset()


@dataclass(frozen=True, slots=True)
class JobChanges:
    """Fields to set beside a step, or without one; UNSET fields stay."""

    reason: Reason | Unset = UNSET
    detail: str | Unset | None = UNSET
    attempts: int | Unset = UNSET
    started_at: datetime | Unset | None = UNSET
    ended_at: datetime | Unset | None = UNSET
    exit_code: int | Unset | None = UNSET
    work_done: timedelta | Unset = UNSET
    stop_requested: str | Unset | None = UNSET
    expected_duration: timedelta | Unset = UNSET
    finish_by: datetime | Unset = UNSET
    deadline: datetime | Unset | None = UNSET
    """Sets spec.deadline."""
    series: SeriesKey | Unset | None = UNSET
    run_now: bool | Unset = UNSET
    """Sets spec.run_now."""

    def applied_to(self, job: Job) -> Job:
        """The job as it will be; its state is not a field to set but a step to take."""
        given = _given(self)
        of_spec = {name: given.pop(name) for name in ("deadline", "run_now") if name in given}
        return replace(job, spec=replace(job.spec, **of_spec), **given)


@dataclass(frozen=True, slots=True)
class SegmentChanges:
    """Fields to set on a segment; UNSET fields stay."""

    state: SegmentState | Unset = UNSET
    host: str | Unset | None = UNSET
    started_at: datetime | Unset | None = UNSET
    ended_at: datetime | Unset | None = UNSET
    exit_code: int | Unset | None = UNSET
    stop_reason: StopReason | Unset | None = UNSET
    last_seq: int | Unset | None = UNSET
    work_kept: bool | Unset | None = UNSET
    ran: timedelta | Unset | None = UNSET

    def applied_to(self, segment: Segment) -> Segment:
        """The segment as it will be."""
        return replace(segment, **_given(self))


def _given(changes: JobChanges | SegmentChanges) -> dict[str, Any]:
    values = {field.name: getattr(changes, field.name) for field in fields(changes)}
    return {name: value for name, value in values.items() if not isinstance(value, Unset)}
