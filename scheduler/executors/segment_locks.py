"""One lock file a segment. Its lock is held from before the start is committed until the supervisor's last breath."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from scheduler.domain.errors import ExecutorError
from scheduler.domain.runs import SegmentId

_LOCK_FILE = re.compile(r"([0-9]+-[0-9]+-[0-9]+)\.lock")


class SegmentLocks:
    """`flock`s in one directory: they belong to the open file, so handing on the descriptor hands on the lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def lock(self, segment: SegmentId) -> int:
        """Create and lock the file; the descriptor that holds the lock. ExecutorError when it is held already."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._path(segment), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise ExecutorError(f"the lock of {segment} cannot be created: {exc}; check disk and permissions") from exc
        if not _taken(fd):
            os.close(fd)
            raise ExecutorError(f"the lock of {segment} is held: that start is still alive; wait for its end")
        return fd

    def is_free(self, segment: SegmentId) -> bool:
        """Whether nobody holds the lock; one that was never made is free."""
        try:
            fd = os.open(self._path(segment), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        except OSError as exc:
            raise ExecutorError(f"the lock of {segment} cannot be looked at: {exc}; check permissions") from exc
        try:
            return _taken(fd)
        finally:
            os.close(fd)

    def remove(self, segment: SegmentId) -> None:
        """Tidy up after a segment that nobody asks about any more."""
        if self.is_free(segment):
            self._path(segment).unlink(missing_ok=True)

    def all(self) -> tuple[SegmentId, ...]:
        """Segments that have a lock file, held or not."""
        try:
            names = [path.name for path in self._directory.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as exc:
            raise ExecutorError(f"the locks in {self._directory} cannot be listed: {exc}; check permissions") from exc
        found = (_LOCK_FILE.fullmatch(name) for name in names)
        return tuple(sorted(SegmentId.parse(match[1]) for match in found if match))

    def _path(self, segment: SegmentId) -> Path:
        return self._directory / f"{segment}.lock"


def _taken(fd: int) -> bool:
    """Whether the lock could be taken; closing the descriptor gives it back."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
