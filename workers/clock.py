"""The only clock of the hands, and which boot of which machine this is."""

from __future__ import annotations

import socket
import time
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now() -> float:
    """Wall clock, epoch seconds."""
    return time.time()


def monotonic() -> float:
    """Seconds that no one can set back; for waiting and for lengths of time, never for moments."""
    return time.monotonic()


def boot_id() -> str:
    return BOOT_ID.read_text().strip()


def host() -> str:
    return socket.gethostname()
