"""Totals over many jobs, of one series each. A sum is over what is known, and says how many jobs it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum

from scheduler.domain.carbon import SeriesKey
from scheduler.domain.jobs import Job
from scheduler.domain.statements import EmissionsStatement, Settlement
from scheduler.domain.units import Emissions, Energy


class Grouping(StrEnum):
    DAY = "day"
    """UTC day on which the job ended, or was submitted if it has not."""
    PROJECT = "project"
    USER = "user"
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class SettledJob:
    """A job with its newest statement; None while there is none."""

    job: Job
    statement: EmissionsStatement | None


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """Sums over the jobs of one group; None where jobs ran and the figure is known of none of them."""

    key: str | None
    """None: jobs without a project."""
    jobs: int
    energy: Energy | None
    emissions: Emissions | None
    run_now_emissions: Emissions | None
    """Like the difference, over the jobs where realised and run-now emissions are both known."""
    difference: Emissions | None
    unknown_emissions: int
    unknown_difference: int
    provisional: int
    """Jobs that ran and whose statement is not final."""
    series: SeriesKey | None
    """That these emissions are by: figures of two series are never added."""


def group_totals(settled: Iterable[SettledJob], by: Grouping, default_zone: str | None) -> tuple[GroupTotals, ...]:
    """A row for each group and series, ordered by key; jobs without one come last.

    Jobs that drew nothing count as jobs only, in the group's one row, or in one of their own where it has several.
    """
    key_of = _key_of(by, default_zone)
    groups: dict[str | None, list[SettledJob]] = {}
    for each in settled:
        groups.setdefault(key_of(each.job), []).append(each)
    ordered = sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or ""))
    return tuple(
        _totals(key, series, of_series) for key, members in ordered for series, of_series in _by_series(members)
    )


def _key_of(by: Grouping, default_zone: str | None) -> Callable[[Job], str | None]:
    return {
        Grouping.DAY: lambda job: (job.ended_at or job.submitted_at).astimezone(UTC).date().isoformat(),
        Grouping.PROJECT: lambda job: job.spec.project,
        Grouping.USER: lambda job: job.owner.name,
        Grouping.ZONE: lambda job: job.spec.zone or default_zone,
    }[by]


def _by_series(members: list[SettledJob]) -> list[tuple[SeriesKey | None, list[SettledJob]]]:
    """In order of the series; those whose emissions are by none, or not known, last, unless there is but one series."""
    of: dict[SeriesKey | None, list[SettledJob]] = {}
    for each in members:
        statement = each.statement
        known = statement is not None and statement.emissions is not None
        of.setdefault(statement.key if statement is not None and known else None, []).append(each)
    named = sorted(series for series in of if series is not None)
    if len(named) == 1:
        return [(named[0], members)]
    return [(series, of[series]) for series in (*named, None) if series in of]


def _totals(key: str | None, series: SeriesKey | None, members: list[SettledJob]) -> GroupTotals:
    ran = [each for each in members if each.job.started_at is not None]
    statements = [each.statement for each in ran if each.statement is not None]
    energies = [s.energy for s in statements if s.energy is not None]
    emissions = [s.emissions for s in statements if s.emissions is not None]
    compared = [s for s in statements if s.difference is not None]
    run_now = [s.run_now_emissions for s in compared if s.run_now_emissions is not None]
    differences = [s.difference for s in compared if s.difference is not None]
    return GroupTotals(
        key=key,
        jobs=len(members),
        energy=sum(energies, Energy(0.0)) if energies or not ran else None,
        emissions=sum(emissions, Emissions(0.0)) if emissions or not ran else None,
        run_now_emissions=sum(run_now, Emissions(0.0)) if run_now or not ran else None,
        difference=sum(differences, Emissions(0.0)) if differences or not ran else None,
        unknown_emissions=len(ran) - len(emissions),
        unknown_difference=len(ran) - len(differences),
        provisional=len(ran) - sum(s.settlement is Settlement.FINAL for s in statements),
        series=series,
    )
