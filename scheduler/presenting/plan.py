"""The plan as a timeline: the intensity strip, the jobs on it, and the places they fall on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from scheduler.dispatch.vacancy import OPEN
from scheduler.domain.carbon import CarbonForecast, SeriesKey, SignalKind
from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState
from scheduler.domain.plans import Placement, Plan
from scheduler.domain.runs import Segment
from scheduler.domain.series import StepSeries
from scheduler.domain.units import Emissions
from scheduler.presenting.chain import Answer
from scheduler.presenting.jobs import placement_view, with_pue
from scheduler.presenting.plan_rows import planned_stretches
from scheduler.presenting.state_words import state_words
from scheduler.service_views.grid import IntensitySlot
from scheduler.service_views.plan import PlannedJob, PlannedStretch, PlanView, UnplannedJob
from scheduler.service_views.site import GpuRow


def intensity_slots(forecast: CarbonForecast | None, window: Interval | None = None) -> tuple[IntensitySlot, ...]:
    """The forecast's slots, with their bands, inside `window`; none of an index, which has no grams."""
    if forecast is None or forecast.key.kind is SignalKind.INDEX:
        return ()
    series = forecast.expected.clipped(window) if window else forecast.expected
    return tuple(
        IntensitySlot(interval.start, interval.end, value, _at(forecast.p10, interval), _at(forecast.p90, interval))
        for interval, value in series.rows()
    )


def _at(band: StepSeries | None, interval: Interval) -> float | None:
    return band.mean(interval) if band is not None else None


def plan_view(
    plan: Plan,
    jobs: Mapping[int, Job],
    forecast: CarbonForecast | None,
    places: tuple[GpuRow, ...],
    key: SeriesKey,
    answered: Answer,
    pue: float,
    now: datetime,
    currency: str = "",
    problems: tuple[str, ...] = (),
) -> PlanView:
    """`jobs`: all that have not ended. `problems`: what keeps planning from being what the settings ask for, a sentence
    each."""
    # One that was held since the plan was made will not start, whatever that plan says.
    planned = {number: job for number, job in jobs.items() if job.state is not JobState.HELD}
    shown = sorted((p for p in plan.placements if p.job in planned), key=lambda p: (p.start, p.job))
    stretches = planned_stretches(shown, jobs, places)
    return PlanView(
        policy=plan.policy,
        made_at=plan.made_at,
        zone=key.zone,
        source=key.source,
        kind=key.kind,
        accounting=key.accounting,
        basis=key.basis,
        pue=pue,
        link=answered.link,
        forecast_by=answered.words,
        because=answered.because,
        forecast_issued_at=plan.forecast_issued_at,
        forecast_age_s=(now - plan.forecast_issued_at).total_seconds() if plan.forecast_issued_at else None,
        strip=_strip(forecast, shown, now),
        jobs=tuple(_planned(jobs[p.job], p, stretches[p.job], pue) for p in shown),
        unplanned=_unplanned(jobs, shown),
        gpus=places,
        emissions_g=with_pue(plan.emissions, pue),
        run_now_emissions_g=with_pue(_sum_run_now(plan.placements), pue),
        lower_bound_g=with_pue(plan.lower_bound, pue),
        energy_cost=_cost([p.energy_cost for p in plan.placements], pue),
        run_now_energy_cost=_cost([p.run_now_energy_cost for p in plan.placements], pue),
        currency=currency,
        late_jobs=plan.late_jobs,
        notes=(*plan.notes, *problems),
    )


def _cost(costs: Sequence[float | None], pue: float) -> float | None:
    """Of all together; None where that of one is unknown, or there are none."""
    known = [cost for cost in costs if cost is not None]
    return pue * sum(known) if known and len(known) == len(costs) else None


def place_rows(inventory: Inventory | None, open_segments: Sequence[Segment]) -> tuple[GpuRow, ...]:
    """Each GPU, and each CPU slot, with the job that holds it now."""
    if inventory is None:
        return ()
    # One that has ended stays open until all its energy is here; its places are free.
    holding = [segment for segment in open_segments if segment.state in OPEN]
    holder = {uuid: segment.id.job for segment in holding for uuid in segment.gpu_uuids}
    gpus = tuple(
        GpuRow(
            id=gpu.uuid,
            pool=Pool.GPU,
            name=gpu.name,
            memory_bytes=gpu.memory_bytes,
            power_limit_w=gpu.power_limit.watts if gpu.power_limit else None,
            power_w=gpu.power.watts if gpu.power else None,
            job=holder.get(gpu.uuid),
            other_pids=gpu.busy_with,
        )
        for gpu in inventory.gpus
    )
    on_cpu = [segment.id.job for segment in holding if not segment.gpu_uuids]
    return gpus + tuple(_slot(inventory, n, on_cpu) for n in range(inventory.cpu_slots))


def _slot(inventory: Inventory, number: int, on_cpu: Sequence[int]) -> GpuRow:
    return GpuRow(
        id=f"cpu-{number}",
        pool=Pool.CPU,
        name=inventory.cpu_model or "CPU slot",
        memory_bytes=None,
        power_limit_w=None,
        power_w=None,
        job=on_cpu[number] if number < len(on_cpu) else None,
        other_pids=(),
    )


def _strip(forecast: CarbonForecast | None, shown: Sequence[Placement], now: datetime) -> tuple[IntensitySlot, ...]:
    horizon = forecast.horizon if forecast else None
    end = max([p.end for p in shown] + ([horizon] if horizon else []), default=now)
    return intensity_slots(forecast, Interval(now, end)) if end > now else ()


def _planned(job: Job, placement: Placement, stretches: tuple[PlannedStretch, ...], pue: float) -> PlannedJob:
    return PlannedJob(
        name=job.spec.name,
        user=job.owner.name,
        state=job.state,
        pool=job.spec.pool,
        width=job.spec.width,
        finish_by=job.finish_by,
        placement=placement_view(placement, job.id, pue),
        stretches=stretches,
    )


def _unplanned(jobs: Mapping[int, Job], shown: Iterable[Placement]) -> tuple[UnplannedJob, ...]:
    placed = {placement.job for placement in shown}
    return tuple(
        UnplannedJob(
            job=number,
            name=job.spec.name,
            user=job.owner.name,
            state=job.state,
            reason=job.reason,
            words=" ".join(state_words(job, [jobs[other] for other in job.spec.after if other in jobs])),
        )
        for number, job in sorted(jobs.items())
        if number not in placed
    )


def _sum_run_now(placements: Iterable[Placement]) -> Emissions | None:
    total = Emissions(0.0)
    for placement in placements:
        if placement.run_now_emissions is None:
            return None
        total += placement.run_now_emissions
    return total
