"""What reaches the terminal: text, one JSON value, notices; colour only where someone looks."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any, TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
UNLIMITED = 10_000
"""Width where no terminal sets one."""


_NOT_TAKEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


class ClosedPipe(Exception):
    """The reader of our output has gone."""


class Unwritable(Exception):
    """Stdout takes nothing: its disk is full, say, or it is closed. Says why."""


def say(text: str = "") -> None:
    """One or more lines on stdout."""
    with _writing() as stdout:
        _write(stdout, text + "\n")


def say_json(value: Any) -> None:
    """The one JSON value of a command."""
    say(json.dumps(value, ensure_ascii=False, indent=2 if on_terminal() else None))


def notice(text: str) -> None:
    """A remark that is no part of the answer, on stderr."""
    tell(f"carbonq: {text}\n")


def tell(text: str) -> None:
    """On stderr; where that cannot be written there is nowhere left to say so."""
    # None, as stdout, in a process that was begun with it closed.
    if sys.stderr is None:
        return
    try:
        _write(sys.stderr, text)
        sys.stderr.flush()
    except OSError:
        drop(sys.stderr)


def write_bytes(data: bytes) -> None:
    """A job's own output, unchanged."""
    if not data:
        return
    with _writing() as stdout:
        stdout.flush()
        stdout.buffer.write(data)
        stdout.buffer.flush()


def flush() -> None:
    """All that was said is written, or ClosedPipe or Unwritable."""
    if sys.stdout is not None:
        with _writing() as stdout:
            stdout.flush()


def drop(stream: TextIO | None) -> None:
    """What could not be written goes nowhere: Python tries once more at exit, and would complain."""
    if stream is not None:
        # The stream of a test has no descriptor.
        with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def as_unwritable(error: Exception) -> Unwritable | None:
    """What an error nobody caught says of stdout, which others (`--help`) write to as well: files name themselves."""
    if isinstance(error, OSError) and error.filename is None and error.errno in _NOT_TAKEN:
        return Unwritable(error.strerror)
    return None


def on_terminal() -> bool:
    """Whether somebody looks at stdout."""
    return sys.stdout is not None and sys.stdout.isatty()


def colourful(stream: TextIO | None = None) -> bool:
    """Whether colour is wanted: on a terminal that has it, unless NO_COLOR is set (no-color.org)."""
    out = stream or sys.stdout
    terminal = out is not None and out.isatty()
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and colourful(stream) else text


def width() -> int:
    """Columns to fill: the terminal's, or COLUMNS; without either the output goes to a program and is not cut."""
    if on_terminal() or os.environ.get("COLUMNS", "").isdigit():
        return max(40, shutil.get_terminal_size((80, 24)).columns)
    return UNLIMITED


@contextlib.contextmanager
def _writing() -> Iterator[TextIO]:
    """Stdout, and what its errors mean."""
    if sys.stdout is None:
        raise Unwritable("it is closed")
    try:
        yield sys.stdout
    except BrokenPipeError:
        raise ClosedPipe from None
    except OSError as error:
        raise Unwritable(error.strerror or str(error)) from None


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii"))
