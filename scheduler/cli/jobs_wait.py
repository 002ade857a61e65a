"""`carbonq wait`: until jobs have ended, and with their exit status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import typer

from scheduler.cli import options, several, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import say, say_json
from scheduler.cli.several import Outcomes, Row
from scheduler.cli.table import one_line
from scheduler.cli.waiting import ending, exit_code, leaving_alone, until_ended

app = options.command_app()

Tell = Callable[[Outcomes], None]


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
    143, over its time limit 124, that could not be started 127, lost 1. A number that no job has is told at once, and
    the others are waited for. Ctrl-C leaves the jobs alone.
    """
    limit = times.length(timeout, "--timeout") if timeout else None
    deadline = times.now() + limit if limit else None
    client, wanted = DaemonClient(), list(dict.fromkeys(jobs))
    if len(wanted) == 1:
        detail = _ended(client, wanted[0], deadline)
        _say([detail], detail, as_json)
        return exit_code(detail)
    tell: Tell = (lambda became: None) if as_json else several.tell_problems
    became = _all(client, wanted, deadline, tell)
    _say(several.rows(became), several.json_values(became), as_json)
    return several.first_status(became, exit_code)


def _all(client: DaemonClient, jobs: list[int], deadline: datetime | None, tell: Tell) -> Outcomes:
    """In the order given. What cannot be waited for is told before hours go by with the others."""
    seen = several.each(jobs, lambda job: client.get(f"/v1/jobs/{job}"))
    tell(seen)
    there = [job for job, outcome in seen.items() if not isinstance(outcome, Failure)]
    ended = several.each(there, lambda job: _ended(client, job, deadline))
    tell(ended)
    return {job: ended.get(job, outcome) for job, outcome in seen.items() if job in ended or job not in there}


def _ended(client: DaemonClient, job: int, deadline: datetime | None) -> Row:
    with leaving_alone(job):
        left = max(deadline - times.now(), timedelta(0)) if deadline else None
        return until_ended(client, job, left)


def _say(details: list[Row], value: Row | list[Row], as_json: bool) -> None:
    if as_json:
        say_json(value)
        return
    for detail in details:
        say(_sentence(detail))


def _sentence(detail: Row) -> str:
    return f"Job {detail['id']} ({one_line(detail['name'])}) is {ending(detail)}."
