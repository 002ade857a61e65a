"""CPU time and memory of one run: its process tree, exited children included."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class RunUsage:
    cpu_s: float
    """Since the tree began; never falls."""
    resident_bytes: int
    """Pages shared between processes count in each."""


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    own_s: float
    waited_s: float
    """Of the children it has waited for, and of theirs."""
    resident_bytes: int
    parent: int

    @property
    def cpu_s(self) -> float:
        return self.own_s + self.waited_s


class RunTree:
    """The processes below `root_pid`, itself included.

    Where we are its parent the tree begins with what we have waited for: a subreaper inherits orphans, and the root's
    own time is still known after its end. Where the tree is alone in a cgroup v2, that cgroup's clock is read instead.
    """

    def __init__(self, root_pid: int, proc: Path = PROC, cgroups: Path = CGROUPS) -> None:
        self._root_pid = root_pid
        self._proc = proc
        root = process_usage(proc, root_pid)
        self._parent = os.getpid() if root is not None and root.parent == os.getpid() else None
        self._cpu_stat = self._own_cgroup(cgroups)
        self._cpu_s = 0.0

    def usage(self) -> RunUsage:
        members = [process for _, process in self._members()]
        clock_s = _cgroup_cpu_s(self._cpu_stat) if self._cpu_stat else None
        seen_s = self._waited_s() + sum(process.cpu_s for process in members) if clock_s is None else clock_s
        # A child that exits between two looks is missing until its parent has waited for it.
        self._cpu_s = max(self._cpu_s, seen_s)
        return RunUsage(self._cpu_s, sum(process.resident_bytes for process in members))

    def _waited_s(self) -> float:
        parent = process_usage(self._proc, self._parent) if self._parent else None
        return parent.waited_s if parent else 0.0

    def _members(self) -> Iterator[tuple[int, ProcessUsage]]:
        waiting = [self._root_pid] if self._parent is None else list(children(self._proc, self._parent))
        while waiting:
            pid = waiting.pop()
            process = process_usage(self._proc, pid)
            if process is not None:
                yield pid, process
                waiting.extend(children(self._proc, pid))

    def _own_cgroup(self, cgroups: Path) -> Path | None:
        """Its cpu.stat where every process of the root's cgroup belongs to the run."""
        try:
            # By newlines alone, and as bytes: a cgroup may be called anything but those.
            lines = (self._proc / str(self._root_pid) / "cgroup").read_bytes().split(b"\n")
            name = os.fsdecode(next(line[3:] for line in lines if line.startswith(b"0::")))
            folder = cgroups / name.lstrip("/")
            inside = {int(pid) for pid in (folder / "cgroup.procs").read_text().split()}
        except (OSError, StopIteration):
            return None
        ours = {pid for pid, _ in self._members()} | {os.getpid()}
        has_clock = name != "/" and _cgroup_cpu_s(folder / "cpu.stat") is not None
        return folder / "cpu.stat" if has_clock and inside and inside <= ours else None


def process_usage(proc: Path, pid: int) -> ProcessUsage | None:
    """None once the process is gone."""
    try:
        # The second field, the name, is whatever bytes the process likes: spaces, brackets, half a letter that the
        # kernel cut in two.
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    own_user, own_system, waited_user, waited_system = (int(field) / TICKS_PER_S for field in fields[11:15])
    return ProcessUsage(
        own_s=own_user + own_system,
        waited_s=waited_user + waited_system,
        resident_bytes=int(fields[21]) * PAGE_BYTES,
        parent=int(fields[1]),
    )


def children(proc: Path, pid: int) -> set[int]:
    """Child processes of every thread of `pid`."""
    try:
        threads = list((proc / str(pid) / "task").iterdir())
    except OSError:
        return set()
    found: set[int] = set()
    for thread in threads:
        try:
            found.update(int(child) for child in (thread / "children").read_text().split())
        except OSError:
            continue
    return found


def _cgroup_cpu_s(cpu_stat: Path) -> float | None:
    try:
        stat = dict(line.split() for line in cpu_stat.read_text().splitlines())
        return int(stat["usage_usec"]) * _MICRO
    except (OSError, KeyError, ValueError):
        return None
