"""What the daemon tells systemd (sd_notify(3)): ready, stopping, alive, and a status line. Silent outside systemd."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import timedelta


class ServiceNotifier:
    """Sends to `$NOTIFY_SOCKET`; does nothing where there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._watchdog_us = _watchdog_us(environ)

    @property
    def watchdog_interval(self) -> timedelta | None:
        """How often to say that we are alive: half of what systemd allows; None where it does not ask."""
        return timedelta(microseconds=self._watchdog_us / 2) if self._watchdog_us else None

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def extend_start(self, by: timedelta) -> None:
        """Ask for more time to start, e.g. during a migration."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(by.total_seconds() * 1e6)}")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto(text.encode(), self._address)
            except OSError:
                # systemd may be restarting; the watchdog, not this message, is what guards us.
                return


def _watchdog_us(environ: Mapping[str, str]) -> int:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0
    try:
        return max(0, int(environ.get("WATCHDOG_USEC", "0")))
    except ValueError:
        return 0
