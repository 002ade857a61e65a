"""`carbonq clean`: remove what ended jobs left on disk; what is known of them stays."""

from __future__ import annotations

from typing import Annotated

import typer

from scheduler.cli import figures, options, several, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import notice, say
from scheduler.cli.several import Row

app = options.command_app()

PATIENCE_S = 90.0
"""Longer than the daemon waits for its worker: large checkpoints take their time."""


@app.command()
def clean(
    jobs: options.EndedJobs = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Instead of numbers: all of yours that ended so long ago, 30d.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it is.")] = False,
    as_json: options.Json = False,
) -> int:
    """Remove the logs and checkpoints of ended jobs. Their figures stay in the history."""
    if bool(jobs) == (older_than is not None):
        raise Failure("say which jobs: by their numbers, or with --older-than 30d all that ended so long ago")
    client = DaemonClient(timeout_s=PATIENCE_S)
    wanted = list(dict.fromkeys(jobs or _ended_before(client, older_than or "")))
    became = several.each(wanted, lambda job: client.post(f"/v1/jobs/{job}/clean", {"dry_run": dry_run}))
    return several.told(became, as_json, lambda views: _say(views, bool(wanted), dry_run), key="job")


def _ended_before(client: DaemonClient, older_than: str) -> list[int]:
    moment = times.now() - times.length(older_than, "--older-than")
    return several.own_ended(client, until=moment.isoformat(), with_files="true")


def _say(views: list[Row], any_wanted: bool, dry_run: bool) -> None:
    for view in views:
        size = figures.size(view["freed_bytes"])
        say(f"Job {view['job']}: {size} of logs and checkpoints {'would be ' if dry_run else ''}removed.")
        for place in view["left"]:
            notice(f"what is left in {place} belongs to the user of job {view['job']}: remove it as that user")
    if len(views) > 1:
        say(f"{figures.size(sum(view['freed_bytes'] for view in views))} in all.")
    elif not any_wanted:
        say("No job of yours that ended so long ago has any left.")
