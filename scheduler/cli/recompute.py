"""`carbonq recompute`: draw the statements of ended jobs up anew, from what their providers say now."""

from __future__ import annotations

from typing import Annotated

import typer

from scheduler.cli import figures, options, several, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import EXIT_NOT_PERMITTED, EXIT_REQUEST, Failure
from scheduler.cli.output import notice, say
from scheduler.cli.several import Outcomes, Row

app = options.command_app()

AT_ONCE = 100
PATIENCE_S = 600.0
"""A provider may be asked for weeks of values first."""


@app.command()
def recompute(
    jobs: options.EndedJobs = None,
    since: Annotated[
        str,
        typer.Option("--since", help="Without numbers: all that ended since 2026-11-01, yesterday, 7d (ago)."),
    ] = "7d",
    as_json: options.Json = False,
) -> int:
    """Ask the providers anew and draw the statements of ended jobs up again.

    Doing it twice changes nothing. A statement that changes is restated: the earlier one stays in `carbonq show`.
    """
    client = DaemonClient(timeout_s=PATIENCE_S)
    moment = times.since(since, "--since", times.now())
    wanted = list(dict.fromkeys(jobs or several.own_ended(client, since=moment.isoformat())))
    became = _piece_by_piece(client, wanted)
    return several.told(became, as_json, lambda views: _say(views, bool(wanted)), key="job")


def _piece_by_piece(client: DaemonClient, jobs: list[int]) -> Outcomes:
    """Where the daemon fails at a piece, what came of those before it is told; the rest is not asked for."""
    became: Outcomes = {}
    for start in range(0, len(jobs), AT_ONCE):
        piece = jobs[start : start + AT_ONCE]
        try:
            became |= _drawn_up(client, piece)
        except Failure as failure:
            if not became:
                raise
            became[piece[0]] = failure
            break
    return became


def _drawn_up(client: DaemonClient, jobs: list[int]) -> Outcomes:
    """All or none of a piece are drawn up: of one that is refused the halves are asked for, down to who is at fault."""
    try:
        return {view["job"]: view for view in client.post("/v1/history/recompute", {"jobs": jobs})}
    except Failure as failure:
        if failure.exit_code not in (EXIT_REQUEST, EXIT_NOT_PERMITTED):
            raise
        if len(jobs) == 1:
            return {jobs[0]: failure}
    half = len(jobs) // 2
    return {**_drawn_up(client, jobs[:half]), **_drawn_up(client, jobs[half:])}


def _say(views: list[Row], any_wanted: bool) -> None:
    for view in views:
        say(_line(view))
    if views:
        say(
            f"{figures.count(len(views), 'statement')} drawn up anew, {sum(view['changed'] for view in views)} changed."
        )
    elif not any_wanted:
        say("No job has ended in that time.")
    if silent := [view["job"] for view in views if not view["asked"] and view["statement"]]:
        notice(f"the provider did not answer for {_jobs(silent)}; what is recorded had to do")


def _line(view: Row) -> str:
    before, after = view["before"], view["statement"]
    if after is None:
        return f"Job {view['job']}: it never ran, so there is nothing to state."
    now = f"{figures.emissions(after['emissions_g'])} ({after['statement']})"
    if not view["changed"]:
        return f"Job {view['job']}: unchanged, {now}."
    was = figures.UNKNOWN if before is None else f"{figures.emissions(before['emissions_g'])} ({before['statement']})"
    note = f"; {after['note']}" if after["note"] else ""
    return f"Job {view['job']}: {was} -> {now}{note}."


def _jobs(numbers: list[int]) -> str:
    return f"job{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
