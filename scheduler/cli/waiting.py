"""Waiting for a job: asked again and again, so that the daemon may restart meanwhile; Ctrl-C leaves the job alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import typer

from scheduler.cli import figures
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import EXIT_FAULT, EXIT_TIMEOUT, EXIT_UNREACHABLE, Failure
from scheduler.cli.output import notice
from scheduler.cli.table import one_line

ENDED = frozenset({"completed", "failed", "cancelled", "timeout", "lost"})
INTERRUPTED = 130
PATIENCE_S = 30.0
"""How long a daemon that was there may be gone (an upgrade, a restart) before waiting gives up."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
STOPPED, CANCELLED, COULD_NOT_START = 124, 143, 127
"""As timeout(1), a shell of what SIGTERM ended, and a shell of a command that it cannot execute say it."""


class Pause:
    """Waits a little longer each time, up to a second; `reset` when something happened."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self.reset()

    def reset(self) -> None:
        self._next_s = _FIRST_PAUSE_S

    def __call__(self) -> float:
        """Waits; the seconds waited."""
        waited = self._next_s
        self._sleep(waited)
        self._next_s = min(self._next_s * 1.5, _LONGEST_PAUSE_S)
        return waited


def patiently(client: DaemonClient, path: str, pause: Pause, **query: Any) -> Any:
    """The answer to a GET, across a restart of the daemon."""
    gone_s = 0.0
    while True:
        try:
            return client.get(path, **query)
        except Failure as failure:
            if failure.exit_code != EXIT_UNREACHABLE or gone_s >= PATIENCE_S:
                raise
            gone_s += pause()


def until_ended(
    client: DaemonClient, job: int, limit: timedelta | None = None, watch: Callable[[Any], None] | None = None
) -> dict[str, Any]:
    """The job's detail once it has ended; `watch` sees each answer before. Failure (75) after `limit`."""
    pause, started = Pause(), time.monotonic()
    detail: dict[str, Any] = client.get(f"/v1/jobs/{job}")
    while detail["state"] not in ENDED:
        if limit is not None and time.monotonic() - started >= limit.total_seconds():
            text = f"job {job} has not ended ({detail['state']}, {detail['reason']}); it goes on"
            raise Failure(text, "timeout", EXIT_TIMEOUT)
        if watch is not None:
            watch(detail)
        pause()
        detail = patiently(client, f"/v1/jobs/{job}", pause)
    return detail


def exit_code(detail: dict[str, Any]) -> int:
    """The status with which to end on the job's behalf: of one that we stopped, that it was, however it took it."""
    if detail["reason"] == "could-not-start":
        return COULD_NOT_START
    if detail["state"] in ("timeout", "cancelled"):
        return STOPPED if detail["state"] == "timeout" else CANCELLED
    return EXIT_FAULT if detail["exit_code"] is None else int(detail["exit_code"])


def tell_ending(detail: dict[str, Any]) -> None:
    """On stderr how a job ended, unless it did by itself: then its status says all."""
    if not _by_itself(detail):
        notice(f"job {detail['id']} is {ending(detail)}")


def ending(detail: dict[str, Any]) -> str:
    """`failed (could-not-start), exit status 127: command not found: …`; of one that we stopped no status is told."""
    stopped = detail["state"] in ("timeout", "cancelled")
    code = "" if detail["exit_code"] is None or stopped else f", exit status {detail['exit_code']}"
    why = None if _by_itself(detail) else detail["detail"]
    if detail["reason"] == "time-limit" and detail["time_limit_s"] is not None:
        why = f"it ran for {figures.duration(detail['time_limit_s'])}, as long as its --time-limit allows"
    return f"{detail['state']} ({detail['reason']}){code}{f': {one_line(why)}' if why else ''}"


def _by_itself(detail: dict[str, Any]) -> bool:
    return detail["reason"] in ("exited-zero", "exited-nonzero")


@contextlib.contextmanager
def leaving_alone(job: int) -> Iterator[None]:
    """Ctrl-C ends the waiting and not the job, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        notice(f"job {job} goes on; `carbonq wait {job}` waits again, `carbonq cancel {job}` ends it")
        raise typer.Exit(INTERRUPTED) from None
