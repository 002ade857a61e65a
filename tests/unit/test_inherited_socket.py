"""A socket handed over by systemd, as sd_listen_fds(3) describes it; each hand-over is to a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

RECEIVER = """
import os, sys
os.environ.update(LISTEN_PID=sys.argv[1] if sys.argv[1] != "self" else str(os.getpid()), LISTEN_FDS=sys.argv[2])
from scheduler.inherited_socket import inherited_socket
try:
    listener = inherited_socket(os.environ)
    print(listener and listener.getsockname(), os.get_inheritable(3))
except ValueError as error:
    print(error)
"""


def handed_over(listener: socket.socket, pid: str = "self", count: str = "1") -> str:
    """What a process says that was started with `listener` as its descriptor 3."""

    def hand_over() -> None:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)

    command = [sys.executable, "-c", RECEIVER, pid, count]
    done = subprocess.run(command, preexec_fn=hand_over, close_fds=False, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_socket_is_taken_and_kept_from_other_processes(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "a.sock"))
        assert handed_over(listener) == f"{tmp_path / 'a.sock'} False"


def test_what_was_meant_for_another_process_is_left_alone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "a.sock"))
        assert handed_over(listener, pid="1") == "None True"
        assert handed_over(listener, count="0") == "None True"


def test_more_than_one_socket_or_another_kind_is_said_to_be_wrong(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        assert "one is expected" in handed_over(listener, count="2")
    with socket.socket(socket.AF_INET) as listener:
        assert "no Unix stream socket" in handed_over(listener)
