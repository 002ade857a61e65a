"""`carbonq cancel`, `hold`, `release`, `run-now` and `update`: change a job that has not ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from scheduler.cli import options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import notice, say, say_json
from scheduler.cli.table import one_line
from scheduler.cli.waiting import ENDED

app = options.command_app()

JobIds = Annotated[
    list[int],
    typer.Argument(metavar="JOB...", min=1, autocompletion=options.complete_job, help="Numbers of the jobs."),
]


@app.command()
def cancel(jobs: JobIds, as_json: options.Json = False) -> None:
    """End jobs. Waiting ones end at once; running ones get SIGTERM, a time of grace, then SIGKILL."""
    _step("cancel", jobs, as_json)


@app.command()
def hold(jobs: JobIds, as_json: options.Json = False) -> None:
    """Keep waiting jobs from starting until they are released."""
    _step("hold", jobs, as_json)


@app.command()
def release(jobs: JobIds, as_json: options.Json = False) -> None:
    """Let held jobs be planned again."""
    _step("release", jobs, as_json)


@app.command("run-now")
def run_now(jobs: JobIds, as_json: options.Json = False) -> None:
    """Start waiting jobs as soon as there is room."""
    _step("run-now", jobs, as_json)


@app.command()
def update(
    jobs: JobIds,
    by: Annotated[
        str | None, typer.Option("--by", help=f"Finished by then: {times.FORMS}; `none` for no deadline.")
    ] = None,
    within: Annotated[str | None, typer.Option("--within", help="Finished within this long from now: 8h.")] = None,
    as_json: options.Json = False,
) -> None:
    """Change the deadline of jobs that have not ended."""
    body = {"deadline": _deadline(by, within)}
    client = DaemonClient()
    _say([client.patch(f"/v1/jobs/{job}", body) for job in jobs], as_json)


def _step(name: str, jobs: list[int], as_json: bool) -> None:
    client = DaemonClient()
    _say([client.post(f"/v1/jobs/{job}/{name}") for job in jobs], as_json)


def _deadline(by: str | None, within: str | None) -> str | None:
    if (by is None) == (within is None):
        raise Failure("say the new deadline with --by or with --within")
    now = times.now()
    if within is not None:
        return (now + times.length(within, "--within")).isoformat()
    assert by is not None
    if by.strip().lower() == "none":
        return None
    moment, remark = times.moment(by, "--by", now)
    if remark:
        notice(remark)
    return moment.isoformat()


def _say(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        say_json(rows[0] if len(rows) == 1 else rows)
        return
    now = times.now()
    for row in rows:
        say(f"Job {row['id']} ({one_line(row['name'])}) is {_state(row, now)}{_next(row, now)}.")


def _next(row: dict[str, Any], now: datetime) -> str:
    if row["state"] in ENDED:
        return ""
    by = f"; finished by {times.shown(row['finish_by'], now)}"
    if row["state"] != "held":
        return by
    return f"{by if row['deadline'] else ''}; `carbonq release {row['id']}` lets it be planned"


def _state(row: dict[str, Any], now: datetime) -> str:
    planned = row["planned_start"] and row["state"] != "held"
    start = f", planned for {times.shown(row['planned_start'], now)}" if planned else ""
    return f"{row['state']} ({row['reason']}){start}"
