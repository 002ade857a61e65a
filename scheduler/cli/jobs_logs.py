"""`carbonq logs`: what a job wrote, from its first segment on."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from scheduler.cli import figures, options
from scheduler.cli.client import DaemonClient
from scheduler.cli.output import notice, say_json, write_bytes
from scheduler.cli.waiting import Pause, exit_code, leaving_alone, patiently, tell_ending, until_ended

app = options.command_app()


@app.command()
def logs(
    job: options.JobId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job ends, and leave with its exit status.")
    ] = False,
    stderr: Annotated[bool, typer.Option("--stderr", "-e", help="What it wrote to stderr instead of stdout.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, max=options.MOST_ROWS, help="Only the last so many lines.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Print what a job wrote. Ctrl-C leaves the job alone."""
    log = _Log(DaemonClient(), job, "stderr" if stderr else "stdout")
    with leaving_alone(job):
        if as_json:
            return _print_json(log, follow, tail)
        for chunk in _tail(log.so_far(), tail):
            write_bytes(chunk)
        if not follow:
            return 0
        for chunk in log.to_come():
            write_bytes(chunk)
        detail = until_ended(log.client, job)
        tell_ending(detail)
        return exit_code(detail)


class _Log:
    """One stream of a job, and how far it has been read."""

    def __init__(self, client: DaemonClient, job: int, stream: str) -> None:
        self.client, self.job, self.stream = client, job, stream
        self._path = f"/v1/jobs/{job}/log"
        self._cursor = ""
        self._ended = False

    def so_far(self) -> Iterator[bytes]:
        """All there is now: until an answer is empty and leads nowhere."""
        before = None
        while self._cursor != before and not self._ended:
            before = self._cursor
            yield self._take(self.client.get(self._path, stream=self.stream, cursor=before))

    def to_come(self) -> Iterator[bytes]:
        """What comes until the job has ended and all is read."""
        pause = Pause()
        while not self._ended:
            part = patiently(self.client, self._path, pause, stream=self.stream, cursor=self._cursor)
            if data := self._take(part):
                yield data
                pause.reset()
            elif not self._ended:
                pause()

    def _take(self, part: dict[str, Any]) -> bytes:
        if part["lost_bytes"]:
            notice(f"{figures.size(part['lost_bytes'])} were rotated away here")
        self._cursor, self._ended = part["cursor"], part["ended"]
        return base64.b64decode(part["data_base64"])


def _print_json(log: _Log, follow: bool, tail: int | None) -> int:
    detail = until_ended(log.client, log.job) if follow else None
    text = b"".join(_tail(log.so_far(), tail)).decode("utf-8", "replace")
    say_json({"job": log.job, "stream": log.stream, "text": text})
    return exit_code(detail) if detail else 0


def _tail(chunks: Iterator[bytes], lines: int | None) -> Iterator[bytes]:
    """The chunks, or only their last `lines` lines."""
    if lines is None:
        yield from chunks
        return
    kept: deque[bytes] = deque(maxlen=lines)
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        kept.extend(line + b"\n" for line in whole)
    if rest:
        kept.append(rest)
    yield from kept
