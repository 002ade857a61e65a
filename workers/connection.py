"""The agent's end of its socket: who may connect, lines in, descriptors beside them, lines out."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from pathlib import Path

from scheduler.domain.errors import ExecutorError

LONGEST_LINE = 8 * 1024 * 1024
"""A command with its environment is at most a quarter of it on Linux (ARG_MAX)."""
READ_BYTES = 256 * 1024
MOST_DESCRIPTORS = 4
LONGEST_SOCKET_PATH = 107
_CREDENTIALS = struct.Struct("3i")


class ConnectionBroken(Exception):
    """The peer went away, or sent what no peer of ours sends; close and forget it."""


def only_agent(path: Path) -> int:
    """Be the one agent of the socket at `path` for as long as the descriptor is open; ExecutorError when another is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(fd)
        raise ExecutorError(f"another agent already serves {path}; stop it first, or use another --socket") from exc
    return fd


def listen(path: Path) -> socket.socket:
    """Our socket at `path`, 0600 from its first moment; a stale one there is replaced. Hold `only_agent` first."""
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise ExecutorError(
            f"the socket path {path} is longer than {LONGEST_SOCKET_PATH} bytes; set a shorter CARBONQ_HOME"
        )
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(64)
    return listener


def peer_uid(connected: socket.socket) -> int:
    """Who is at the other end, as the kernel noted it when they connected."""
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[1])


class Connection:
    """One peer: gives whole lines, each with the descriptors that came with it, and sends lines without blocking."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._received = bytearray()
        self._descriptors: list[int] = []
        self._unsent = bytearray()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_owed(self) -> bool:
        """Whether bytes wait to be sent; until they are, nothing more is read from this peer."""
        return bool(self._unsent)

    def receive(self) -> list[tuple[bytes, list[int]]]:
        """The lines completed by what has come; ConnectionBroken at the end of the stream or of our patience."""
        try:
            data, descriptors, flags, _ = socket.recv_fds(
                self._socket, READ_BYTES, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return []
        except OSError as exc:
            raise ConnectionBroken(str(exc)) from exc
        self._descriptors += descriptors
        self._received += data
        if not data or flags & socket.MSG_CTRUNC:
            raise ConnectionBroken("it closed the connection" if not data else "it sent too many descriptors")
        return self._whole_lines()

    def _whole_lines(self) -> list[tuple[bytes, list[int]]]:
        """The kernel ends a read behind a message with descriptors: they belong to the last line begun."""
        *lines, rest = bytes(self._received).split(b"\n")
        self._received = bytearray(rest)
        if len(rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
            raise ConnectionBroken(f"it sent a line of more than {LONGEST_LINE} bytes")
        whole: list[tuple[bytes, list[int]]] = [(line, []) for line in lines]
        if whole and not rest:
            whole[-1] = (lines[-1], self._descriptors)
            self._descriptors = []
        return whole

    def send(self, line: bytes) -> None:
        self._unsent += line
        self.flush()

    def flush(self) -> None:
        """Send as much as the peer takes; ConnectionBroken when it went away."""
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError as exc:
            if exc.errno in (errno.EPIPE, errno.ECONNRESET):
                raise ConnectionBroken(str(exc)) from exc
            raise

    def close(self) -> None:
        for fd in self._descriptors:
            os.close(fd)
        self._descriptors = []
        self._socket.close()
