"""Processes may call themselves anything: they are metered, and found to be ended, all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers import leftovers
from workers.metering.run_usage import PROC, RunTree, children, process_usage

NAMES = [
    b"donn\xe9es",
    "entrainements-é".encode()[:15],
    b"a) R 1 (b",
    b"with space",
    b"two\nlines",
    b"\x85\x0b\x1c",
    b"(",
]
NAMED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(15, os.fsencode(sys.argv[1]), 0, 0, 0)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def named() -> Iterator[Callable[[bytes], int]]:
    """Starts a child of ours that has taken this name; it ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: bytes) -> int:
        command = [sys.executable, "-c", NAMED, os.fsdecode(name)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert started[-1].stdout is not None
        started[-1].stdout.readline()
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", NAMES)
def test_a_process_is_metered_whatever_it_calls_itself(named: Callable[[bytes], int], name: bytes) -> None:
    """Its memory and its parent stand behind the name."""
    pid = named(name)
    assert (PROC / str(pid) / "comm").read_bytes().startswith(name[:3])
    usage = process_usage(Path("/proc"), pid)
    assert usage is not None and usage.parent == os.getpid() and usage.resident_bytes > 0
    assert pid in children(PROC, os.getpid())
    assert RunTree(pid).usage().resident_bytes > 0


@pytest.mark.parametrize("name", NAMES)
def test_what_outlives_its_supervisor_is_found_whatever_it_calls_itself(
    named: Callable[[bytes], int], name: bytes
) -> None:
    """Nothing escapes by its name."""
    pid = named(name)
    assert pid in leftovers.descendants(os.getpid())
