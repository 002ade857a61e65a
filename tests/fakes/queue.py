"""Jobs, segments and machines made to order: name what matters, the rest is ordinary."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fakes.clock import NOON

from scheduler.domain.gpus import Gpu, Inventory
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis, Job, JobSpec, Owner
from scheduler.domain.lifecycle import JobState, Reason, SegmentState
from scheduler.domain.plans import Placement, Plan
from scheduler.domain.runs import Segment, SegmentId
from scheduler.domain.units import Power

ANNA = Owner(uid=1000, name="anna")
HOUR = timedelta(hours=1)


def a_spec(**fields: Any) -> JobSpec:
    return JobSpec(**{"argv": ("python", "train.py"), "workdir": "/home/anna", "name": "train", **fields})


def a_job(job_id: int = 1, state: JobState = JobState.QUEUED, *, spec: JobSpec | None = None, **fields: Any) -> Job:
    """Two hours long, a day to wait; `fields` are the job's."""
    ordinary = Job(
        id=job_id,
        spec=spec or a_spec(),
        owner=ANNA,
        submitted_at=NOON,
        state=state,
        reason=Reason.NEW,
        expected_duration=2 * HOUR,
        duration_basis=Basis.USER,
        expected_power=Power(300),
        power_basis=Basis.USER,
        finish_by=NOON + 24 * HOUR,
    )
    return replace(ordinary, **fields)


def a_segment(
    job: int = 1, attempt: int = 1, number: int = 1, state: SegmentState = SegmentState.STARTING, **fields: Any
) -> Segment:
    return Segment(SegmentId(job, attempt, number), state, NOON, **fields)


def a_machine(gpus: int = 2, cpu_slots: int = 2, busy: tuple[int, ...] = ()) -> Inventory:
    """GPUs `GPU-0`, `GPU-1`, ...; those named in `busy` run a process that is not ours."""
    boards = tuple(Gpu(f"GPU-{n}", "H100", busy_with=(4242,) if n in busy else ()) for n in range(gpus))
    return Inventory("host", "boot", boards, cpu_slots)


def a_placement(job: int, *hours: tuple[float, float], late: bool = False, reason: str = "carbon-window") -> Placement:
    """Intervals in hours from noon."""
    intervals = tuple(Interval(NOON + start * HOUR, NOON + end * HOUR) for start, end in hours)
    return Placement(job, intervals, None, None, NOON, late, reason)


def a_plan(*placements: Placement, made_at: datetime = NOON) -> Plan:
    return Plan("suspend-resume", made_at, placements)
