"""A daemon of the demonstration's own: scratch directory, own settings, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from scheduler.cli.client import DaemonClient
from scheduler.cli.demo_day import DemoDay, write_day
from scheduler.cli.failures import Failure
from scheduler.cli.waiting import ENDED
from scheduler.paths import default_paths

STARTS_WITHIN_S, ENDS_WITHIN_S = 30.0, 15.0

SETTINGS = """\
[grid]
provider = "recorded"
zone = "{zone}"
file = "{series}"
forecast_file = "{forecast}"
origin = {origin}
anchor = {anchor}
speed = {speed}
poll = "1s"

[queue]
switch_cost = "1s"
shortest_run = "2s"

[planning]
debounce = "0.2s"

[worker]
sample = "0.5s"
slice = "1s"

[daemon]
tick = "0.2s"
settle_every = "1s"
"""


@contextlib.contextmanager
def demo_daemon(day: DemoDay, origin: datetime, anchor: datetime, speed: float) -> Iterator[DaemonClient]:
    """A running daemon and its client; the daemon ends and its directory goes when the block is left."""
    # A short name: a socket's path may be 107 bytes long.
    home = Path(tempfile.mkdtemp(prefix="carbonq-demo-"))
    # One job is planned jointly in plain Python at once: nobody waits for a compiler, and every run shows the same.
    environ = {**os.environ, "CARBONQ_HOME": str(home), "NUMBA_DISABLE_JIT": "1"}
    paths = default_paths(environ)
    _write_settings(day, paths.settings_file, origin, anchor, speed)
    with (home / "daemon.log").open("wb") as log:
        command = [sys.executable, "-P", "-m", "scheduler.cli", "daemon"]
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        client = DaemonClient(paths.api_socket)
        _wait_until_ready(client, process, home / "daemon.log")
        yield client
    finally:
        _cancel_jobs(client)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        shutil.rmtree(home, ignore_errors=True)


def _cancel_jobs(client: DaemonClient) -> None:
    """Jobs outlive their daemon, so what has not ended when the demonstration is broken off is ended here."""
    with contextlib.suppress(Failure):
        unfinished = [row["id"] for row in client.get("/v1/jobs") if row["state"] not in ENDED]
        for job in unfinished:
            client.post(f"/v1/jobs/{job}/cancel")
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline and not all(_has_ended(client, job) for job in unfinished):
            time.sleep(0.1)


def _has_ended(client: DaemonClient, job: int) -> bool:
    return client.get(f"/v1/jobs/{job}")["state"] in ENDED


def _write_settings(day: DemoDay, file: Path, origin: datetime, anchor: datetime, speed: float) -> None:
    file.parent.mkdir(parents=True)
    series, forecast = write_day(day, file.parent)
    text = SETTINGS.format(
        zone=day.zone,
        series=series,
        forecast=forecast,
        origin=origin.isoformat(),
        anchor=anchor.isoformat(),
        speed=speed,
    )
    file.write_text(text, encoding="utf-8")


def _wait_until_ready(client: DaemonClient, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the API answers and the worker has been seen; Failure with the log's last lines if that never happens."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(Failure):
            if client.get("/v1/status")["agent"]["reachable"]:
                return
        time.sleep(0.05)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise Failure(f"the demonstration's daemon did not start; its last words:\n{last}")
