"""Rotated logs: the newest bytes are kept, and an offset means the same byte before and after a rotation."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.protocol import LogChunk
from workers.logs import RotatingLog, read_log


def data(chunk: LogChunk) -> bytes:
    return base64.b64decode(chunk.data)


def read(path: Path, offset: int, limit: int = 1_000_000) -> LogChunk:
    return read_log(path, offset, limit, no_more_comes=False)


def test_a_log_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "stdout.log", 0) == LogChunk("", 0)


def test_what_fits_is_not_rotated(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "stdout.log", 10)
    log.write(b"0123456789")
    assert [path.name for path in tmp_path.iterdir()] == ["stdout.log"]
    assert data(read(tmp_path / "stdout.log", 4)) == b"456789"


def test_one_rotation_loses_nothing_and_the_second_loses_the_oldest(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    log = RotatingLog(path, 4)
    log.write(b"aaaabbbb")
    assert (data(read(path, 0)), read(path, 0).lost) == (b"aaaabbbb", 0)
    log.write(b"cc")
    chunk = read(path, 1)
    assert (data(chunk), chunk.lost, chunk.next_offset) == (b"bbbbcc", 3, 10)


def test_an_offset_beyond_the_end_gives_nothing_and_comes_back_to_the_end(tmp_path: Path) -> None:
    RotatingLog(tmp_path / "stdout.log", 4).write(b"abc")
    assert read(tmp_path / "stdout.log", 99) == LogChunk("", 3)


@pytest.mark.parametrize(
    ("offset", "limit", "no_more", "ended"), [(0, 2, True, False), (2, 9, True, True), (2, 9, False, False)]
)
def test_a_log_has_ended_when_no_more_comes_and_all_is_read(
    tmp_path: Path, offset: int, limit: int, no_more: bool, ended: bool
) -> None:
    RotatingLog(tmp_path / "stdout.log", 9).write(b"abc")
    assert read_log(tmp_path / "stdout.log", offset, limit, no_more).ended is ended


@given(
    pieces=st.lists(st.binary(max_size=40), max_size=30),
    log_limit=st.integers(1, 30),
    read_limit=st.integers(1, 20),
    every=st.integers(1, 5),
)
def test_a_reader_that_follows_sees_each_byte_once_or_is_told_how_many_it_missed(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], log_limit: int, read_limit: int, every: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "stdout.log"
    log, written, offset = RotatingLog(path, log_limit), b"", 0
    for number, piece in enumerate(pieces):
        log.write(piece)
        written += piece
        if number % every == 0:
            chunk = read(path, offset, read_limit)
            begin = offset + chunk.lost
            assert data(chunk) == written[begin : chunk.next_offset]
            assert chunk.lost == 0 or begin >= len(written) - 2 * log_limit
            offset = chunk.next_offset
    rest = read(path, offset)
    assert data(rest) == written[offset + rest.lost :]
    log.close()
