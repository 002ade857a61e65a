"""The planner's loops are compiled in a process of their own, so that no plan waits for it.

That process fills numba's cache on disk; the daemon then loads from there. Until it has, a stand-in plans.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scheduler.daemon.beside import start_beside
from scheduler.daemon.live import Live

logger = logging.getLogger(__name__)

COMPILING = (
    "planned by suspend-resume, without a bound: the joint planner is being compiled for this machine, "
    "which takes half a minute to two minutes the first time"
)
FAILED = (
    "planned by suspend-resume, without a bound: the joint planner could not be compiled; "
    "the log of the daemon says why, and restarting it tries again"
)


def warm_up_command() -> list[str]:
    """By this interpreter, with the working directory off the import path (`-P`)."""
    return [sys.executable, "-P", "-m", "scheduler.daemon.compiling"]


class WarmUp:
    """Compiles once; `live.stand_in_because` says how far that is."""

    def __init__(
        self,
        command: list[str],
        environ: Mapping[str, str],
        log: Path,
        live: Live,
        load: Callable[[], None],
        on_ready: Callable[[], None],
    ) -> None:
        """`load` is called in a thread when `command` has ended well, `on_ready` after it."""
        self._command, self._environ, self._log = command, dict(environ), log
        self._live, self._load, self._on_ready = live, load, on_ready
        self._process: asyncio.subprocess.Process | None = None
        live.stand_in_because = COMPILING

    async def run(self) -> None:
        """Ends when the planner can be used, or it is sure that it cannot."""
        try:
            self._process = await self._start()
            code = await self._process.wait()
        except OSError as error:
            self._give_up(reason=str(error))
            return
        if code != 0:
            self._give_up(code=code)
            return
        try:
            await asyncio.to_thread(self._load)
        except Exception as error:
            # Whatever it is, the stand-in goes on.
            self._give_up(reason=repr(error))
            return
        self._live.stand_in_because = None
        logger.info("joint planner ready")
        self._on_ready()

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def _give_up(self, **facts: object) -> None:
        logger.warning("the joint planner could not be compiled", extra={**facts, "log": str(self._log)})
        self._live.stand_in_because = FAILED

    async def _start(self) -> asyncio.subprocess.Process:
        # It ends when the pipe to us does.
        return await start_beside(self._command, self._environ, self._log, stdin=asyncio.subprocess.PIPE, anew=True)
