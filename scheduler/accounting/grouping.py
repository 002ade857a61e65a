"""Totals over many jobs. A sum is over what is known, and says how many jobs it leaves out."""

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
    """Sums over the jobs of one group."""

    key: str | None
    """None: jobs without a project."""
    jobs: int
    energy: Energy
    emissions: Emissions
    run_now_emissions: Emissions
    difference: Emissions
    """Over the jobs where realised and run-now emissions are both known."""
    unknown_emissions: int
    unknown_difference: int
    provisional: int
    """Jobs that ran and whose statement is not final."""
    series: tuple[SeriesKey, ...]
    """That these emissions are by, in order."""


def group_totals(settled: Iterable[SettledJob], by: Grouping, default_zone: str | None) -> tuple[GroupTotals, ...]:
    """One row a group, ordered by key; jobs without one come last. Jobs that drew nothing count as jobs only."""
    key_of = _key_of(by, default_zone)
    groups: dict[str | None, list[SettledJob]] = {}
    for each in settled:
        groups.setdefault(key_of(each.job), []).append(each)
    ordered = sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or ""))
    return tuple(_totals(key, members) for key, members in ordered)


def _key_of(by: Grouping, default_zone: str | None) -> Callable[[Job], str | None]:
    return {
        Grouping.DAY: lambda job: (job.ended_at or job.submitted_at).astimezone(UTC).date().isoformat(),
        Grouping.PROJECT: lambda job: job.spec.project,
        Grouping.USER: lambda job: job.owner.name,
        Grouping.ZONE: lambda job: job.spec.zone or default_zone,
    }[by]


def _totals(key: str | None, members: list[SettledJob]) -> GroupTotals:
    ran = [each for each in members if each.job.started_at is not None]
    statements = [each.statement for each in ran if each.statement is not None]
    emissions = [s.emissions for s in statements if s.emissions is not None]
    run_now = [s.run_now_emissions for s in statements if s.run_now_emissions is not None]
    differences = [s.difference for s in statements if s.difference is not None]
    return GroupTotals(
        key=key,
        jobs=len(members),
        energy=sum((s.energy for s in statements if s.energy is not None), Energy(0.0)),
        emissions=sum(emissions, Emissions(0.0)),
        run_now_emissions=sum(run_now, Emissions(0.0)),
        difference=sum(differences, Emissions(0.0)),
        unknown_emissions=len(ran) - len(emissions),
        unknown_difference=len(ran) - len(differences),
        provisional=len(ran) - sum(s.settlement is Settlement.FINAL for s in statements),
        series=tuple(sorted({s.key for s in statements if s.emissions is not None and s.key is not None})),
    )
