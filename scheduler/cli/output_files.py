"""Files that a command writes: never over one that it reads, and never half of one."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from scheduler.cli.failures import Failure


def check_outputs(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """By option. Failure, before any work is done, where one cannot be written, or would overwrite another file
    of this command; nothing is created, and nothing of what is there is changed."""
    taken = {option: file for option, file in inputs.items() if file is not None}
    for option, file in outputs.items():
        if file is None:
            continue
        for other, there in taken.items():
            if _is_same(file, there):
                raise Failure(f"{option}: {file} is the file of {other} too, and would overwrite it; name another file")
        if why := _unwritable(file):
            raise Failure(f"{option}: {file} cannot be written: {why}")
        taken[option] = file


def write_whole(file: Path, content: bytes) -> None:
    """What was there stays until all of `content` is on the disk, which may be full; OSError where that cannot be."""
    if not _replaceable(file):
        file.write_bytes(content)
        return
    aside = file.with_name(f".carbonq-{os.getpid()}.part")
    # Never through a link that somebody else has put there.
    out = aside.open("xb")
    try:
        with out:
            out.write(content)
        if file.exists():
            aside.chmod(stat.S_IMODE(file.stat().st_mode))
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


def _replaceable(file: Path) -> bool:
    """Whether another file may take its place: not that of a pipe or a terminal, of a link, or of somebody else's."""
    if not os.access(file.parent, os.W_OK | os.X_OK):
        return False
    try:
        there = file.lstat()
    except FileNotFoundError:
        return True
    ours = there.st_uid == os.geteuid() and os.access(file, os.W_OK)
    return stat.S_ISREG(there.st_mode) and there.st_nlink == 1 and ours


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _unwritable(file: Path) -> str | None:
    """Why, and what to do; None where it can be written."""
    try:
        if not file.exists():
            # What a link leads to; that of a pipe (/dev/stdout) has no place in a directory, and is there.
            file = Path(os.path.realpath(file))
        if file.is_dir():
            return "it is a directory; name a file in it"
        if not file.parent.is_dir():
            return f"{file.parent} is not a directory; create it, or name another"
        if file.exists():
            return None if os.access(file, os.W_OK) else "you may not; change its mode, or name another file"
        writable = os.access(file.parent, os.W_OK | os.X_OK)
        return None if writable else f"you may not write in {file.parent}; name another directory"
    except OSError as error:
        return f"{error.strerror}; name another file"
