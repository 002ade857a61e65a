"""Totals that say what they leave out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from fakes.clock import NOON
from fakes.metering import KEY
from fakes.queue import a_job, a_spec

from scheduler.accounting.grouping import Grouping, SettledJob, group_totals
from scheduler.domain.carbon import SignalKind
from scheduler.domain.lifecycle import JobState
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions, Energy


def a_settled(
    job_id: int,
    emissions: float | None,
    run_now: float | None,
    settlement: Settlement = Settlement.FINAL,
    **fields: Any,
) -> SettledJob:
    """A job of 1 MJ."""
    job = a_job(job_id, JobState.COMPLETED, **{"started_at": NOON, "ended_at": NOON, **fields})
    statement = EmissionsStatement(
        job=job_id,
        settlement=settlement,
        method=StatementMethod.MEASURED,
        energy=Energy(1e6),
        pue=1.0,
        coverage=1.0,
        emissions=None if emissions is None else Emissions(emissions),
        run_now_emissions=None if run_now is None else Emissions(run_now),
        at_submission_emissions=None,
        key=KEY,
        computed_at=NOON,
    )
    return SettledJob(job, statement)


def test_losses_are_added_like_savings() -> None:
    """50 g saved and 20 g lost are 30 g."""
    (totals,) = group_totals([a_settled(1, 100, 150), a_settled(2, 120, 100)], Grouping.USER, "GB")
    assert (totals.key, totals.jobs, totals.energy) == ("anna", 2, Energy(2e6))
    assert (totals.emissions, totals.difference) == (Emissions(220), Emissions(30))


def test_what_is_unknown_is_counted_and_not_added() -> None:
    """One job without intensity, one without a counterfactual: neither is zero."""
    jobs = [a_settled(1, None, 10, Settlement.PROVISIONAL), a_settled(2, 100, None), a_settled(3, 100, 130)]
    (totals,) = group_totals(jobs, Grouping.ZONE, "GB")
    assert (totals.emissions, totals.difference) == (Emissions(200), Emissions(30))
    assert (totals.unknown_emissions, totals.unknown_difference, totals.provisional) == (1, 2, 1)
    assert totals.run_now_emissions == Emissions(130), "of the jobs that are compared"


def test_a_job_that_never_ran_is_a_job_and_nothing_unknown() -> None:
    """It emitted nothing, and that is known."""
    never = SettledJob(a_job(1, JobState.CANCELLED, ended_at=NOON), None)
    (totals,) = group_totals([never], Grouping.USER, "GB")
    assert (totals.jobs, totals.unknown_emissions, totals.provisional) == (1, 0, 0)
    assert (totals.energy, totals.emissions, totals.difference) == (Energy(0), Emissions(0), Emissions(0))


def test_a_job_that_ran_and_has_no_statement_yet_is_unknown() -> None:
    """It will be settled; until then it is missing from the sums."""
    (totals,) = group_totals([SettledJob(a_job(1, JobState.COMPLETED, started_at=NOON), None)], Grouping.USER, "GB")
    assert (totals.unknown_emissions, totals.unknown_difference, totals.provisional) == (1, 1, 1)
    assert (totals.energy, totals.emissions, totals.run_now_emissions, totals.difference) == (None,) * 4


def test_what_is_known_of_no_job_is_unknown_and_not_zero() -> None:
    """On a yearly factor emissions are known and comparisons are not."""
    (totals,) = group_totals([a_settled(1, 100, None), a_settled(2, 20, None)], Grouping.USER, "GB")
    assert (totals.emissions, totals.run_now_emissions, totals.difference) == (Emissions(120), None, None)


def test_figures_by_two_series_are_never_added() -> None:
    """Average and marginal grams of one project are two rows, and a job that never ran a third."""
    marginal = replace(KEY, kind=SignalKind.MARGINAL)
    never = SettledJob(a_job(3, JobState.CANCELLED, ended_at=NOON), None)
    jobs = [a_settled(1, 100, 150), a_settled(2, 20, 30), never]
    by_marginal = replace(jobs[1], statement=replace(jobs[1].statement, key=marginal))
    totals = group_totals([jobs[0], by_marginal, never], Grouping.USER, "GB")
    assert [(each.series, each.jobs, each.emissions) for each in totals] == [
        (KEY, 1, Emissions(100)), (marginal, 1, Emissions(20)), (None, 1, Emissions(0)),
    ]  # fmt: skip
    (alone,) = group_totals([jobs[0], never], Grouping.USER, "GB")
    assert (alone.series, alone.jobs) == (KEY, 2)


def test_groups_are_ordered_and_jobs_without_a_key_come_last() -> None:
    """Projects b, a and none."""
    specs = [a_spec(project="b"), a_spec(), a_spec(project="a")]
    jobs = [a_settled(n, 1, 1, spec=spec) for n, spec in enumerate(specs)]
    assert [totals.key for totals in group_totals(jobs, Grouping.PROJECT, "GB")] == ["a", "b", None]


def test_days_are_those_of_the_end_in_utc() -> None:
    """A job that ends at midnight belongs to the new day."""
    jobs = [a_settled(1, 1, 1), a_settled(2, 1, 1, ended_at=NOON + timedelta(hours=12))]
    assert [totals.key for totals in group_totals(jobs, Grouping.DAY, None)] == ["2026-11-23", "2026-11-24"]
