"""What `carbonq simulate` works with, from files: the grid, the jobs, and what is forecast when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli import times
from scheduler.cli.failures import Failure
from scheduler.cli.patience import patience as read_patience

if TYPE_CHECKING:
    from scheduler.domain.series import StepSeries
    from scheduler.simulation.world import Forecaster, World

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

    def applied_to(self, world: World) -> World:
        """CarbonqError, with the place of the mistake, where the file of prices is wrong."""
        from scheduler.domain.prices import PowerPrice
        from scheduler.grid.series_file import read_prices

        if self.patience_g_per_h is not None:
            priced = tuple(replace(job, patience_g_per_h=self.patience_g_per_h) for job in world.jobs)
            world = replace(world, jobs=priced)
        if self.price_file is None:
            return world
        price = PowerPrice(read_prices(self.price_file), self.price_weight_g_per_unit or 0.0, self.currency)
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
    from scheduler.simulation.jobs_file import read_jobs, remarks
    from scheduler.simulation.world import World

    if intensity is None or jobs is None or gpus is None:
        missing = [name for name, given in _named(intensity, jobs, gpus) if given is None]
        raise Failure(f"{' and '.join(missing)} missing; give --intensity, --jobs and --gpus, or --from-history")
    prices = weighing.price_file if weighing else None
    check_labels(file for file in (intensity, history, forecast_file(forecast), jobs, prices) if file is not None)
    actual = _series(intensity)
    assert actual.span is not None
    world = World(actual, read_jobs(jobs, gpus, actual.span), gpus, pue)
    world = weighing.applied_to(world) if weighing else world
    past, notes = _past(history, world, forecast == PERFECT)
    inputs = with_forecast(world, past, forecast, slot)
    return replace(inputs, notes=(*remarks(jobs, LABELS), *notes, *inputs.notes))


def with_forecast(world: World, past: StepSeries, forecast: str, slot: str | None) -> Inputs:
    """`past` may reach beyond any moment of asking: no more of it is used than was known by then."""
    from scheduler.grid.series_file import read_issues
    from scheduler.simulation.coverage import forecast_remarks
    from scheduler.simulation.forecasters import Combined, Perfect, issue

    given = times.length(slot, "--slot") if slot else None
    step, debounce = given or world.step, given or timedelta(0)
    if forecast == PERFECT:
        return Inputs(world, Perfect(world.actual), debounce)
    file = forecast_file(forecast)
    issues = [] if file is None else [issue(i.issued_at, i.expected) for i in read_issues(file, complete=True)]
    forecaster = Combined(past, issues, step)
    return Inputs(world, forecaster, debounce, tuple(forecast_remarks(file, issues, forecaster, world)))


def _past(history: Path | None, world: World, perfect: bool) -> tuple[StepSeries, list[str]]:
    """What may be known of the grid, each moment what lies before it, and remarks on the file."""
    from scheduler.simulation.coverage import history_remarks

    if history is None:
        return world.actual, []
    before = _series(history)
    return world.actual.filled_from(before), history_remarks(history, before, world, perfect)


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


def _series(file: Path) -> StepSeries:
    from scheduler.grid.series_file import read_series

    return read_series(file, complete=True)
