"""What a job prints: into a file that is rotated to `.1` at a limit, read back by offsets that count from its start."""

from __future__ import annotations

import base64
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scheduler.protocol import LogChunk

READ_ATTEMPTS = 10
PUMP_BYTES = 256 * 1024


class RotatingLog:
    """Takes bytes for ever and keeps the newest, between one and two limits of them."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._fd = _appendable(path)
        self._start = 0
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append; what the disk does not take is lost, for a full disk must not stop the job."""
        with contextlib.suppress(OSError):
            while data:
                if self._size >= self._limit_bytes:
                    self._rotate()
                written = os.write(self._fd, data[: self._limit_bytes - self._size])
                self._size += written
                data = data[written:]

    def close(self) -> None:
        os.close(self._fd)

    def _rotate(self) -> None:
        """Starts go on record before a file moves, so that a reader can place whichever files it finds."""
        fresh = self._path.with_name(f".{self._path.name}.fresh")
        fresh.unlink(missing_ok=True)
        fd = _appendable(fresh)
        next_start = self._start + self._size
        starts = {os.fstat(self._fd).st_ino: self._start, os.fstat(fd).st_ino: next_start}
        try:
            _write_starts(self._path, _read_starts(self._path) | starts)
            self._path.replace(_rotated(self._path))
            fresh.replace(self._path)
        except OSError:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd, self._start, self._size = fd, next_start, 0
        _write_starts(self._path, starts)


class Pump:
    """Carries what comes out of one pipe into a log."""

    def __init__(self, pipe: int, log: RotatingLog) -> None:
        self._pipe = pipe
        self._log = log

    def fileno(self) -> int:
        return self._pipe

    def carry(self) -> bool:
        """Take what is there; False once nobody can write any more."""
        try:
            data = os.read(self._pipe, PUMP_BYTES)
        except BlockingIOError:
            return True
        self._log.write(data)
        return bool(data)

    def close(self) -> None:
        os.close(self._pipe)
        self._log.close()


@dataclass(frozen=True, slots=True)
class _Piece:
    """One open file of a log, and the offset of its first byte."""

    fd: int
    start: int
    end: int


def read_log(path: Path, offset: int, limit: int, no_more_comes: bool) -> LogChunk:
    """Up to `limit` bytes from `offset` on, or from the oldest byte kept where that was rotated away."""
    pieces = _open_pieces(path)
    try:
        end = pieces[-1].end if pieces else 0
        begin = min(max(offset, pieces[0].start), end) if pieces else 0
        data = b""
        for piece in pieces:
            if piece.start <= begin + len(data) < piece.end:
                data += os.pread(piece.fd, limit - len(data), begin + len(data) - piece.start)
    finally:
        for piece in pieces:
            os.close(piece.fd)
    next_offset = begin + len(data)
    return LogChunk(
        data=base64.b64encode(data).decode(),
        next_offset=next_offset,
        lost=max(0, begin - offset),
        ended=no_more_comes and next_offset >= end,
    )


def _open_pieces(path: Path) -> list[_Piece]:
    """The files of a log, oldest first; once more from the beginning where a rotation came between."""
    for _ in range(READ_ATTEMPTS):
        # The newer first: what is rotated meanwhile is then met twice, not missed.
        fds = [fd for fd in (_readable(path), _readable(_rotated(path))) if fd is not None]
        starts = _read_starts(path)
        placed = {fd: _start_of(fd, starts) for fd in fds}
        if None not in placed.values():
            break
        for fd in fds:
            os.close(fd)
    else:
        raise OSError(f"{path} is rotated faster than it can be read; ask again")
    pieces = [_Piece(fd, start, start + os.fstat(fd).st_size) for fd, start in placed.items() if start is not None]
    return sorted(pieces, key=lambda piece: piece.start)


def _start_of(fd: int, starts: dict[int, int]) -> int | None:
    """Offset of a file's first byte; the first file of a log has no record until it is rotated."""
    return starts.get(os.fstat(fd).st_ino) if starts else 0


def _rotated(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _starts_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.starts")


def _read_starts(path: Path) -> dict[int, int]:
    """Inode number to offset of the first byte."""
    try:
        return msgspec.json.decode(_starts_file(path).read_bytes(), type=dict[int, int])
    except FileNotFoundError:
        return {}


def _write_starts(path: Path, starts: dict[int, int]) -> None:
    aside = _starts_file(path).with_suffix(".aside")
    aside.write_bytes(msgspec.json.encode(starts))
    aside.replace(_starts_file(path))


def _appendable(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _readable(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
