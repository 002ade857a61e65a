"""The control FIFO of a segment: the agent's end and the supervisor's.

Only the supervisor keeps it open for reading, so whether anyone listens is whether the supervisor lives.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec

from scheduler.domain.lifecycle import StopReason
from scheduler.protocol import StopOrder
from workers.journal import UNREADABLE


def open_control(path: Path) -> int:
    """Make the FIFO and listen to it (non-blocking); it never reads as ended, for we hold a writing end too."""
    if not path.exists():
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def read_orders(fd: int) -> list[StopReason]:
    """Why each order waiting in the FIFO asks for a stop; a line that is none is passed over."""
    try:
        lines = os.read(fd, 65536).splitlines()
    except BlockingIOError:
        return []
    return [reason for reason in map(_reason, lines) if reason is not None]


def send_order(path: Path, order: StopOrder) -> bool:
    """Pass the order on; False when nobody listens."""
    fd = _writing_end(path)
    if fd is None:
        return False
    try:
        os.write(fd, msgspec.json.encode(order) + b"\n")
    except BlockingIOError:
        pass  # The FIFO is full of orders that say the same.
    finally:
        os.close(fd)
    return True


def is_listening(path: Path) -> bool:
    """Whether a supervisor holds the other end."""
    fd = _writing_end(path)
    if fd is None:
        return False
    os.close(fd)
    return True


def _writing_end(path: Path) -> int | None:
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return None
        raise


def _reason(line: bytes) -> StopReason | None:
    try:
        return StopReason(msgspec.json.decode(line, type=StopOrder).reason)
    except (ValueError, *UNREADABLE):
        return None
