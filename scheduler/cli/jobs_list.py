"""`carbonq list`: the queue, one job a line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from scheduler.cli import figures, options, times
from scheduler.cli.by_intensity import table_by_intensity
from scheduler.cli.client import DaemonClient
from scheduler.cli.output import say, say_json
from scheduler.cli.table import Cell, Column

app = options.command_app()

STATE_STYLES = {
    "running": "green",
    "starting": "green",
    "completed": "green",
    "failed": "red",
    "timeout": "red",
    "lost": "red",
    "held": "yellow",
    "suspended": "yellow",
    "cancelled": "dim",
}

COLUMNS = (
    Column("JOB", right=True),
    Column("NAME", cut=True),
    Column("STATE"),
    Column("REASON", rank=2),
    Column("USER", rank=6),
    Column("GPUS", right=True, rank=4),
    Column("START", rank=1),
    Column("END", rank=3),
    Column("ENERGY", right=True, rank=5),
    Column("EMISSIONS", right=True, rank=2),
    Column("SAVED", right=True, rank=7),
)


@app.command()
def list_jobs(
    state: options.State = None,
    user: options.User = None,
    project: options.Project = None,
    tag: options.Tag = None,
    zone: options.Zone = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also jobs that ended long ago.")] = False,
    limit: options.Limit = None,
    as_json: options.Json = False,
) -> None:
    """List jobs; those that have ended, for a day.

    What is marked ~ can change: START and END of a job that waits are its plan, EMISSIONS and SAVED are provisional.
    """
    wanted = options.filters(state=state, user=user, project=project, tag=tag, zone=zone, limit=limit, all=everything)
    rows = DaemonClient().get("/v1/jobs", **wanted)
    if as_json:
        say_json(rows)
    elif rows:
        now = times.now()
        say(table_by_intensity(COLUMNS, rows, [job_cells(row, now) for row in rows]))
    elif state or user or project or tag or zone:
        say("No job matches. `carbonq list` shows all that have not ended; `carbonq list --all` older ones, too.")
    else:
        say("No jobs. `carbonq submit -- python train.py` queues one; `carbonq list --all` shows older ones.")


def job_cells(row: dict[str, Any], now: datetime) -> list[Cell]:
    emitted, _, saved = (figures.marked(figure, row["statement"]) for figure in figures.compared(row))
    return [
        str(row["id"]),
        row["name"],
        (row["state"], STATE_STYLES.get(row["state"], "")),
        row["reason"] + (" (late)" if row["late"] else ""),
        row["user"],
        str(row["gpus"]),
        _begins(row, now),
        _ends(row, now),
        figures.energy(row["energy_kwh"]),
        emitted,
        saved,
    ]


def _begins(row: dict[str, Any], now: datetime) -> str:
    if row["started_at"]:
        return times.shown(row["started_at"], now)
    return f"~{times.shown(row['planned_start'], now)}" if row["planned_start"] else figures.UNKNOWN


def _ends(row: dict[str, Any], now: datetime) -> str:
    if row["ended_at"]:
        return times.shown(row["ended_at"], now)
    return f"~{times.shown(row['planned_end'], now)}" if row["planned_end"] else figures.UNKNOWN
