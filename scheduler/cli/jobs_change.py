"""`carbonq cancel`, `hold`, `release`, `run-now` and `update`: change a job that has not ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from scheduler.cli import options, several, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import notice, say, say_json
from scheduler.cli.several import Row
from scheduler.cli.table import one_line
from scheduler.cli.waiting import ENDED

app = options.command_app()

JobIds = Annotated[
    list[int],
    typer.Argument(metavar="JOB...", min=1, autocompletion=options.complete_job, help="Numbers of the jobs."),
]


@app.command()
def cancel(jobs: JobIds, as_json: options.Json = False) -> int:
    """End jobs. Waiting ones end at once; running ones get SIGTERM, a time of grace, then SIGKILL."""
    return _step("cancel", jobs, as_json)


@app.command()
def hold(jobs: JobIds, as_json: options.Json = False) -> int:
    """Keep waiting jobs from starting until they are released."""
    return _step("hold", jobs, as_json)


@app.command()
def release(jobs: JobIds, as_json: options.Json = False) -> int:
    """Let held jobs be planned again."""
    return _step("release", jobs, as_json)


@app.command("run-now")
def run_now(jobs: JobIds, as_json: options.Json = False) -> int:
    """Start waiting jobs as soon as there is room."""
    return _step("run-now", jobs, as_json)


@app.command()
def update(
    jobs: JobIds,
    by: Annotated[
        str | None, typer.Option("--by", help=f"Finished by then: {times.FORMS}; `none` for no deadline.")
    ] = None,
    within: Annotated[str | None, typer.Option("--within", help="Finished within this long from now: 8h.")] = None,
    as_json: options.Json = False,
) -> int:
    """Change the deadline of jobs that have not ended."""
    body = {"deadline": _deadline(by, within)}
    client = DaemonClient()
    return _changed(jobs, lambda job: client.patch(f"/v1/jobs/{job}", body), as_json)


def _step(name: str, jobs: list[int], as_json: bool) -> int:
    client = DaemonClient()
    return _changed(jobs, lambda job: client.post(f"/v1/jobs/{job}/{name}"), as_json, last_first=name == "cancel")


def _changed(jobs: list[int], change: Callable[[int], Row], as_json: bool, last_first: bool = False) -> int:
    """Change each and say what became of each, in the order given; the status of the first that could not be changed.

    `last_first`: a job comes after jobs of lower numbers alone, so none of these falls because another was cancelled.
    """
    wanted = list(dict.fromkeys(jobs))
    if len(wanted) == 1:
        row = change(wanted[0])
        _say([row], row, as_json)
        return 0
    done = several.each(sorted(wanted, reverse=True) if last_first else wanted, change)
    became = {job: done[job] for job in wanted if job in done}
    _say(several.rows(became), several.json_values(became), as_json)
    if not as_json:
        several.tell_problems(became)
    return several.first_status(became)


def _deadline(by: str | None, within: str | None) -> str | None:
    if by is None and within is None:
        raise Failure("say the new deadline with --by or with --within")
    if by is not None and within is not None:
        raise Failure("--by and --within both say the new deadline; give one")
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


def _say(rows: list[Row], value: Row | list[Row], as_json: bool) -> None:
    """The rows as sentences, or `value` under `--json`."""
    if as_json:
        say_json(value)
        return
    now = times.now()
    for row in rows:
        say(f"Job {row['id']} ({one_line(row['name'])}) is {_state(row, now)}{_next(row, now)}.")


def _next(row: Row, now: datetime) -> str:
    if row["state"] in ENDED:
        return ""
    by = f"; finished by {times.shown(row['finish_by'], now)}"
    if row["state"] != "held":
        return by
    return f"{by if row['deadline'] else ''}; `carbonq release {row['id']}` lets it be planned"


def _state(row: Row, now: datetime) -> str:
    planned = row["planned_start"] and row["state"] != "held"
    start = f", planned for {times.shown(row['planned_start'], now)}" if planned else ""
    return f"{row['state']} ({row['reason']}){start}"
