"""`carbonq wait`: until jobs have ended, and with their exit status."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from scheduler.cli import options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.output import say, say_json
from scheduler.cli.table import one_line
from scheduler.cli.waiting import exit_code, leaving_alone, until_ended

app = options.command_app()


@app.command()
def wait(
    jobs: Annotated[
        list[int],
        typer.Argument(metavar="JOB...", min=1, autocompletion=options.complete_job, help="Numbers of the jobs."),
    ],
    timeout: Annotated[
        str | None, typer.Option("--timeout", help="Give up after this long: 30m. Exit status 75.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Wait for jobs and leave with their exit status.

    Of several, with the first that is not 0. A job that a signal ended gives 128 + the signal; one that was cancelled
    143, over its time limit 124, lost 1.
    Ctrl-C leaves the jobs alone.
    """
    limit = times.length(timeout, "--timeout") if timeout else None
    details = _all(DaemonClient(), jobs, limit)
    if as_json:
        say_json(details[0] if len(details) == 1 else details)
    else:
        for detail in details:
            say(_sentence(detail))
    return next((code for detail in details if (code := exit_code(detail))), 0)


def _all(client: DaemonClient, jobs: list[int], limit: timedelta | None) -> list[dict[str, Any]]:
    deadline = times.now() + limit if limit else None
    details = []
    for job in jobs:
        with leaving_alone(job):
            left = max(deadline - times.now(), timedelta(0)) if deadline else None
            details.append(until_ended(client, job, left))
    return details


def _sentence(detail: dict[str, Any]) -> str:
    code = "" if detail["exit_code"] is None else f", exit status {detail['exit_code']}"
    return f"Job {detail['id']} ({one_line(detail['name'])}) is {detail['state']} ({detail['reason']}){code}."
