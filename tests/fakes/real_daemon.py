"""Not a fake but the real thing in a directory of its own: `carbonq daemon` as a process, driven through its API."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.waiting import ENDED
from scheduler.paths import Paths, default_paths

QUICK = """\
[grid]
zone = "GB"
provider = "static"
poll = "1s"

[queue]
assumed_duration = "5s"
switch_cost = "0s"
shortest_run = "0s"

[planning]
policy = "suspend-resume"
debounce = "0s"

[worker]
cpu_slots = 4
sample = "0.1s"
slice = "0.2s"

[daemon]
tick = "0.1s"
settle_every = "1s"
"""
LONGEST_WAIT_S = 60.0


class RealDaemon:
    """One installation in one directory; its daemon may be started, killed and started again."""

    def __init__(self, home: Path, settings: str = QUICK, environ: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.environ = {**os.environ, "CARBONQ_HOME": str(home), "TZ": "UTC", **(environ or {})}
        self.paths: Paths = default_paths(self.environ)
        self.client = DaemonClient(self.paths.api_socket, timeout_s=20)
        self.paths.config.mkdir(parents=True, exist_ok=True)
        self.paths.settings_file.write_text(settings, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._log = home / "daemon.log"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self, *arguments: str, wait: bool = True) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "scheduler.cli", "daemon", "--verbose", *arguments],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
            )
        if wait:
            self.until(lambda: self.answers(), "the daemon answers")

    def answers(self) -> bool:
        with contextlib.suppress(Failure):
            return bool(self.client.get("/v1/status")["agent"]["reachable"])
        return False

    def kill(self) -> None:
        """`kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """As systemd stops it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def agent_pid(self) -> int | None:
        with contextlib.suppress(Failure):
            pid = self.client.get("/v1/status")["agent"]["pid"]
            return int(pid) if pid else None
        return None

    def kill_agent(self) -> None:
        pid = self.agent_pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def carbonq(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """The command line, as a user runs it."""
        command = [sys.executable, "-P", "-m", "scheduler.cli", *arguments]
        return subprocess.run(
            command, env=self.environ, capture_output=True, text=True, timeout=90, cwd=cwd or self.home, check=False
        )

    def submit(self, *argv: str, **fields: Any) -> int:
        """Queue a job; its number."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        body = {"argv": list(argv), "workdir": str(self.home), "env": env, "gpus": 0, **fields}
        return int(self.client.post("/v1/jobs", body)["id"])

    def job(self, job_id: int) -> dict[str, Any]:
        detail: dict[str, Any] = self.client.get(f"/v1/jobs/{job_id}")
        return detail

    def ended(self, job_id: int) -> dict[str, Any]:
        """The job once it has ended."""
        return self.reached(job_id, ENDED)

    def reached(self, job_id: int, states: frozenset[str] | set[str]) -> dict[str, Any]:
        self.until(lambda: self.job(job_id)["state"] in states, f"job {job_id} is one of {sorted(states)}")
        return self.job(job_id)

    def until(self, condition: Callable[[], bool], what: str, within_s: float = LONGEST_WAIT_S) -> None:
        """Polls; AssertionError with the daemon's last words when `within_s` have passed."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with contextlib.suppress(Failure):
                if condition():
                    return
            time.sleep(0.03)
        agent_log = self.paths.state / "agent.log"
        said = agent_log.read_text(errors="replace")[-2000:] if agent_log.exists() else ""
        raise AssertionError(f"not within {within_s:g} s: {what}\n{self.log[-4000:]}\n--- agent\n{said}")


@contextlib.contextmanager
def real_daemon(settings: str = QUICK, environ: Mapping[str, str] | None = None) -> Iterator[RealDaemon]:
    """An installation with its daemon not yet started; stopped, with its jobs, when the block is left."""
    # Not pytest's folder: the path of a socket may be 107 bytes long.
    with tempfile.TemporaryDirectory(prefix="cq-", ignore_cleanup_errors=True) as folder:
        daemon = RealDaemon(Path(folder), settings, environ)
        try:
            yield daemon
        finally:
            _end_everything(daemon)


def _end_everything(daemon: RealDaemon) -> None:
    daemon.kill()
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _belongs_to(process, daemon.home):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(process.name), signal.SIGKILL)


def _belongs_to(process: Path, home: Path) -> bool:
    try:
        return str(home).encode() in (process / "cmdline").read_bytes() and int(process.name) != os.getpid()
    except OSError:
        return False
