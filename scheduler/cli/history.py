"""`carbonq history`: what jobs drew and emitted, against having run at once; a job a line, or sums."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Annotated, Any

import typer

from scheduler.cli import figures, options, times
from scheduler.cli.by_intensity import table_by_intensity
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.jobs_list import STATE_STYLES
from scheduler.cli.output import say, say_json
from scheduler.cli.table import Cell, Column

app = options.command_app()

GROUPINGS = ("day", "project", "user", "zone")

JOB_FIELDS = (
    "id", "name", "state", "reason", "user", "project", "tags", "zone", "gpus", "submitted_at", "started_at",
    "ended_at", "exit_code", "attempts", "energy_kwh", "pue", "emissions_g", "run_now_emissions_g",
    "at_submission_emissions_g", "difference_g", "statement", "coverage", "method", "intensity",
)  # fmt: skip
"""Columns of --csv without --by."""
GROUP_FIELDS = (
    "by", "key", "jobs", "energy_kwh", "emissions_g", "run_now_emissions_g", "difference_g", "unknown_emissions",
    "unknown_difference", "provisional", "intensities",
)  # fmt: skip
"""Columns of --csv with --by."""

JOB_COLUMNS = (
    Column("JOB", right=True),
    Column("NAME", cut=True),
    Column("STATE", rank=3),
    Column("ENDED", rank=2),
    Column("ENERGY", right=True),
    Column("EMISSIONS", right=True),
    Column("RUN NOW", right=True, rank=4),
    Column("SAVED", right=True),
    Column("STATEMENT", rank=5),
    Column("METHOD", rank=1),
)
GROUP_COLUMNS = (
    Column("", cut=True),
    Column("JOBS", right=True),
    Column("ENERGY", right=True),
    Column("EMISSIONS", right=True),
    Column("RUN NOW", right=True, rank=2),
    Column("SAVED", right=True),
    Column("UNKNOWN", right=True, rank=1),
    Column("PROVISIONAL", right=True, rank=3),
)


@app.command()
def history(
    since: Annotated[
        str | None, typer.Option("--since", help="Ended at or after: 2026-11-01, yesterday, 7d (ago).")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Ended before.")] = None,
    state: options.State = None,
    user: options.User = None,
    project: options.Project = None,
    tag: options.Tag = None,
    zone: options.Zone = None,
    limit: options.Limit = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Sums by day (UTC), project, user or zone.", autocompletion=lambda: list(GROUPINGS)),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a heading line.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show what ended jobs drew, emitted and saved.

    Energy is IT energy; emissions are operational and include the PUE. SAVED is run-now minus realised. Below the table
    stands which carbon intensity they are by.
    """
    now = times.now()
    _check(by, as_csv, as_json)
    wanted = options.filters(state=state, user=user, project=project, tag=tag, zone=zone, limit=limit, by=by)
    wanted["since"] = times.since(since, "--since", now).isoformat() if since else None
    wanted["until"] = times.since(until, "--until", now).isoformat() if until else None
    rows = DaemonClient().get("/v1/history", **wanted)
    if as_json:
        say_json(rows)
    elif as_csv:
        say(_csv(rows, by))
    elif not rows:
        say(_nothing(bool(state or user or project or tag or zone), bool(since or until)))
    elif by:
        say("\n".join([_group_table(rows), *_group_footer(rows)]))
    else:
        say(history_table(rows, now))


def _nothing(restricted: bool, bounded: bool) -> str:
    if restricted:
        return "No job that has ended matches."
    return "No job has ended in that time." if bounded else "No job has ended yet."


def history_table(rows: list[dict[str, Any]], now: datetime) -> str:
    """A job a line, with the intensity that figures are by and a word on what is not final."""
    return "\n".join([table_by_intensity(JOB_COLUMNS, rows, [job_cells(row, now) for row in rows]), *_footer(rows)])


def job_cells(row: dict[str, Any], now: datetime) -> list[Cell]:
    emitted, run_now, saved = (figures.marked(figure, row["statement"]) for figure in figures.compared(row))
    return [
        str(row["id"]),
        row["name"],
        (row["state"], STATE_STYLES.get(row["state"], "")),
        times.shown(row["ended_at"], now),
        figures.energy(row["energy_kwh"]),
        emitted,
        run_now,
        saved,
        row["statement"],
        row["method"],
    ]


def _check(by: str | None, as_csv: bool, as_json: bool) -> None:
    if by is not None and by not in GROUPINGS:
        raise Failure(f"--by: '{by}' is not a grouping; choose {', '.join(GROUPINGS)}")
    if as_csv and as_json:
        raise Failure("--csv and --json are two ways to print the same; give one")


def _group_table(rows: list[dict[str, Any]]) -> str:
    return table_by_intensity(GROUP_COLUMNS, rows, [_group_cells(row) for row in rows])


def _group_footer(rows: list[dict[str, Any]]) -> list[str]:
    left_out = sum(row["unknown_difference"] for row in rows)
    if not left_out:
        return []
    return [f"RUN NOW and SAVED are over the jobs of which both are known; {figures.count(left_out, 'job')} left out."]


def _group_cells(row: dict[str, Any]) -> list[Cell]:
    return [
        row["key"] or "(none)",
        str(row["jobs"]),
        figures.energy(row["energy_kwh"]),
        figures.emissions(row["emissions_g"]),
        figures.emissions(row["run_now_emissions_g"]),
        figures.emissions(row["difference_g"]),
        str(row["unknown_emissions"]),
        str(row["provisional"]),
    ]


def _footer(rows: list[dict[str, Any]]) -> list[str]:
    said = []
    if any(row["statement"] == "provisional" for row in rows):
        said.append(
            "~ provisional: some intensity is not published for good yet, or a job that came before has not ended"
        )
    if promised := [row for row in rows if row["state"] == "completed" and row["deadline"]]:
        met = sum(times.parse_stamp(row["ended_at"]) <= times.parse_stamp(row["deadline"]) for row in promised)
        said.append(f"Deadlines met: {met} of {len(promised)}, of the jobs that completed.")
    return said


def _csv(rows: list[dict[str, Any]], by: str | None) -> str:
    fields = GROUP_FIELDS if by else JOB_FIELDS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([_csv_value(row[field], field) for field in fields] for row in rows)
    return text.getvalue().rstrip("\n")


def _csv_value(value: Any, field: str) -> Any:
    """Unknown is an empty cell; tags are separated by spaces, intensities, which have spaces in them, by semicolons."""
    between = "; " if field == "intensities" else " "
    return between.join(value) if isinstance(value, list) else value
