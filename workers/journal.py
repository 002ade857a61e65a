"""Records on disk that survive a crash at any moment: written whole or not at all."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TypeVar

import msgspec

from scheduler.protocol import SliceRecord

Record = TypeVar("Record", bound=msgspec.Struct)

logger = logging.getLogger(__name__)

TAIL_BYTES = 64 * 1024
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises at bytes that are no record: malformed, of another kind, not UTF-8, nested too deeply."""


def write_durably(path: Path, record: msgspec.Struct) -> None:
    """Put `record` at `path`, replacing what was there; when this returns it is on disk."""
    aside = _written_aside(path, record)
    aside.replace(path)
    _sync_directory(path.parent)


def create_durably(path: Path, record: msgspec.Struct) -> None:
    """As `write_durably`, but FileExistsError, and nothing changed, where `path` exists."""
    aside = _written_aside(path, record)
    try:
        os.link(aside, path)
    finally:
        aside.unlink()
    _sync_directory(path.parent)


def write_live(path: Path, record: msgspec.Struct) -> None:
    """Replace `path` whole, without waiting for the disk: losing it in a power cut costs nothing."""
    aside = _aside(path)
    aside.write_bytes(msgspec.json.encode(record))
    aside.replace(path)


def read_record(path: Path, kind: type[Record]) -> Record | None:
    """The record at `path`; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        logger.warning("%s is damaged and counts as absent: %s", path, error)
        return None


class ReadingsJournal:
    """Appends slices, one a line, each on disk before `append` returns."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._size = _whole_lines(self._fd)
            os.ftruncate(self._fd, self._size)
        except OSError:
            os.close(self._fd)
            raise

    def append(self, record: SliceRecord) -> None:
        """OSError, and the journal as it was, where the disk does not take the line."""
        line = msgspec.json.encode(record) + b"\n"
        # A write that failed half-way may have left a torn line; it goes before anything follows it.
        os.ftruncate(self._fd, self._size)
        _write_all(self._fd, line)
        os.fsync(self._fd)
        self._size += len(line)


def slices_after(path: Path, seq: int, limit: int) -> list[SliceRecord]:
    """At most `limit` slices that follow number `seq`, in order; a torn last line is not there yet."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return []
    reach = TAIL_BYTES
    while True:
        records = _last_records(path, size, reach)
        if reach >= size or (records and records[0].seq <= seq + 1):
            return [record for record in records if record.seq > seq][:limit]
        reach *= 8


def _last_records(path: Path, size: int, reach: int) -> list[SliceRecord]:
    """The whole lines within the last `reach` of `size` bytes."""
    with path.open("rb") as journal:
        journal.seek(max(0, size - reach))
        lines = journal.read(min(size, reach)).split(b"\n")
    whole = lines[:-1] if reach >= size else lines[1:-1]
    return [record for line in whole if (record := _slice(line)) is not None]


def _slice(line: bytes) -> SliceRecord | None:
    try:
        return msgspec.json.decode(line, type=SliceRecord)
    except UNREADABLE as error:
        logger.warning("a damaged line of a readings journal is passed over: %s", error)
        return None


def _whole_lines(fd: int) -> int:
    """Bytes of the file up to and with its last newline."""
    return os.pread(fd, os.fstat(fd).st_size, 0).rfind(b"\n") + 1


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.aside")


def _written_aside(path: Path, record: msgspec.Struct) -> Path:
    aside = _aside(path)
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(fd, msgspec.json.encode(record))
        os.fsync(fd)
    finally:
        os.close(fd)
    return aside


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
