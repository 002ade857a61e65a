"""Views with plausible contents, for tests of the API and the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fakes.clock import NOON

from scheduler.domain.carbon import IntensityStatus, LinkState
from scheduler.domain.gpus import Pool
from scheduler.domain.lifecycle import JobState, Reason
from scheduler.domain.running_time import Learnt
from scheduler.domain.statements import Settlement, StatementMethod
from scheduler.service_views.grid import ChainLinkView, ForecastLink, Freshness, GridNow, IntensitySlot
from scheduler.service_views.grid_record import ObservedValue
from scheduler.service_views.jobs import ConfidenceView, JobRow, PlacementView, Stretch
from scheduler.service_views.site import AgentStatus, DaemonStatus, DatabaseStatus, GpuRow
from scheduler.service_views.statements import RecomputedView, StatementView

QUEUED_ROW = JobRow(
    id=1,
    name="train",
    state=JobState.QUEUED,
    reason=Reason.CARBON_WINDOW,
    detail="waits for 60 gCO2eq/kWh at 17:00",
    user="ada",
    project=None,
    tags=(),
    zone="GB",
    gpus=1,
    interruptible=False,
    submitted_at=NOON,
    started_at=None,
    ended_at=None,
    deadline=None,
    finish_by=NOON + timedelta(hours=28),
    planned_start=NOON + timedelta(hours=5),
    planned_end=NOON + timedelta(hours=9),
    late=False,
    exit_code=None,
    attempts=0,
    energy_kwh=None,
    pue=1.0,
    emissions_g=None,
    run_now_emissions_g=None,
    at_submission_emissions_g=None,
    difference_g=None,
    statement=Settlement.NONE,
    coverage=0.0,
    method=StatementMethod.NONE,
    intensity=None,
)


def a_row(**fields: Any) -> JobRow:
    return replace(QUEUED_ROW, **fields)


COMPLETED: dict[str, Any] = {
    "state": JobState.COMPLETED,
    "reason": Reason.EXITED_ZERO,
    "detail": None,
    "started_at": NOON - timedelta(hours=2),
    "ended_at": NOON - timedelta(hours=1),
    "planned_start": None,
    "planned_end": None,
    "exit_code": 0,
    "attempts": 1,
    "energy_kwh": 0.4,
    "emissions_g": 24.0,
    "run_now_emissions_g": 84.0,
    "at_submission_emissions_g": 84.0,
    "difference_g": 60.0,
    "statement": Settlement.FINAL,
    "coverage": 1.0,
    "method": StatementMethod.MEASURED,
    "intensity": "neso/GB (average, consumption, lifecycle)",
}
"""Fields that turn `a_row` into a finished, settled job."""


def a_statement_view(row: JobRow, **fields: Any) -> StatementView:
    ordinary = StatementView(
        computed_at=NOON,
        statement=row.statement,
        method=row.method,
        energy_kwh=row.energy_kwh,
        pue=row.pue,
        coverage=row.coverage,
        emissions_g=row.emissions_g,
        run_now_emissions_g=row.run_now_emissions_g,
        at_submission_emissions_g=row.at_submission_emissions_g,
        run_now_start=None,
        difference_g=row.difference_g,
        intensity="neso/GB (average, consumption, lifecycle)",
        note=None,
    )
    return replace(ordinary, **fields)


def a_recomputed(row: JobRow, asked: bool = True, **fields: Any) -> RecomputedView:
    """Drawn up anew, with `fields` changed."""
    assert row.id is not None
    before = a_statement_view(row)
    after = replace(before, **fields)
    return RecomputedView(row.id, after != before, asked, before, after)


def a_certainty(now: datetime) -> ConfidenceView:
    """Learnt from seven like jobs, and all but sure to be in time."""
    return ConfidenceView(
        confidence=0.9,
        running_time_s=18_600.0,
        learnt_from=Learnt.LIKE_JOBS,
        learnt_jobs=7,
        ends_by=now + timedelta(hours=12),
        in_time=0.97,
    )


def a_placement(job: int | None, now: datetime) -> PlacementView:
    start, end = now + timedelta(hours=5), now + timedelta(hours=9)
    return PlacementView(
        job=job,
        start=start,
        end=end,
        stretches=(Stretch(start, end),),
        switches=0,
        emissions_g=72.0,
        run_now_start=now,
        run_now_emissions_g=252.0,
        difference_g=180.0,
        energy_cost=None,
        run_now_energy_cost=None,
        late=False,
        reason="carbon-window",
    )


def a_forecast_strip(now: datetime) -> tuple[IntensitySlot, ...]:
    """Forty-eight half-hours that fall from 240 to 60 g/kWh and rise again."""
    half_hour = timedelta(minutes=30)
    values = [60.0 + 7.5 * abs(24 - i) for i in range(48)]
    return tuple(IntensitySlot(now + i * half_hour, now + (i + 1) * half_hour, v) for i, v in enumerate(values))


def observed_values(start: datetime, values: Iterable[float]) -> tuple[ObservedValue, ...]:
    """One measured value an hour from `start` on, each fetched when its hour was over."""
    hour, rows = timedelta(hours=1), enumerate(values)
    slots = [(start + n * hour, start + (n + 1) * hour, float(value)) for n, value in rows]
    return tuple(
        ObservedValue(begin, end, value, IntensityStatus.ACTUAL, end, None, value, "gCO2eq/kWh")
        for begin, end, value in slots
    )


def index_values(start: datetime, values: Iterable[float]) -> tuple[ObservedValue, ...]:
    """The same of an index: a number without grams."""
    rows = observed_values(start, values)
    return tuple(replace(row, g_per_kwh=None, index=row.g_per_kwh, raw_unit="percentile") for row in rows)


def gpu_rows(count: int) -> tuple[GpuRow, ...]:
    return tuple(
        GpuRow(
            id=f"GPU-{i}",
            pool=Pool.GPU,
            name="NVIDIA H100",
            memory_bytes=80 * 2**30,
            power_limit_w=700.0,
            power_w=71.5,
            job=None,
            other_pids=(),
        )
        for i in range(count)
    )


def a_grid_now(now: datetime) -> GridNow:
    return GridNow(
        zone="GB",
        source="neso",
        kind="average",
        accounting="consumption",
        basis="lifecycle",
        g_per_kwh=210.0,
        status=IntensityStatus.ESTIMATED,
        start=now,
        end=now + timedelta(minutes=30),
        age_s=300.0,
        freshness=Freshness.FRESH,
        forecast_issued_at=now - timedelta(minutes=20),
        forecast_age_s=1200.0,
        last_error=None,
        next_poll_at=now + timedelta(minutes=10),
        link=ForecastLink.PROVIDER,
        forecast_by="forecast of neso",
        because=(),
        links=(
            ChainLinkView("neso", LinkState.IN_USE, None),
            ChainLinkView("built-in", LinkState.IN_RESERVE, None),
            ChainLinkView("static", LinkState.IN_RESERVE, None),
        ),
        observed_until=now,
        attribution="Carbon Intensity API, NESO",
        licence="CC BY 4.0",
        notes=(),
    )


def a_status(now: datetime) -> DaemonStatus:
    return DaemonStatus(
        version="0.1.0",
        pid=4242,
        uid=1000,
        started_at=now - timedelta(hours=3),
        now=now,
        settings_file="/home/ada/.config/carbonq/config.toml",
        state_dir="/home/ada/.local/state/carbonq",
        database=DatabaseStatus(url="sqlite:////home/ada/carbonq.db", size_bytes=4096 * 20, problems=()),
        grid=a_grid_now(now),
        agent=AgentStatus(reachable=True, pid=4243, host="box", launcher="fork", error=None),
        gpus=2,
        cpu_slots=0,
        meters=("nvml-counter", "rapl"),
        jobs={"queued": 1},
        warnings=(),
    )
