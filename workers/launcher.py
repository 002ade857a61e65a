"""How a supervisor is brought to life so that it outlives the agent: by a double fork, or by systemd."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn, Protocol

from scheduler.domain.errors import ExecutorError
from scheduler.protocol import RunSpec

SUPERVISOR = (sys.executable, "-P", "-m", "workers.supervisor")
SUPERVISOR_LOG = "supervisor.log"


class Launcher(Protocol):
    @property
    def name(self) -> str:
        """As `Welcome.launcher` says it."""
        ...

    @property
    def serves_others(self) -> bool:
        """Whether supervisors are root's and their jobs other users': see `workers.identity`."""
        ...

    def check(self, uid: int) -> None:
        """ExecutorError where jobs of `uid` cannot be run this way."""
        ...

    def launch(self, directory: Path, spec: RunSpec, lock: int) -> None:
        """Start the supervisor of `directory` with the locked descriptor; ExecutorError when that is refused."""
        ...


class ForkLauncher:
    """Forks twice, so that the supervisor belongs to init; it stays in the agent's control group."""

    name = "fork"
    serves_others = False

    def __init__(self, supervisor: tuple[str, ...] = SUPERVISOR) -> None:
        self._supervisor = supervisor

    def check(self, uid: int) -> None:
        if uid != os.geteuid():
            raise ExecutorError(f"this agent runs jobs of uid {os.geteuid()} only, not of {uid}; submit as that user")

    def launch(self, directory: Path, spec: RunSpec, lock: int) -> None:
        between = os.fork()
        if between == 0:
            self._orphan(directory, lock)
        os.waitpid(between, 0)

    def _orphan(self, directory: Path, lock: int) -> NoReturn:
        try:
            os.setsid()
            if os.fork() == 0:
                self._become_supervisor(directory, lock)
        finally:
            os._exit(0)

    def _become_supervisor(self, directory: Path, lock: int) -> NoReturn:
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(directory / SUPERVISOR_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for fd, stream in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(fd, stream)
        os.set_inheritable(lock, True)
        os.chdir("/")
        os.execv(self._supervisor[0], [*self._supervisor, str(directory), str(lock)])  # noqa: S606
