"""One line that is written over while someone watches; where nobody does, a line now and then."""

from __future__ import annotations

import sys
import time

from scheduler.cli.output import flush, on_terminal, say, width
from scheduler.cli.table import display_width, shorten

SECONDS_BETWEEN_LINES = 5.0


class LiveLine:
    """On a terminal the last line changes in place; in a file each phase and every few seconds give a line."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._said_at = 0.0
        self._shown = 0

    def show(self, phase: str, text: str) -> None:
        if on_terminal():
            if self._phase not in (None, phase):
                sys.stdout.write("\n")
                self._shown = 0
            self._overwrite(f"  {text}")
        elif phase != self._phase or time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            say(f"  {text}")
            flush()
            self._said_at = time.monotonic()
        self._phase = phase

    def end(self) -> None:
        if on_terminal():
            sys.stdout.write("\n")

    def _overwrite(self, text: str) -> None:
        cut = shorten(text, width() - 1)
        length = display_width(cut)
        sys.stdout.write("\r" + cut + " " * max(0, self._shown - length))
        sys.stdout.flush()
        self._shown = length
