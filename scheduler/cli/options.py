"""Options and arguments that several commands share, said once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from scheduler.cli.failures import Failure

STATES = (
    "queued", "held", "starting", "running", "suspended", "completed", "failed", "cancelled", "timeout", "lost",
)  # fmt: skip
"""As in scheduler.domain.lifecycle.JobState (a test compares)."""

MOST_ROWS = 10**9
"""That can be asked for: jobs of a list, lines of a log."""

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""Typer's own base of everything wrong with a command line; it has no public name."""


def complete_state(incomplete: str) -> list[str]:
    return [state for state in STATES if state.startswith(incomplete)]


def complete_job(incomplete: str) -> list[str]:
    """Numbers of recent jobs; nothing when the daemon does not answer."""
    from scheduler.cli.client import DaemonClient

    try:
        rows = DaemonClient(timeout_s=1.0).get("/v1/jobs")
    except Failure:
        return []
    return [str(row["id"]) for row in rows if str(row["id"]).startswith(incomplete)]


def command_app(help_text: str | None = None) -> typer.Typer:
    """A Typer app as every command file makes one: plain help, our own error handling."""
    return typer.Typer(help=help_text, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
JobId = Annotated[
    int,
    typer.Argument(metavar="JOB", min=1, autocompletion=complete_job, help="Number of the job.", show_default=False),
]
EndedJobs = Annotated[
    list[int] | None,
    typer.Argument(
        metavar="[JOB]...", min=1, autocompletion=complete_job, help="Numbers of ended jobs.", show_default=False
    ),
]
State = Annotated[
    list[str] | None,
    typer.Option("--state", autocompletion=complete_state, help="Only jobs in this state; may be repeated."),
]
User = Annotated[str | None, typer.Option("--user", help="Only jobs of this user.")]
Project = Annotated[str | None, typer.Option("--project", help="Only jobs of this project.")]
Tag = Annotated[str | None, typer.Option("--tag", help="Only jobs with this tag.")]
Zone = Annotated[str | None, typer.Option("--zone", help="Only jobs of this grid zone.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, max=MOST_ROWS, help="Only the newest so many.")]


def check_numbers(given: Mapping[str, float | None]) -> None:
    """`nan` is read as a float, and lies within any range."""
    for name, value in given.items():
        if value is not None and math.isnan(value):
            raise Failure(f"{name}: nan is not a number; write one, or leave {name} out")


def states(given: list[str] | None) -> list[str]:
    """The states asked for, each checked; commas separate as repeating does."""
    wanted = [state for text in given or () for state in text.lower().split(",")]
    for state in wanted:
        if state not in STATES:
            raise Failure(f"--state: '{state}' is not a state; the states are {', '.join(STATES)}")
    return wanted


def filters(**given: Any) -> dict[str, Any]:
    """Query parameters of a list of jobs."""
    return {**given, "state": states(given.get("state"))}
