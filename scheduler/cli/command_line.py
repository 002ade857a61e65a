"""A job's command line, checked where it is typed: a typo should not wait for the cleanest hour to be found."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from scheduler.cli.failures import Failure
from scheduler.cli.table import shorten

LONGEST_SHOWN = 80
"""Columns of a command's name in a message."""


def usable_workdir(given: str | None) -> Path:
    """The absolute directory that the job will run in."""
    try:
        path = Path(given).expanduser().resolve() if given else Path.cwd()
        is_directory = path.is_dir()
    except (OSError, RuntimeError) as error:
        place = given or "the current directory"
        raise Failure(f"--workdir: {place} cannot be used: {error}; name another directory") from None
    if not is_directory:
        raise Failure(f"--workdir: {path} is not a directory; create it, or name another")
    if not os.access(path, os.R_OK | os.X_OK):
        raise Failure(f"--workdir: {path} is not readable for you; change its mode, or name another directory")
    return path


def runnable(argv: Sequence[str], workdir: Path, env: Mapping[str, str]) -> list[str]:
    """`argv` as it can be executed in `workdir`; a script without execute permission runs by its `#!` line, as with
    sbatch. Failure where there is nothing to execute."""
    _check_encoding(argv)
    program, arguments = argv[0], list(argv[1:])
    if not program:
        raise Failure("the command is empty; say what to run")
    if "/" not in program and shutil.which(program, path=env.get("PATH", os.defpath)):
        return [program, *arguments]
    path = _file(program, workdir)
    if path is None:
        where = f"in {workdir}" if "/" in program else f"on PATH or in {workdir}"
        shown = shorten(program, LONGEST_SHOWN)
        raise Failure(f"there is no command '{shown}' {where}; check the spelling, --workdir and --env PATH")
    if os.access(path, os.X_OK):
        return [str(path) if "/" not in program else program, *arguments]
    return [*_interpreter(path), str(path), *arguments]


def _file(program: str, workdir: Path) -> Path | None:
    """The file that a program's name stands for; None where there is none, or can be none."""
    try:
        path = workdir / Path(program).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError):
        return None


def _interpreter(script: Path) -> list[str]:
    try:
        with script.open("rb") as file:
            first = file.readline(1024)
    except OSError as error:
        raise Failure(f"{script} cannot be read: {error.strerror}") from None
    words = shlex.split(first[2:].decode("utf-8", "replace")) if first.startswith(b"#!") else []
    if not words:
        raise Failure(f"{script} is not executable and names no interpreter; write `python {script.name}`, or chmod +x")
    return words


def _check_encoding(argv: Sequence[str]) -> None:
    for word in argv:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise Failure(f"the command holds bytes that are not UTF-8: {os.fsencode(word)!r}") from None
