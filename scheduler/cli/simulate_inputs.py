"""What `carbonq simulate` works with, from files: the grid, the jobs, and what is forecast when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli import times
from scheduler.cli.failures import Failure

if TYPE_CHECKING:
    from scheduler.domain.series import StepSeries
    from scheduler.simulation.world import Forecaster, World

PERFECT, BUILTIN = "perfect", "builtin"


@dataclass(frozen=True, slots=True)
class Inputs:
    """`debounce`: the least time between two plans."""

    world: World
    forecaster: Forecaster
    debounce: timedelta


def from_files(
    intensity: Path | None, jobs: Path | None, gpus: int | None, pue: float, forecast: str, history: Path | None,
    slot: str | None,
) -> Inputs:  # fmt: skip
    """Failure where one is missing; CarbonqError, with the place of the mistake, where one is wrong."""
    from scheduler.grid.file_labels import check_labels
    from scheduler.simulation.jobs_file import read_jobs
    from scheduler.simulation.world import World

    if intensity is None or jobs is None or gpus is None:
        missing = [name for name, given in _named(intensity, jobs, gpus) if given is None]
        raise Failure(f"{' and '.join(missing)} missing; give --intensity, --jobs and --gpus, or --from-history")
    check_labels(file for file in (intensity, history, _file(forecast), jobs) if file is not None)
    actual = _series(intensity)
    assert actual.span is not None
    world = World(actual, read_jobs(jobs, gpus, actual.span), gpus, pue)
    past = actual if history is None else actual.filled_from(_series(history))
    return with_forecast(world, past, forecast, slot)


def with_forecast(world: World, past: StepSeries, forecast: str, slot: str | None) -> Inputs:
    """`past` may reach beyond any moment of asking: no more of it is used than was known by then."""
    from scheduler.grid.series_file import read_issues
    from scheduler.simulation.forecasters import Combined, Perfect, issue

    step = times.length(slot, "--slot") if slot else world.step
    if forecast == PERFECT:
        return Inputs(world, Perfect(world.actual), timedelta(0) if slot is None else step)
    file = _file(forecast)
    issues = [] if file is None else [issue(i.issued_at, i.expected) for i in read_issues(file, complete=True)]
    return Inputs(world, Combined(past, issues, step), step)


def _named(intensity: Path | None, jobs: Path | None, gpus: int | None) -> list[tuple[str, object]]:
    return [("--intensity", intensity), ("--jobs", jobs), ("--gpus", gpus)]


def _file(forecast: str) -> Path | None:
    return None if forecast in (PERFECT, BUILTIN) else Path(forecast)


def _series(file: Path) -> StepSeries:
    from scheduler.grid.series_file import read_series

    return read_series(file, complete=True)
