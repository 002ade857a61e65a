"""What the job's own code says of itself, read with suspicion: the job may leave anything there.

Whatever is no sound record counts as absent, here and nowhere else: all readers of the channel come through this room.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TypeVar

import msgspec

from scheduler.protocol import (
    CHANNEL_ANNOUNCE,
    CHANNEL_CHECKPOINT,
    CHANNEL_PROGRESS,
    Announcement,
    CheckpointWritten,
    Progress,
)
from workers.journal import UNREADABLE

Word = TypeVar("Word", bound=msgspec.Struct)

LONGEST_WORD_BYTES = 64 * 1024


def announcement(channel: Path) -> Announcement | None:
    return _word(channel / CHANNEL_ANNOUNCE, Announcement)


def progress(channel: Path) -> Progress | None:
    return _word(channel / CHANNEL_PROGRESS, Progress)


def checkpoint(channel: Path) -> CheckpointWritten | None:
    return _word(channel / CHANNEL_CHECKPOINT, CheckpointWritten)


def says_done(channel: Path) -> bool:
    """Whether the last progress is all of it."""
    said = progress(channel)
    return said is not None and said.total is not None and said.step >= said.total


def _word(path: Path, kind: type[Word]) -> Word | None:
    """The file as a `kind`; None for whatever else lies there."""
    try:
        # A FIFO would block and a link could lead anywhere.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST_WORD_BYTES:
            return None
        return msgspec.json.decode(os.read(fd, LONGEST_WORD_BYTES), type=kind)
    except (OSError, *UNREADABLE):
        return None
    finally:
        os.close(fd)
