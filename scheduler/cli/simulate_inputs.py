"""What `carbonq simulate` works with, from files: the grid, the jobs, and what is forecast when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli import times
from scheduler.cli.failures import Failure
from scheduler.cli.patience import patience as read_patience

if TYPE_CHECKING:
    from scheduler.domain.file_text import FileText
    from scheduler.domain.series import StepSeries
    from scheduler.simulation.world import Forecaster, World

    Read = Callable[[Path], Path | FileText]

PERFECT, BUILTIN = "perfect", "builtin"
MOST_G_PER_UNIT = 1e9


@dataclass(frozen=True, slots=True)
class Inputs:
    """`debounce`: the least time between two plans; `notes`: what of the files is not used, or missing."""

    world: World
    forecaster: Forecaster
    debounce: timedelta
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighing:
    """What counts beside emissions, as the command line says it; `patience_g_per_h` goes before that of any job."""

    patience_g_per_h: float | None = None
    price_file: Path | None = None
    price_weight_g_per_unit: float | None = None
    currency: str = ""

    def applied_to(self, world: World, read: Read = lambda file: file) -> World:
        """CarbonqError, with the place of the mistake, where the file of prices is wrong."""
        from scheduler.domain.prices import PowerPrice
        from scheduler.grid.series_file import read_prices

        if self.patience_g_per_h is not None:
            priced = tuple(replace(job, patience_g_per_h=self.patience_g_per_h) for job in world.jobs)
            world = replace(world, jobs=priced)
        if self.price_file is None:
            return world
        price = PowerPrice(read_prices(read(self.price_file)), self.price_weight_g_per_unit or 0.0, self.currency)
        return replace(world, price=price)


def weighing(patience: str | None, price_file: Path | None, price_weight: float | None, currency: str) -> Weighing:
    """Failure where one makes no sense, or is missing beside another."""
    if price_file is None and (price_weight is not None or currency):
        given = "--price-weight" if price_weight is not None else "--currency"
        raise Failure(f"{given} says nothing without prices; give --price-file too")
    if price_weight is not None and not 0 <= price_weight <= MOST_G_PER_UNIT:
        raise Failure(
            f"--price-weight: {price_weight} is not a weight; write the grams that one unit of money is worth, "
            f"0 to {MOST_G_PER_UNIT:,.0f}"
        )
    return Weighing(read_patience(patience), price_file, price_weight, currency)


def from_files(
    intensity: Path | None, jobs: Path | None, gpus: int | None, pue: float, forecast: str, history: Path | None,
    slot: str | None, weighing: Weighing | None = None,
) -> Inputs:  # fmt: skip
    """Failure where one is missing; CarbonqError, with the place of the mistake, where one is wrong."""
    from scheduler.grid.file_labels import LABELS, check_labels
    from scheduler.grid.series_file import read_series, read_text
    from scheduler.simulation.jobs_file import read_jobs, remarks
    from scheduler.simulation.world import World

    if intensity is None or jobs is None or gpus is None:
        missing = [name for name, given in _named(intensity, jobs, gpus) if given is None]
        raise Failure(f"{' and '.join(missing)} missing; give --intensity, --jobs and --gpus, or --from-history")
    prices = weighing.price_file if weighing else None
    # A pipe, like that of <(...), says all that it says only once.
    read = cache(read_text)
    files = (intensity, history, forecast_file(forecast), jobs, prices)
    check_labels([read(file) for file in files if file is not None])
    actual = read_series(read(intensity), complete=True)
    assert actual.span is not None
    world = World(actual, read_jobs(read(jobs), gpus, actual.span), gpus, pue)
    world = weighing.applied_to(world, read) if weighing else world
    past, notes = (actual, []) if history is None else _past(read(history), world, forecast == PERFECT)
    inputs = with_forecast(world, past, forecast, slot, read)
    return replace(inputs, notes=(*remarks(read(jobs), LABELS), *notes, *inputs.notes))


def with_forecast(
    world: World, past: StepSeries, forecast: str, slot: str | None, read: Read = lambda file: file
) -> Inputs:
    """`past` may reach beyond any moment of asking: no more of it is used than was known by then."""
    from scheduler.grid.series_file import read_issues
    from scheduler.simulation.coverage import forecast_remarks
    from scheduler.simulation.forecasters import Combined, Perfect, issue

    given = times.length(slot, "--slot") if slot else None
    step, debounce = given or world.step, given or timedelta(0)
    if forecast == PERFECT:
        return Inputs(world, Perfect(world.actual), debounce)
    file = forecast_file(forecast)
    issues = [] if file is None else [issue(i.issued_at, i.expected) for i in read_issues(read(file), complete=True)]
    forecaster = Combined(past, issues, step)
    return Inputs(world, forecaster, debounce, tuple(forecast_remarks(file, issues, forecaster, world)))


def _past(history: FileText, world: World, perfect: bool) -> tuple[StepSeries, list[str]]:
    """What may be known of the grid, each moment what lies before it, and remarks on the file."""
    from scheduler.grid.series_file import read_series
    from scheduler.simulation.coverage import history_remarks

    before = read_series(history, complete=True)
    return world.actual.filled_from(before), history_remarks(history.file, before, world, perfect)


def _named(intensity: Path | None, jobs: Path | None, gpus: int | None) -> list[tuple[str, object]]:
    return [("--intensity", intensity), ("--jobs", jobs), ("--gpus", gpus)]


def forecast_file(forecast: str) -> Path | None:
    """Failure where it is no file either."""
    if forecast in (PERFECT, BUILTIN):
        return None
    if not forecast or not _exists(Path(forecast)):
        raise Failure(f"--forecast: there is no file '{forecast}'; write {PERFECT}, {BUILTIN} or a CSV file's name")
    return Path(forecast)


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        return False
