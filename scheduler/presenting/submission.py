"""What is planned for a job, in figures and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import SeriesKey
from scheduler.domain.jobs import Basis, Job
from scheduler.domain.lifecycle import WAITING
from scheduler.domain.printing import print_percent, print_power
from scheduler.presenting.chain import Answer
from scheduler.presenting.confidence import print_odds, print_share, running_time_words, seldom_so_long
from scheduler.presenting.jobs import JobCase, job_row, placement_view
from scheduler.presenting.state_words import kept_waiting_words, state_words
from scheduler.service_views.jobs import ConfidenceView, PlacementView, row_fields
from scheduler.service_views.submission import Explanation, Figure, Submission


def submission(
    case: JobCase,
    sentences: tuple[str, ...],
    forecast_age: timedelta | None,
    before: Sequence[Job] = (),
    *,
    dry_run: bool,
    repeated: bool = False,
) -> Submission:
    """`sentences` are the plan's; a job in no plan is told what keeps it out. What was assumed is added to them."""
    job = case.job
    row = job_row(case)
    if not sentences:
        sentences = state_words(job, before) if repeated else kept_waiting_words(job, before, dry_run)
    return Submission(
        **row_fields(replace(row, id=None) if dry_run else row),
        dry_run=dry_run,
        repeated=repeated,
        expected_duration_s=job.expected_duration.total_seconds(),
        duration_basis=job.duration_basis,
        expected_power_w=job.expected_power.watts,
        power_basis=job.power_basis,
        placement=placement_view(case.placement, None if dry_run else job.id, case.pue) if case.placement else None,
        certainty=case.certainty,
        words=sentences if job.ended else sentences + _assumptions(job, case.certainty),
        forecast_age_s=forecast_age.total_seconds() if forecast_age is not None else None,
    )


def explanation(
    case: JobCase,
    sentences: tuple[str, ...],
    answered: Answer | None,
    key: SeriesKey,
    now: datetime,
    before: Sequence[Job] = (),
) -> Explanation:
    """`sentences` are the plan's; a job without any gets those of its state. `answered`: to the plan, about `key`.

    `before`: the jobs that it comes after.
    """
    job, planned_with = case.job, None if case.job.ended else answered
    shown = placement_view(case.placement, job.id, case.pue) if case.placement else None
    return Explanation(
        job=job.id,
        state=job.state,
        reason=job.reason,
        sentences=sentences or state_words(job, before),
        figures=() if job.ended else _figures(case, shown, now),
        placement=shown,
        certainty=None if job.ended else case.certainty,
        zone=job.spec.zone or case.zone,
        kind=key.kind if planned_with else None,
        accounting=key.accounting if planned_with else None,
        basis=key.basis if planned_with else None,
        pue=case.pue,
        forecast_by=planned_with.words if planned_with else None,
        because=planned_with.because if planned_with else (),
        latest_start=job.finish_by - job.remaining if job.state in WAITING else None,
    )


def _assumptions(job: Job, certainty: ConfidenceView | None) -> tuple[str, ...]:
    """What the user left open, where the figure used instead comes from, and how sure the running time is."""
    words = list(running_time_words(job, certainty))
    if job.power_basis is not Basis.USER:
        words.append(f"Power {print_power(job.expected_power.watts)}: {_source(job.power_basis, '--power')}.")
    return tuple(words)


def _sureness(job: Job, certainty: ConfidenceView) -> tuple[Figure, ...]:
    asked = f"with {print_share(certainty.confidence)} confidence"
    if seldom_so_long(job, certainty):  # Then the expected length says more than what is sure by others.
        asked = f"of {print_odds(certainty.confidence)} such jobs, at most"
    longest = Figure(f"running time {asked}", certainty.running_time_s, "s")
    if certainty.in_time is None:
        return (longest,)
    return (longest, Figure("chance of meeting the deadline", float(print_percent(certainty.in_time)), "%"))


def _source(basis: Basis, flag: str) -> str:
    return "the median of like jobs before it" if basis is Basis.HISTORY else f"assumed; {flag} says it better"


def _figures(case: JobCase, placement: PlacementView | None, now: datetime) -> tuple[Figure, ...]:
    job, left = case.job, case.job.remaining if case.left is None else case.left
    figures = [
        Figure("expected running time left", left.total_seconds(), "s"),
        Figure("expected power", job.expected_power.watts, "W"),
        Figure("slack", (job.finish_by - now - left).total_seconds(), "s"),
    ]
    if placement is not None:
        rest = ", the rest" if placement.reason == "running" or job.work_done else ""
        figures += [
            Figure(f"emissions as planned{rest}", placement.emissions_g, "gCO2eq"),
            Figure(f"emissions if run now{rest}", placement.run_now_emissions_g, "gCO2eq"),
            Figure("difference", placement.difference_g, "gCO2eq"),
        ]
    return (*figures, *(_sureness(job, case.certainty) if case.certainty else ()))
