"""`carbonq grid`: how clean the power is, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from scheduler.cli import (
    chart,
    figures,
    grid_forecast,
    grid_history,
    grid_local,
    grid_setup,
    grid_skill,
    options,
    times,
)
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import notice, say, say_json
from scheduler.cli.table import Column, table

app = options.command_app("How clean the power is, and who says so.")
MOST_HOURS = 100_000.0
"""No forecast reaches so far."""

app.command("history")(grid_history.history)
app.command("setup")(grid_setup.setup)
app.command("serve-recorded")(grid_local.serve_recorded)
app.command("skill")(grid_skill.skill)


@app.command()
def now(as_json: options.Json = False) -> None:
    """Carbon intensity just now, its source and its age."""
    answer = DaemonClient().get("/v1/grid/now")
    if as_json:
        say_json(answer)
    else:
        say("\n".join(now_lines(answer, times.now())))


@app.command()
def forecast(
    hours: Annotated[
        float | None, typer.Option("--hours", min=0.1, max=MOST_HOURS, help="Only this far ahead.")
    ] = None,
    series: grid_forecast.SeriesFile = None,
    first: grid_forecast.First = None,
    last: grid_forecast.Last = None,
    every: grid_forecast.IssueEvery = "5h",
    horizon: grid_forecast.Horizon = "96h",
    file: grid_forecast.CsvFile = None,
    as_json: options.Json = False,
) -> None:
    """The newest forecast as a small chart; with --series, the built-in forecaster's issues on a file."""
    if series is not None:
        grid_forecast.write_issues(series, first, last, every, horizon, file, as_json)
        return
    options.check_numbers({"--hours": hours})
    answer = DaemonClient().get("/v1/grid/forecast")
    moment = times.now()
    if hours is not None:
        limit = moment + timedelta(hours=hours)
        answer["slots"] = [slot for slot in answer["slots"] if times.parse_stamp(slot["start"]) < limit]
    if as_json:
        say_json(answer)
    else:
        say("\n".join(forecast_lines(answer, moment)))


@app.command()
def providers(
    zone: Annotated[str | None, typer.Option("--zone", help="For this zone, without asking the daemon.")] = None,
    as_json: options.Json = False,
) -> None:
    """Who can be asked for carbon intensity, for which zones and under what terms."""
    answer = DaemonClient().get("/v1/grid/providers") if zone is None else _for_zone(zone)
    if as_json:
        say_json(answer)
        return
    say(table(PROVIDER_COLUMNS, [_provider_cells(row) for row in answer]))
    # The first note is what the table of `grid setup` shows; what follows was learnt by asking.
    notes = [note for row in answer if row["in_use"] for note in row["notes"][1:]]
    if notes:
        say("\n".join(["", *notes]))
    for row in answer:
        if row["last_error"] and not any(row["last_error"] in note for note in notes):
            notice(f"{row['source']}: {row['last_error']}")


def _for_zone(zone: str) -> list[dict[str, Any]]:
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.provider_views import views_for_zone

    try:
        return [asdict(view) for view in views_for_zone(zone)]
    except CarbonDataError as error:
        raise Failure(str(error)) from None


PROVIDER_COLUMNS = (
    Column("PROVIDER"),
    Column("IN USE"),
    Column("STATE", rank=1),
    Column("KEY"),
    Column("FORECAST"),
    Column("ZONES", cut=True),
    Column("LICENCE", cut=True, rank=2),
)


def now_lines(grid: dict[str, Any], now: datetime) -> Iterator[str]:
    value = figures.intensity(grid["g_per_kwh"])
    kind = f"{grid['kind']}, {grid['accounting']}, {grid['basis']}"
    if grid["g_per_kwh"] is None:
        yield f"{grid['zone']}: intensity not known"
    else:
        yield f"{grid['zone']}: {value} ({grid['status']}), {times.span(grid['start'], grid['end'], now)}"
    yield f"  {grid['source']}, {kind}; {_ahead(grid, now)}"
    yield f"  planned with: {grid['forecast_by']}"
    if grid["last_error"]:
        yield f"  last error: {grid['last_error']}"
    yield from (f"  {note}" for note in grid["notes"])
    licence = "" if grid["licence"] in grid["attribution"] else f" ({grid['licence']})"
    yield f"  {grid['attribution']}{licence}"


def _ahead(grid: dict[str, Any], now: datetime) -> str:
    """How fresh what is planned with is; of a forecast of our own, how far what it looks back on reaches."""
    if grid["link"] == "built-in":
        return f"{grid['freshness']}, history until {times.shown(grid['observed_until'], now)}"
    age_s = grid["forecast_age_s"]
    return "no forecast" if age_s is None else f"{grid['freshness']}, forecast {figures.duration(age_s)} old"


def forecast_lines(answer: dict[str, Any], now: datetime) -> Iterator[str]:
    """The chart from now on, what it shows, and where it comes from."""
    slots = [slot for slot in answer["slots"] if times.parse_stamp(slot["end"]) > now]
    if not slots:
        yield f"{answer['source']} has no forecast for {answer['zone']} that reaches beyond now."
        yield from answer["because"]
        return
    yield chart.intensity_chart(slots, begin=now)
    least = chart.lowest(slots)
    if least is not None:
        when = times.span(least["start"], least["end"], now)
        yield f"Lowest: {figures.intensity(least['g_per_kwh'])}, {when}."
    kind = f"{answer['kind']}, {answer['accounting']}, {answer['basis']}"
    age = f"issued {figures.duration(answer['age_s'])} ago ({answer['freshness']})"
    yield f"{answer['zone']}, {kind}; {answer['forecast_by']}, {age}."
    yield from answer["because"]
    yield answer["attribution"]


def _provider_cells(row: dict[str, Any]) -> list[Any]:
    reach = figures.duration(row["forecast_horizon_s"]) if row["has_forecast"] else "none"
    return [
        row["source"],
        row["zone"] or "yes" if row["in_use"] else "",
        f"{row['state']}, {row['freshness']}" if row["freshness"] else row["state"],
        "needed" if row["needs_key"] else "none",
        reach,
        row["zones"],
        row["licence"],
    ]
