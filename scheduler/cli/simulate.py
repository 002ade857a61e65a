"""`carbonq simulate`: what policies would have emitted, on a grid and with jobs from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli import options, times
from scheduler.cli.failures import Failure
from scheduler.cli.output import say, say_json
from scheduler.cli.simulate_files import encoder, write_plot, write_schedule
from scheduler.cli.table import Column, table

if TYPE_CHECKING:
    from scheduler.domain.series import StepSeries
    from scheduler.simulation.run import Simulation
    from scheduler.simulation.world import Forecaster, World

app = options.command_app()

COLUMNS = (
    Column("POLICY"),
    Column("EMITTED", right=True),
    Column("SAVED", right=True),
    Column("OF ATTAINABLE", right=True),
    Column("LATE", right=True),
    Column("SWITCHES", right=True, rank=1),
    Column("MEAN WAIT", right=True, rank=2),
    Column("PLAN P50", right=True, rank=3),
)


@app.command()
def simulate(
    intensity: Annotated[Path, typer.Option(help="CSV: start,carbon_intensity_g_per_kwh (UTC).")],
    jobs: Annotated[
        Path, typer.Option(help="CSV: job,submitted_at,duration_s,gpus,power_w,deadline,interruptible[,switch_cost_s]"
                                "[,expected_duration_s].")
    ],
    gpus: Annotated[int, typer.Option(min=1, help="GPUs of the machine.")],
    policy: Annotated[list[str] | None, typer.Option(help="Once for each policy to compare.")] = None,
    forecast: Annotated[
        str, typer.Option(help="perfect, builtin, or a CSV: issued_at,start,carbon_intensity_g_per_kwh.")
    ] = "perfect",
    history: Annotated[Path | None, typer.Option(help="CSV like --intensity: what went before it.")] = None,
    slot: Annotated[
        str | None, typer.Option(help="How often plans are made anew, e.g. 15m; else the series' own step.")
    ] = None,
    pue: Annotated[float, typer.Option(min=1.0, help="Facility overhead, applied to every figure.")] = 1.0,
    offline: Annotated[bool, typer.Option("--offline", help="All jobs are known from the beginning.")] = False,
    schedule: Annotated[Path | None, typer.Option(help="Write job,start,end,gpus rows here (one policy).")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw intensity and each policy's work: FILE.svg, or .png with resvg-py.")
    ] = None,
    as_json: options.Json = False,
) -> None:  # fmt: skip
    """Simulate policies on recorded intensity: the same planner, a virtual clock."""
    from scheduler.domain.errors import CarbonqError
    from scheduler.planning import DEFAULT_POLICY

    names = policy or [DEFAULT_POLICY]
    if schedule is not None and len(names) > 1:
        raise Failure("--schedule holds the schedule of one policy; give --policy once")
    encode = encoder(plot) if plot is not None else None
    try:
        world = _world(intensity, jobs, gpus, pue)
        forecaster, step = _forecaster(world, forecast, history, slot)
        done = _simulated(world, names, forecaster, step, offline)
    except CarbonqError as error:
        raise Failure(str(error)) from None
    if schedule is not None:
        write_schedule(schedule, done[0][0])
    if plot is not None and encode is not None:
        from scheduler.simulation.picture import picture

        write_plot(plot, encode(picture(world, done)))
    _print([row for _, row in done], as_json)


def _simulated(
    world: World, names: Sequence[str], forecaster: Forecaster, step: timedelta, offline: bool
) -> list[tuple[Simulation, Mapping[str, Any]]]:
    from scheduler.planning.settings import PLAIN, RESERVED
    from scheduler.simulation.report import figures, lower_bound_g, run_now_emissions_g
    from scheduler.simulation.run import simulate as run

    run_now_g, bound_g = run_now_emissions_g(world), lower_bound_g(world)
    done = [run(world, name, forecaster, PLAIN if offline else RESERVED, step, offline) for name in names]
    return [(simulation, figures(simulation, world, run_now_g, bound_g)) for simulation in done]


def _world(intensity: Path, jobs: Path, gpus: int, pue: float) -> World:
    from scheduler.simulation.jobs_file import read_jobs
    from scheduler.simulation.world import World

    return World(_series(intensity), read_jobs(jobs, gpus), gpus, pue).checked()


def _forecaster(world: World, forecast: str, history: Path | None, slot: str | None) -> tuple[Forecaster, timedelta]:
    """What is forecast when, and how often plans are made anew."""
    from scheduler.grid.series_file import read_issues
    from scheduler.simulation.forecasters import Combined, Perfect, issue

    step = times.length(slot, "--slot") if slot else world.step
    if forecast == "perfect":
        return Perfect(world.actual), timedelta(0) if slot is None else step
    past = world.actual if history is None else world.actual.filled_from(_series(history))
    issues = [] if forecast == "builtin" else [issue(i.issued_at, i.expected) for i in read_issues(Path(forecast))]
    return Combined(past, issues, step), step


def _series(file: Path) -> StepSeries:
    from scheduler.grid.series_file import read_series
    from scheduler.simulation.world import without_gaps

    return without_gaps(read_series(file), str(file))


def _print(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        say_json(rows)
    else:
        say(table(COLUMNS, [_cells(row) for row in rows]))
        say(_footnote(rows[0]))


def _cells(row: Mapping[str, Any]) -> list[str]:
    share = row["share_of_attainable"]
    return [
        row["policy"],
        f"{row['emissions_g'] / 1000:,.1f} kgCO2eq",
        f"{row['saved_pct']:.1f} %",
        "unknown" if share is None else f"{share:.0%}",
        str(row["deadline_misses"]),
        str(row["switches"]),
        f"{row['mean_wait_s'] / 3600:.1f} h",
        f"{row['plan_ms_p50']:.1f} ms",
    ]


def _footnote(row: Mapping[str, Any]) -> str:
    against = f"First come, first served: {row['run_now_emissions_g'] / 1000:,.1f} kgCO2eq."
    bound = row["lower_bound_g"]
    if bound is None:
        return against
    return (
        f"{against} Had all been known from the beginning, no plan could have emitted less than {bound / 1000:,.1f} kg."
    )
