"""What is to be set on a recorded job or segment: values that a pure room decides and a store writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.lifecycle import Reason, SegmentState, StopReason


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
    finish_by: datetime | Unset = UNSET
    deadline: datetime | Unset | None = UNSET
    """Sets spec.deadline."""
    run_now: bool | Unset = UNSET
    """Sets spec.run_now."""


@dataclass(frozen=True, slots=True)
class SegmentChanges:
    """Fields to set on a segment; UNSET fields stay."""

    state: SegmentState | Unset = UNSET
    host: str | Unset | None = UNSET
    started_at: datetime | Unset | None = UNSET
    ended_at: datetime | Unset | None = UNSET
    exit_code: int | Unset | None = UNSET
    stop_reason: StopReason | Unset | None = UNSET
