"""Signals to this process, as bytes in a pipe that a selector can wait for."""

from __future__ import annotations

import os
import select
import signal

HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


class Wakeups:
    """From its making on, SIGCHLD, SIGTERM and SIGINT only wake the loop, and SIGHUP does nothing."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        for fd in (self._reading, writing):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, lambda _number, _frame: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def fileno(self) -> int:
        return self._reading

    def heard(self) -> set[int]:
        """The signals that came since the last call."""
        try:
            return set(os.read(self._reading, 4096))
        except BlockingIOError:
            return set()

    def wait(self, seconds: float) -> set[int]:
        """Sleep until a signal comes, `seconds` at most."""
        select.select([self._reading], [], [], seconds)
        return self.heard()
