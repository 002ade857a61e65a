"""CPU time and memory of a process tree, on real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers.metering.run_usage import RunTree, process_usage

BURN = """
import sys, time
end = time.process_time() + float(sys.argv[1])
while time.process_time() < end:
    pass
"""
BURN_IN_CHILDREN = f"""
import subprocess, sys
for _ in range(2):
    subprocess.run([sys.executable, "-c", {BURN!r}, "0.2"])
sys.stdin.read()
"""


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Processes that end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_process_that_has_ended_keeps_the_time_it_used(spawn: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The supervisor reaps the job before it cuts the last slice; a job of half a second must not vanish."""
    process = spawn(BURN, "0.3")
    tree = RunTree(process.pid)
    before_s = tree.usage().cpu_s
    process.wait()
    assert tree.usage().cpu_s - before_s >= 0.2


def test_children_that_have_come_and_gone_are_counted(spawn: Callable[..., subprocess.Popen[bytes]]) -> None:
    """Data-loader workers of an earlier epoch are in their parent's waited time."""
    process = spawn(BURN_IN_CHILDREN)
    tree = RunTree(process.pid)
    before_s = tree.usage().cpu_s
    assert eventually(lambda: tree.usage().cpu_s - before_s >= 0.35)


def test_a_tree_that_is_not_our_child_is_counted_as_well(spawn: Callable[..., subprocess.Popen[bytes]]) -> None:
    """As for an agent that looks at a run it has not started."""
    outer = spawn(
        f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {BURN!r}, '60'])\n"
        "print(p.pid, flush=True)\np.wait()"
    )
    assert eventually(lambda: bool(_children_of(outer.pid)))
    (inner,) = _children_of(outer.pid)
    tree = RunTree(inner)
    before_s = tree.usage().cpu_s
    assert eventually(lambda: tree.usage().cpu_s - before_s >= 0.2)
    os.kill(inner, 9)
    assert eventually(lambda: process_usage(Path("/proc"), inner) is None)
    assert tree.usage().cpu_s - before_s >= 0.2


def _children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def test_resident_memory_is_that_of_the_tree(spawn: Callable[..., subprocess.Popen[bytes]]) -> None:
    """64 MB touched are 64 MB resident."""
    process = spawn("x = bytearray(b'1') * 64_000_000\nimport sys; sys.stdin.read()")
    assert eventually(lambda: RunTree(process.pid).usage().resident_bytes >= 64_000_000)


def test_a_run_that_never_was_has_used_nothing() -> None:
    """No exception where the process is gone before we look."""
    usage = RunTree(2**22 + 1).usage()
    assert (usage.cpu_s, usage.resident_bytes) == (0.0, 0)


def fake_process(proc: Path, pid: int, *, cgroup: str, name: str = "train (v2) x") -> None:
    (proc / str(pid) / "task" / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "task" / str(pid) / "children").write_text("")
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S 1 " + "0 " * 9 + "100 50 0 0 " + "0 " * 6 + "10 0\n")
    (proc / str(pid) / "cgroup").write_text(f"0::{cgroup}\n")


def fake_cgroup(cgroups: Path, name: str, pids: list[int], usage_usec: int) -> None:
    folder = cgroups / name.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
    (folder / "cpu.stat").write_text(f"usage_usec {usage_usec}\nuser_usec 1\n")


def test_a_cgroup_of_its_own_is_the_better_clock(tmp_path: Path) -> None:
    """It misses no process, however briefly it lived."""
    fake_process(tmp_path / "proc", 77, cgroup="/carbonq.slice/run")
    fake_cgroup(tmp_path / "cgroup", "/carbonq.slice/run", [77], usage_usec=9_500_000)
    assert RunTree(77, tmp_path / "proc", tmp_path / "cgroup").usage().cpu_s == 9.5


def test_a_cgroup_shared_with_strangers_is_not_the_runs(tmp_path: Path) -> None:
    """A login session's cgroup holds the shell, too: the tree's own time counts (150 ticks)."""
    fake_process(tmp_path / "proc", 77, cgroup="/user.slice/session")
    fake_cgroup(tmp_path / "cgroup", "/user.slice/session", [77, 78], usage_usec=9_500_000)
    usage = RunTree(77, tmp_path / "proc", tmp_path / "cgroup").usage()
    assert usage.cpu_s == 150 / os.sysconf("SC_CLK_TCK")


def test_a_cgroup_whose_name_is_not_text_is_read_like_any_other(tmp_path: Path) -> None:
    """A name may hold anything but a newline and a slash."""
    name = os.fsdecode("/carbonq.slice/donn\x85".encode() + b"\xe9es")
    fake_process(tmp_path / "proc", 77, cgroup="")
    (tmp_path / "proc" / "77" / "cgroup").write_bytes(b"0::" + os.fsencode(name) + b"\n")
    fake_cgroup(tmp_path / "cgroup", name, [77], usage_usec=9_500_000)
    assert RunTree(77, tmp_path / "proc", tmp_path / "cgroup").usage().cpu_s == 9.5


def test_the_root_cgroup_is_never_a_runs_own(tmp_path: Path) -> None:
    """It is the whole machine's clock, even where nothing else is listed in it."""
    fake_process(tmp_path / "proc", 77, cgroup="/")
    fake_cgroup(tmp_path / "cgroup", "/", [77], usage_usec=9_500_000)
    usage = RunTree(77, tmp_path / "proc", tmp_path / "cgroup").usage()
    assert usage.cpu_s == 150 / os.sysconf("SC_CLK_TCK")
