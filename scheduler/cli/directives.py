"""`#CARBONQ` lines at the head of a script: options of `carbonq submit`, as `#SBATCH` lines are options of sbatch."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.cli.failures import Failure

MARK = "#CARBONQ"
HEAD_BYTES = 65_536
"""Directives are looked for in this much of the script."""


@dataclass(frozen=True, slots=True)
class Directive:
    """The options of one line, and where it stands."""

    script: Path
    line: int
    words: tuple[str, ...]

    @property
    def where(self) -> str:
        return f"{self.script}, line {self.line}"


def script_of(argv: Sequence[str], workdir: Path) -> Path | None:
    """The script that a command runs: its first word that names a text file (`./train.sh`, `python train.py`)."""
    for word in argv:
        path = workdir / word
        if not word.startswith("-") and _is_text(path):
            return path
    return None


def directives(script: Path) -> tuple[Directive, ...]:
    """The `#CARBONQ` lines before the script's first line that is neither blank nor a comment."""
    found = []
    for number, line in enumerate(_head(script).decode("utf-8", "replace").splitlines(), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            break
        if text == MARK or text.startswith((f"{MARK} ", f"{MARK}\t")):
            found.append(Directive(script, number, _words(text[len(MARK) :], f"{script}, line {number}")))
    return tuple(found)


def _words(text: str, where: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text, comments=True))
    except ValueError as error:
        raise Failure(f"{where}: {error}; quotes must be closed on the same line") from None


def _is_text(path: Path) -> bool:
    try:
        head = _head(path) if path.is_file() else b""
    except OSError:  # a word may be longer than a name of a file can be
        return False
    return bool(head) and b"\0" not in head


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""
