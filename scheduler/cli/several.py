"""One thing done with several jobs: what fails for one does not keep it from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import EXIT_UNREACHABLE, Failure
from scheduler.cli.output import notice, say_json

Row = dict[str, Any]
Outcomes = dict[int, Row | Failure]
"""By job, what the daemon answered, or why it did not do it."""


def own_ended(client: DaemonClient, **bounds: str) -> list[int]:
    """Numbers of the caller's own ended jobs within these bounds of a history; others' are not theirs to change."""
    import os
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # As the daemon names a caller without an account.
        name = str(os.getuid())
    return [row["id"] for row in client.get("/v1/history", user=name, **bounds)]


def each(jobs: Iterable[int], do: Callable[[int], Row]) -> Outcomes:
    """One job after the other; where nobody answers any more the rest is not asked for."""
    became: Outcomes = {}
    for job in jobs:
        try:
            became[job] = do(job)
        except Failure as failure:
            unreachable = failure.exit_code == EXIT_UNREACHABLE
            if unreachable and not became:
                raise
            became[job] = failure
            if unreachable:
                break
    return became


def rows(became: Outcomes) -> list[Row]:
    return [outcome for outcome in became.values() if not isinstance(outcome, Failure)]


def json_values(became: Outcomes, key: str = "id") -> list[Row]:
    """A row each, or the error in its place; `key` is where rows of this command have the job's number."""
    return [
        {key: job, "error": {"code": outcome.code, "message": str(outcome)}}
        if isinstance(outcome, Failure) else outcome
        for job, outcome in became.items()
    ]  # fmt: skip


def tell_problems(became: Mapping[int, Row | Failure]) -> None:
    """On stderr, a line each."""
    for outcome in became.values():
        if isinstance(outcome, Failure):
            notice(str(outcome))


def told(became: Outcomes, as_json: bool, say_rows: Callable[[list[Row]], None], key: str = "id") -> int:
    """Say what became of them and return the status; of a job that was the only one a problem is the command's own."""
    if len(became) == 1 and isinstance(problem := next(iter(became.values())), Failure):
        raise problem
    if as_json:
        say_json(json_values(became, key))
    else:
        say_rows(rows(became))
        tell_problems(became)
    return first_status(became)


def first_status(became: Outcomes, status: Callable[[Row], int] = lambda row: 0) -> int:
    """The first that is not 0: of a problem, or of a row as `status` says."""
    statuses = (out.exit_code if isinstance(out, Failure) else status(out) for out in became.values())
    return next((each for each in statuses if each), 0)
