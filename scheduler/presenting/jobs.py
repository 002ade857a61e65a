"""Views of jobs: the row, the detail, the log of starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.intervals import from_epoch
from scheduler.domain.jobs import Job
from scheduler.domain.plans import Placement
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod
from scheduler.domain.runs import Segment, SegmentId
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions, Energy
from scheduler.ports import JobEventRecord
from scheduler.protocol import Progress
from scheduler.service_views.jobs import (
    ComponentEnergyView,
    ConfidenceView,
    EventView,
    JobDetail,
    JobRow,
    PlacementView,
    ProgressView,
    SegmentView,
    Stretch,
    row_fields,
)
from scheduler.service_views.statements import RecomputedView, StatementView


@dataclass(frozen=True, slots=True)
class JobCase:
    """All that a row is made of."""

    job: Job
    statement: EmissionsStatement | None
    placement: Placement | None
    zone: str
    pue: float
    patience_g_per_h: float = 0.0
    """The site's waiting price, of jobs that name none."""
    certainty: ConfidenceView | None = None
    left: timedelta | None = None
    """Running time expected yet, what it has run taken off; None where nobody asked the record."""


def job_row(case: JobCase) -> JobRow:
    job, statement, placement = case.job, case.statement, case.placement
    waiting = placement is not None and not job.ended and placement.reason != "running"
    return JobRow(
        id=job.id or None,
        name=job.spec.name,
        state=job.state,
        reason=job.reason,
        detail=job.detail,
        user=job.owner.name,
        project=job.spec.project,
        tags=job.spec.tags,
        zone=job.spec.zone or case.zone,
        gpus=job.spec.gpus,
        interruptible=job.spec.interruptible,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        deadline=job.spec.deadline,
        finish_by=job.finish_by,
        planned_start=placement.start if waiting and placement else None,
        planned_end=placement.end if placement and not job.ended else None,
        late=bool(placement and placement.late and not job.ended),
        exit_code=job.exit_code,
        attempts=job.attempts,
        energy_kwh=_kwh(statement.energy) if statement else None,
        pue=statement.pue if statement else case.pue,
        emissions_g=_grams(statement.emissions) if statement else None,
        run_now_emissions_g=_grams(statement.run_now_emissions) if statement else None,
        at_submission_emissions_g=_grams(statement.at_submission_emissions) if statement else None,
        difference_g=_grams(statement.difference) if statement else None,
        statement=statement.settlement if statement else Settlement.NONE,
        coverage=statement.coverage if statement else 0.0,
        method=statement.method if statement else StatementMethod.NONE,
        intensity=str(statement.key) if statement and statement.key else None,
    )


def placement_view(placement: Placement, job: int | None, pue: float) -> PlacementView:
    """Emissions as everywhere in the API: with PUE."""
    emitted, run_now = with_pue(placement.emissions, pue), with_pue(placement.run_now_emissions, pue)
    return PlacementView(
        job=job,
        start=placement.start,
        end=placement.end,
        stretches=tuple(Stretch(i.start, i.end) for i in placement.intervals),
        switches=placement.switches,
        emissions_g=emitted,
        run_now_start=placement.run_now_start,
        run_now_emissions_g=run_now,
        difference_g=None if emitted is None or run_now is None else run_now - emitted,
        energy_cost=_times(placement.energy_cost, pue),
        run_now_energy_cost=_times(placement.run_now_energy_cost, pue),
        late=placement.late,
        reason=placement.reason,
    )


def job_detail(
    case: JobCase,
    segments: Sequence[Segment],
    events: Sequence[JobEventRecord],
    slices: Sequence[tuple[SegmentId, EnergySlice]],
    statements: Sequence[EmissionsStatement],
    progress: Progress | None,
    power_w: float | None,
    now: datetime,
) -> JobDetail:
    job, spec = case.job, case.job.spec
    return JobDetail(
        **row_fields(job_row(case)),
        argv=spec.argv,
        workdir=spec.workdir,
        expected_duration_s=job.expected_duration.total_seconds(),
        duration_basis=job.duration_basis,
        expected_power_w=job.expected_power.watts,
        power_basis=job.power_basis,
        time_limit_s=spec.time_limit.total_seconds() if spec.time_limit else None,
        grace_s=spec.grace.total_seconds(),
        retries=spec.retries,
        patience_g_per_h=case.patience_g_per_h if spec.patience_g_per_h is None else spec.patience_g_per_h,
        checkpoint_signal=spec.checkpoint_signal,
        after=spec.after,
        run_now=spec.run_now,
        work_done_s=job.work_done.total_seconds(),
        running_s=running_time(segments, now).total_seconds(),
        power_w=power_w,
        progress=_progress(progress),
        placement=placement_view(case.placement, job.id, case.pue) if case.placement and not job.ended else None,
        certainty=None if job.ended else case.certainty,
        segments=tuple(_segment(segment) for segment in segments),
        events=tuple(EventView(e.at, e.event, e.state, e.reason, e.detail) for e in events),
        energy=_by_component(slices),
        statements=tuple(_statement(statement) for statement in statements),
    )


def running_time(segments: Iterable[Segment], now: datetime) -> timedelta:
    """Time the process has run, over all segments; an open one counts until now."""
    total = timedelta(0)
    for segment in segments:
        is_open = segment.started_at is not None and segment.ended_at is None
        total += max(timedelta(0), now - segment.started_at if is_open and segment.started_at else segment.held)
    return total


def _segment(segment: Segment) -> SegmentView:
    return SegmentView(
        id=str(segment.id),
        state=segment.state,
        created_at=segment.created_at,
        started_at=segment.started_at,
        ended_at=segment.ended_at,
        exit_code=segment.exit_code,
        stop_reason=segment.stop_reason,
        resume=segment.resume,
        host=segment.host,
        gpu_uuids=segment.gpu_uuids,
    )


def _statement(statement: EmissionsStatement) -> StatementView:
    return StatementView(
        computed_at=statement.computed_at,
        statement=statement.settlement,
        method=statement.method,
        energy_kwh=_kwh(statement.energy),
        pue=statement.pue,
        coverage=statement.coverage,
        emissions_g=_grams(statement.emissions),
        run_now_emissions_g=_grams(statement.run_now_emissions),
        at_submission_emissions_g=_grams(statement.at_submission_emissions),
        run_now_start=statement.run_now_start,
        difference_g=_grams(statement.difference),
        intensity=str(statement.key) if statement.key else None,
        note=statement.note,
    )


def recomputed(
    job: int, before: EmissionsStatement | None, after: EmissionsStatement | None, asked: bool
) -> RecomputedView:
    return RecomputedView(
        job=job,
        changed=before != after,
        asked=asked,
        before=_statement(before) if before else None,
        statement=_statement(after) if after else None,
    )


def _by_component(slices: Sequence[tuple[SegmentId, EnergySlice]]) -> tuple[ComponentEnergyView, ...]:
    """Energy summed by device and method, flags gathered, in order of first appearance."""
    parts: dict[tuple[Component, str, MeterMethod], list[ComponentEnergy]] = {}
    for _, piece in slices:
        for part in piece.parts:
            parts.setdefault((part.component, part.device, part.method), []).append(part)
    return tuple(
        ComponentEnergyView(
            component=component,
            device=device,
            method=method,
            energy_kwh=Energy(sum(part.energy.joules for part in same)).kwh,
            flags=tuple(dict.fromkeys(flag for part in same for flag in part.flags)),
        )
        for (component, device, method), same in parts.items()
    )


def _progress(progress: Progress | None) -> ProgressView | None:
    if progress is None:
        return None
    at = from_epoch(progress.t) if progress.t is not None else None
    return ProgressView(progress.step, progress.total, progress.loss, at)


def with_pue(emissions: Emissions | None, pue: float) -> float | None:
    """Grams of the facility, from a plan's grams of IT alone."""
    return None if emissions is None else emissions.grams * pue


def _times(cost: float | None, pue: float) -> float | None:
    return None if cost is None else cost * pue


def _kwh(energy: Energy | None) -> float | None:
    return energy.kwh if energy is not None else None


def _grams(emissions: Emissions | None) -> float | None:
    return emissions.grams if emissions is not None else None
