"""The real agent and supervisor as processes, with a scripted meter and inventory: what tests of the hands start.

Run as a script it is one of the two: `python worker_processes.py agent|supervisor ARGUMENTS`.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from scheduler.protocol import ExitRecord, GpuReport, InventoryReport, RunSpec, SlicePart

T = TypeVar("T")

SCRIPT = Path(__file__).resolve()
DEADLINE_S = 30.0
WATTS = 100.0
ENV_METER = "TEST_METER"
"""`broken` has every meter fail, `breaks` has it fail after the first slice, `real` has this machine's own meters."""


class ScriptedSampler:
    """A machine that draws 100 W, exactly."""

    def __init__(self, gpu_uuids: list[str], root_pid: int, cpu_share: float) -> None:
        if os.environ.get(ENV_METER) == "broken":
            raise RuntimeError("the driver is not loaded")
        self._since_t = time.time()

    def sample(self, now_t: float) -> None:
        pass

    def watts(self) -> float | None:
        return WATTS

    def cut(self, now_t: float) -> list[SlicePart]:
        if os.environ.get(ENV_METER) == "breaks":
            raise RuntimeError("the device fell off the bus")
        seconds, self._since_t = now_t - self._since_t, now_t
        return [SlicePart("gpu", "GPU-0", WATTS * seconds, "replay")]

    def close(self) -> None:
        pass


def scripted_inventory(cpu_slots: int | None) -> InventoryReport:
    gpus = [GpuReport("GPU-0", "Fake A100", memory_bytes=80 << 30, power_limit_w=400.0)]
    return InventoryReport("worker", "boot", gpus, cpu_slots or 0, meters=["replay"])


class Agent:
    """An agent process that can be killed and started again on the same socket."""

    def __init__(self, root: Path, env: dict[str, str] | None = None) -> None:
        self.socket = root / "agent.sock"
        self.runs = root / "runs"
        self._log = root / "agent.log"
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Once the one before, if any, is gone wholly: its connections end a moment before its lock does."""
        if self._process is not None:
            self._process.wait(DEADLINE_S)
        command = [sys.executable, "-P", str(SCRIPT), "agent"]
        arguments = ["--socket", str(self.socket), "--runs", str(self.runs), "--cpu-slots", "2"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*command, *arguments], env=self._env, stderr=log)
        wait_until(self._answers)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def has_died(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        return self._log.read_text()

    def _answers(self) -> bool:
        if self.has_died():
            return True
        with socket.socket(socket.AF_UNIX) as connecting:
            try:
                connecting.connect(str(self.socket))
            except OSError:
                return False
        return True


class Start:
    """One segment started as the daemon starts it, but without an agent between."""

    def __init__(self, directory: Path, spec: RunSpec, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.spec = spec
        self.lock = directory.with_suffix(".lock")
        directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        (directory / "spec.json").write_bytes(msgspec.json.encode(spec))
        fd = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.process = self.supervisor(fd, env)
        os.close(fd)

    def supervisor(self, fd: int, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        return start_supervisor(self.directory, fd, env)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def exit(self) -> ExitRecord:
        """How it ended, once its supervisor has."""
        assert self.process.wait(DEADLINE_S) == 0, self.supervisor_log()
        return msgspec.json.decode((self.directory / "exit.json").read_bytes(), type=ExitRecord)

    def output(self) -> str:
        return (self.directory / "stdout.log").read_text()

    def supervisor_log(self) -> str:
        return (self.directory / "supervisor.log").read_text()

    def says(self, word: str) -> bool:
        path = self.directory / "stdout.log"
        return path.exists() and word in path.read_text()


def start_supervisor(directory: Path, fd: int, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    with (directory / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", str(SCRIPT), "supervisor", str(directory), str(fd)],
            pass_fds=[fd],
            start_new_session=True,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stderr=log,
        )


def run_spec(root: Path, *argv: str, segment: str = "1-1-1", **changes: object) -> RunSpec:
    """A spec whose job can run at once; `changes` are fields of RunSpec."""
    fields: dict[str, object] = {
        "env": {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
        "workdir": str(root),
        "gpu_uuids": [],
        "checkpoint_dir": str(root / "checkpoints" / segment.partition("-")[0]),
        "resume": False,
        "grace_s": 10.0,
        "sample_s": 0.05,
        "slice_s": 0.2,
    }
    return RunSpec(segment=segment, argv=list(argv), **{**fields, **changes})  # type: ignore[arg-type]


def wait_until(condition: Callable[[], T], seconds: float = DEADLINE_S) -> T:
    """The first true answer of `condition`; AssertionError when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true within {seconds} s"
        time.sleep(0.01)
    return answer


def is_alive(pid: int) -> bool:
    """Whether it still runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextmanager
def agent_at(root: Path, env: dict[str, str] | None = None) -> Iterator[Agent]:
    agent = Agent(root, env)
    agent.start()
    try:
        yield agent
    finally:
        agent.kill()
        kill_supervisors(root)


def kill_supervisors(root: Path) -> None:
    """End whatever a test left running under `root`; each supervisor takes its job with it.

    A supervisor that is only just being forked still looks like its agent: one looks until nothing is left.
    """
    while pids := _processes_at(root):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _processes_at(root: Path) -> list[int]:
    """Agents and supervisors whose arguments lie under `root`, zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(SCRIPT).encode() in command and any(part.startswith(f"{root}/".encode()) for part in command):
            found.append(int(entry.name))
    return found


def _main(role: str, arguments: list[str]) -> int:
    from workers import agent, supervisor
    from workers.launcher import ForkLauncher
    from workers.slices import open_real_sampler

    if role == "supervisor":
        is_real = os.environ.get(ENV_METER) == "real"
        return supervisor.main(arguments, open_real_sampler if is_real else ScriptedSampler)
    launcher = ForkLauncher((sys.executable, "-P", str(SCRIPT), "supervisor"))
    return agent.main(arguments, launcher, scripted_inventory)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[2:]))
