"""Which GPU, or CPU slot, each stretch of a plan stands on: the planner counts places, people and programs see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job
from scheduler.domain.plans import Placement
from scheduler.service_views.plan import PlannedStretch
from scheduler.service_views.site import GpuRow


def planned_stretches(
    placements: Iterable[Placement], jobs: Mapping[int, Job], places: Sequence[GpuRow]
) -> dict[int, tuple[PlannedStretch, ...]]:
    """By job: every stretch on as many free places as the job is wide; a job keeps those it holds now.

    Fewer where that many are not free: a job that runs on past its planned end, a GPU that is gone.
    """
    free_from: list[datetime | None] = [None] * len(places)
    found: dict[int, list[PlannedStretch]] = {}
    for interval, number in sorted(_stretches(placements), key=lambda stretch: (stretch[0].start, stretch[1])):
        spec = jobs[number].spec
        free = _free_rows(places, free_from, interval.start, spec.pool)
        free.sort(key=lambda i: (places[i].job != number, places[i].job is not None, i))
        rows = sorted(free[: spec.width])
        for row in rows:
            free_from[row] = interval.end
        ids = tuple(places[row].id for row in rows)
        found.setdefault(number, []).append(PlannedStretch(interval.start, interval.end, ids))
    return {number: tuple(stretches) for number, stretches in found.items()}


def _stretches(placements: Iterable[Placement]) -> Iterator[tuple[Interval, int]]:
    for placement in placements:
        for interval in placement.intervals:
            yield interval, placement.job


def _free_rows(
    places: Sequence[GpuRow], free_from: Sequence[datetime | None], start: datetime, pool: Pool
) -> list[int]:
    rows = [i for i, place in enumerate(places) if place.pool is pool]
    return [i for i in rows if (busy_until := free_from[i]) is None or busy_until <= start]
