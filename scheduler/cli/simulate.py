"""`carbonq simulate`: what policies would have emitted, on a grid and with jobs from files, or from our own history."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli import options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import notice, say, say_json
from scheduler.cli.output_files import check_outputs
from scheduler.cli.simulate_files import encoder, write_plot, write_schedule
from scheduler.cli.simulate_history import added_fields, footnotes, own_jobs
from scheduler.cli.simulate_inputs import (
    PERFECT,
    Inputs,
    Weighing,
    forecast_file,
    from_files,
    weighing,
    with_forecast,
)
from scheduler.cli.simulate_options import MOST_PUE, check_sources
from scheduler.cli.simulate_table import comparison

if TYPE_CHECKING:
    from scheduler.simulation.replay import Replay
    from scheduler.simulation.run import Simulation

app = options.command_app()

LAST_MONTH = "30d"


@app.command()
def simulate(
    intensity: Annotated[
        Path | None, typer.Option(help="CSV: start,carbon_intensity_g_per_kwh (UTC).", show_default=False)
    ] = None,
    jobs: Annotated[
        Path | None, typer.Option(help="CSV: job,submitted_at,duration_s,gpus,power_w,deadline,interruptible"
                                       "[,switch_cost_s][,expected_duration_s].", show_default=False)
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=1, help="GPUs of the machine; with --from-history those it has.",
                                 show_default=False)
    ] = None,
    from_history: Annotated[
        bool, typer.Option("--from-history", help="In place of files: the jobs that ran here, and the grid's record.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(help=f"With --from-history: jobs that ended from then on; else {LAST_MONTH} (ago).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="With --from-history: until then; else until now.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="Once for each policy to compare.")] = None,
    forecast: Annotated[
        str, typer.Option(help="perfect, builtin, or a CSV: issued_at,start,carbon_intensity_g_per_kwh.")
    ] = PERFECT,
    history: Annotated[Path | None, typer.Option(help="CSV like --intensity: what went before it.")] = None,
    slot: Annotated[
        str | None, typer.Option(help="How often plans are made anew, e.g. 15m; else the series' own step.")
    ] = None,
    pue: Annotated[
        float | None,
        typer.Option(min=1.0, max=MOST_PUE, help="Facility overhead, applied to every figure; else 1, or as recorded.")
    ] = None,
    patience: Annotated[
        str | None,
        typer.Option(help="What an hour less of waiting is worth, of every job: 50g/h; else as the jobs say.")
    ] = None,
    price_file: Annotated[Path | None, typer.Option(help="CSV: start,price_per_kwh. What power costs.")] = None,
    price_weight: Annotated[
        float | None, typer.Option(help="Grams worth emitting to save one unit of money; else costs are only told.",
                                   show_default=False)
    ] = None,
    currency: Annotated[str, typer.Option(help="What costs are counted in, for printing.", show_default=False)] = "",
    deadline_confidence: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Share of deadlines to be met where estimates are wrong.")
    ] = 0.9,
    offline: Annotated[bool, typer.Option("--offline", help="All jobs are known from the beginning.")] = False,
    time_limit: Annotated[
        str | None,
        typer.Option(help="With --offline: search on so long, e.g. 1m, while the plan is not at its bound.",
                     show_default=False)
    ] = None,
    schedule: Annotated[Path | None, typer.Option(help="Write job,start,end,gpus rows here (one policy).")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw intensity and each policy's work: FILE.svg, or .png with resvg-py.")
    ] = None,
    as_json: options.Json = False,
) -> None:  # fmt: skip
    """Simulate policies on recorded intensity: the same planner, a virtual clock."""
    from scheduler.domain.errors import CarbonqError
    from scheduler.planning import DEFAULT_POLICY

    names = list(dict.fromkeys(policy or [DEFAULT_POLICY]))
    if schedule is not None and len(names) > 1:
        raise Failure("--schedule holds the schedule of one policy; give --policy once")
    if time_limit is not None and not offline:
        raise Failure("--time-limit is for the one plan of --offline; where jobs arrive over time plans take no longer")
    limit = times.length(time_limit, "--time-limit") if time_limit is not None else None
    options.check_numbers({"--pue": pue, "--deadline-confidence": deadline_confidence})
    files = {"--intensity": intensity, "--jobs": jobs, "--history": history}
    check_sources(from_history, files, {"--since": since, "--until": until})
    read = {**files, "--forecast": forecast_file(forecast), "--price-file": price_file}
    check_outputs({"--schedule": schedule, "--plot": plot}, read)
    weighed = weighing(patience, price_file, price_weight, currency)
    encode = encoder(plot) if plot is not None else None
    made: Replay | None = None
    try:
        if from_history:
            made, inputs = _from_history(since, until, gpus, pue, forecast, slot, weighed)
        else:
            inputs = from_files(intensity, jobs, gpus, pue or 1.0, forecast, history, slot, weighed)
        for note in inputs.notes:
            notice(note)
        done = _simulated(inputs, names, offline, limit, deadline_confidence)
    except CarbonqError as error:
        raise Failure(str(error)) from None
    if schedule is not None:
        write_schedule(schedule, done[0][0])
    if plot is not None and encode is not None:
        from scheduler.simulation.picture import picture

        write_plot(plot, encode(picture(inputs.world, done)))
    prices = inputs.world.prices
    _say([row for _, row in done], prices.notes if prices is not None else (), made, as_json)


def _from_history(
    since: str | None,
    until: str | None,
    gpus: int | None,
    pue: float | None,
    forecast: str,
    slot: str | None,
    weighed: Weighing,
) -> tuple[Replay, Inputs]:
    now = times.now()
    first = times.since(since or LAST_MONTH, "--since", now)
    last = times.since(until, "--until", now) if until else now
    if last <= first:
        raise Failure(f"--until {until or 'now'} is not after --since {since or LAST_MONTH}")
    made, record = own_jobs(DaemonClient(), first, last, now, gpus, pue, with_past=forecast != PERFECT)
    return made, with_forecast(weighed.applied_to(made.world), record, forecast, slot)


def _simulated(
    inputs: Inputs, names: Sequence[str], offline: bool, limit: timedelta | None, confidence: float
) -> list[tuple[Simulation, Mapping[str, Any]]]:
    from scheduler.planning.settings import OFFLINE, PLAIN, RESERVED
    from scheduler.simulation.report import figures, lower_bound_g, run_now_emissions_g, run_now_energy_cost
    from scheduler.simulation.run import simulate as run

    world, settings = inputs.world, replace(OFFLINE, time_limit=_started(limit)) if offline else RESERVED
    run_now_g, run_now_cost = run_now_emissions_g(world), run_now_energy_cost(world)
    done = [run(world, name, inputs.forecaster, settings, inputs.debounce, offline, confidence) for name in names]
    bound_g = next((each.bound_g for each in done if each.bound_g is not None), None)
    if bound_g is None:
        bound_g = lower_bound_g(world, settings if offline else PLAIN)
    return [(simulation, figures(simulation, world, run_now_g, bound_g, run_now_cost)) for simulation in done]


def _started(limit: timedelta | None) -> Callable[[], Callable[[], bool]] | None:
    """For each plan the whole limit."""
    if limit is None:
        return None

    def started() -> Callable[[], bool]:
        until = time.monotonic() + limit.total_seconds()
        return lambda: time.monotonic() < until

    return started


def _say(rows: Sequence[Mapping[str, Any]], notes: tuple[str, ...], made: Replay | None, as_json: bool) -> None:
    if as_json:
        say_json([{**row, **added_fields(made)} for row in rows] if made else rows)
    else:
        said = (f"{note[0].upper()}{note[1:]}." for note in notes)
        say("\n".join([comparison(rows), *said, *(footnotes(made) if made else ())]))
