"""A process beside the daemon, in a session of its own, so that Ctrl-C at the daemon's terminal does not reach it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path


async def start_beside(
    command: list[str], environ: Mapping[str, str], log: Path, *, stdin: int, anew: bool = False
) -> asyncio.subprocess.Process:
    """What it says goes to `log` (mode 0600), after what is there or `anew`; OSError where it cannot be started.

    `stdin`: asyncio.subprocess.DEVNULL, or PIPE for one that is to end when the daemon does.
    """
    mode = os.O_TRUNC if anew else os.O_APPEND
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | mode | os.O_CLOEXEC, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=descriptor, stderr=descriptor, env=environ, start_new_session=True
        )
    finally:
        os.close(descriptor)
