"""Keeps one worker agent running beside the daemon. Runs belong to their supervisors, so an agent may come and go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from scheduler.daemon.beside import start_beside

logger = logging.getLogger(__name__)

LOWEST_BACKOFF_S = 0.2
_HIGHEST_BACKOFF_S = 30.0


def agent_command(socket: Path, runs: Path, cpu_slots: int | None, launcher: str) -> list[str]:
    """How the agent is started: by this interpreter, with the working directory off the import path (`-P`).

    It ends with us, so that after an upgrade no old agent answers a new daemon.
    """
    slots = [] if cpu_slots is None else ["--cpu-slots", str(cpu_slots)]
    paths = ["--socket", str(socket), "--runs", str(runs), "--parent", str(os.getpid())]
    return [sys.executable, "-P", "-m", "workers.agent", *paths, "--launcher", launcher, *slots]


class AgentKeeper:
    """Starts the agent, and starts it again when it ends."""

    def __init__(
        self,
        command: list[str],
        environ: Mapping[str, str],
        log: Path,
        lowest_backoff_s: float = LOWEST_BACKOFF_S,
        patience_s: float = 5.0,
    ) -> None:
        """`patience_s`: how long the agent may take to end when it is asked to."""
        self._command, self._environ, self._log = command, dict(environ), log
        self._lowest_backoff_s, self._patience_s = lowest_backoff_s, patience_s
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def keep(self) -> None:
        """Runs until cancelled."""
        backoff_s = self._lowest_backoff_s
        while True:
            started = asyncio.get_running_loop().time()
            facts = await self._one_life()
            lived_s = asyncio.get_running_loop().time() - started
            backoff_s = self._lowest_backoff_s if lived_s > 10 else min(backoff_s * 2, _HIGHEST_BACKOFF_S)
            logger.warning("worker agent ended", extra={**facts, "again_in_s": backoff_s, "log": str(self._log)})
            await asyncio.sleep(backoff_s)

    async def _one_life(self) -> dict[str, object]:
        """From start to end; how it ended, or why it could not be started (a full disk, too many processes)."""
        try:
            self._process = await self._start()
        except OSError as error:
            return {"reason": str(error)}
        return {"code": await self._process.wait()}

    async def stop(self) -> None:
        """End the agent; the runs it started go on."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._patience_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        return await start_beside(self._command, self._environ, self._log, stdin=asyncio.subprocess.DEVNULL)
