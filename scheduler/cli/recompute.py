"""`carbonq recompute`: draw the statements of ended jobs up anew, from what their providers say now."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scheduler.cli import figures, options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.output import notice, say, say_json

app = options.command_app()

AT_ONCE = 100
PATIENCE_S = 600.0
"""A provider may be asked for weeks of values first."""


@app.command()
def recompute(
    jobs: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[JOB]...",
            min=1,
            autocompletion=options.complete_job,
            help="Numbers of ended jobs; without one all that ended since --since.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[str, typer.Option("--since", help="Ended at or after: 2026-11-01, yesterday, 7d (ago).")] = "7d",
    as_json: options.Json = False,
) -> None:
    """Ask the providers anew and draw the statements of ended jobs up again.

    Doing it twice changes nothing. A statement that changes is restated: the earlier one stays in `carbonq show`.
    """
    client = DaemonClient(timeout_s=PATIENCE_S)
    wanted = jobs or _ended_since(client, since)
    pieces = [wanted[n : n + AT_ONCE] for n in range(0, len(wanted), AT_ONCE)]
    answer = [view for piece in pieces for view in client.post("/v1/history/recompute", {"jobs": piece})]
    if as_json:
        say_json(answer)
        return
    for view in answer:
        say(_line(view))
    changed = sum(view["changed"] for view in answer)
    say(f"{len(answer)} statements drawn up anew, {changed} changed." if answer else "No job has ended in that time.")
    if silent := [view["job"] for view in answer if not view["asked"] and view["statement"]]:
        notice(f"the provider did not answer for {_jobs(silent)}; what is recorded had to do")


def _ended_since(client: DaemonClient, since: str) -> list[int]:
    """Of the caller's own: others' are not theirs to restate."""
    import os
    import pwd

    moment = times.since(since, "--since", times.now()).isoformat()
    rows = client.get("/v1/history", since=moment, user=pwd.getpwuid(os.getuid()).pw_name)
    return [row["id"] for row in rows]


def _line(view: dict[str, Any]) -> str:
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
