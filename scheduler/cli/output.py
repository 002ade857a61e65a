"""What reaches the terminal: text, one JSON value, notices; colour only where someone looks."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any, TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
UNLIMITED = 10_000
"""Width where no terminal sets one."""


class ClosedPipe(Exception):
    """The reader of our output has gone."""


def say(text: str = "") -> None:
    """One or more lines on stdout."""
    _write(sys.stdout, text + "\n")


def say_json(value: Any) -> None:
    """The one JSON value of a command."""
    say(json.dumps(value, ensure_ascii=False, indent=None if not sys.stdout.isatty() else 2))


def notice(text: str) -> None:
    """A remark that is no part of the answer, on stderr."""
    _write(sys.stderr, f"carbonq: {text}\n")


def write_bytes(data: bytes) -> None:
    """A job's own output, unchanged."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise ClosedPipe from None


def flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise ClosedPipe from None


def colourful(stream: TextIO | None = None) -> bool:
    """Whether colour is wanted: on a terminal that has it, unless NO_COLOR is set (no-color.org)."""
    out = stream or sys.stdout
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and colourful(stream) else text


def width() -> int:
    """Columns to fill: the terminal's, or COLUMNS; without either the output goes to a program and is not cut."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return max(40, shutil.get_terminal_size((80, 24)).columns)
    return UNLIMITED


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except BrokenPipeError:
        raise ClosedPipe from None
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii"))
