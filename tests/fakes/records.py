"""What a store is given, with everything filled in that a test does not care about."""

from __future__ import annotations

from datetime import datetime, timedelta

from fakes.clock import NOON
from fakes.queue import ANNA, a_spec

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis, JobSpec, Owner
from scheduler.domain.lifecycle import SegmentState
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod
from scheduler.domain.runs import Segment, SegmentId
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions, Energy, Power
from scheduler.ports import JobDraft

BOB = Owner(1001, "bob")
GB = SeriesKey("neso", "GB")
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


def an_observation(
    hour: int, g_per_kwh: float, status: IntensityStatus = IntensityStatus.ACTUAL
) -> IntensityObservation:
    """Great Britain's average for the hour that begins `hour` hours after noon."""
    interval = Interval(NOON + timedelta(hours=hour), NOON + timedelta(hours=hour + 1))
    return IntensityObservation(GB, interval, g_per_kwh, status, fetched_at=NOON)


def a_forecast(
    issued_at: datetime, values: tuple[float, ...] = (120.0, 80.5), fetched_at: datetime | None = None
) -> CarbonForecast:
    """Half-hours from its issue on, fetched the moment it was issued."""
    half = timedelta(minutes=30)
    rows = [(Interval(issued_at + n * half, issued_at + (n + 1) * half), value) for n, value in enumerate(values)]
    return CarbonForecast(GB, issued_at, fetched_at or issued_at, StepSeries.of(rows))


def a_statement(job: int, settlement: Settlement = Settlement.FINAL) -> EmissionsStatement:
    """A kilowatt-hour at 100 g that run-now would have used at 150 g."""
    return EmissionsStatement(
        job=job,
        settlement=settlement,
        method=StatementMethod.MEASURED,
        energy=Energy.from_kwh(1.0),
        pue=1.2,
        coverage=1.0,
        emissions=Emissions(120.0),
        run_now_emissions=Emissions(180.0),
        at_submission_emissions=Emissions(180.0),
        key=GB,
        computed_at=NOON,
    )
