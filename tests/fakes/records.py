"""What a store is given, with everything filled in that a test does not care about."""

from __future__ import annotations

from datetime import datetime, timedelta

from fakes.clock import NOON
from fakes.queue import ANNA, a_spec

from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis, JobSpec, Owner
from scheduler.domain.lifecycle import SegmentState
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod
from scheduler.domain.runs import Segment, SegmentId
from scheduler.domain.units import Energy, Power
from scheduler.ports import JobDraft

BOB = Owner(1001, "bob")
MINUTE = timedelta(minutes=1)


def a_draft(spec: JobSpec | None = None, owner: Owner = ANNA, submitted_at: datetime = NOON) -> JobDraft:
    return JobDraft(
        spec=spec or a_spec(),
        owner=owner,
        submitted_at=submitted_at,
        expected_duration=timedelta(hours=1),
        duration_basis=Basis.ASSUMED,
        expected_power=Power(300.0),
        power_basis=Basis.ASSUMED,
        finish_by=submitted_at + timedelta(hours=24),
    )


def a_segment(job: int, attempt: int = 1, number: int = 1, created_at: datetime = NOON) -> Segment:
    return Segment(SegmentId(job, attempt, number), SegmentState.STARTING, created_at, ("GPU-0",))


def a_slice(seq: int, joules: float = 600.0, start: datetime = NOON) -> EnergySlice:
    """One minute of one GPU, the `seq`th after `start`."""
    begin = start + (seq - 1) * MINUTE
    part = ComponentEnergy(Component.GPU, "GPU-0", Energy(joules), MeterMethod.NVML_COUNTER)
    return EnergySlice(seq, Interval(begin, begin + MINUTE), (part,))
