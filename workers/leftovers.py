"""Processes that outlive the one that should have ended them: found by descent or by environment, and killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def descendants(root: int) -> list[int]:
    """Every process below `root`, zombies left out."""
    children: dict[int, list[int]] = {}
    for pid, parent in _living():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def with_environment(name: str, value: str) -> list[int]:
    """Our processes whose environment says `name=value`."""
    wanted = f"{name}={value}".encode()
    return [pid for pid, _ in _living() if wanted in _environment(pid)]


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _living() -> Iterator[tuple[int, int]]:
    """(process, parent) of everything alive."""
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in b"ZX":
            yield int(entry.name), int(fields[1])


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
