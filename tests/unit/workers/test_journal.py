"""Records on disk: whole or not there, whatever was interrupted when."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.protocol import LiveReading, SlicePart, SliceRecord, StopRecord
from workers.journal import ReadingsJournal, create_durably, read_record, slices_after, write_durably, write_live


def a_slice(seq: int, device: str = "GPU-0") -> SliceRecord:
    return SliceRecord(seq, seq * 60.0, seq * 60.0 + 60, [SlicePart("gpu", device, 6000.0, "replay")])


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond `size` bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_durably(tmp_path / "stop.json", StopRecord("cancel", 1.5))
    assert read_record(tmp_path / "stop.json", StopRecord) == StopRecord("cancel", 1.5)
    assert [path.name for path in tmp_path.iterdir()] == ["stop.json"]


def test_a_record_is_replaced_whole(tmp_path: Path) -> None:
    for t in (1.0, 2.0):
        write_live(tmp_path / "live.json", LiveReading(t, None))
    assert read_record(tmp_path / "live.json", LiveReading) == LiveReading(2.0, None)


def test_creating_a_record_that_exists_changes_nothing(tmp_path: Path) -> None:
    create_durably(tmp_path / "run.json", StopRecord("cancel", 1.0))
    with pytest.raises(FileExistsError):
        create_durably(tmp_path / "run.json", StopRecord("cancel", 2.0))
    assert read_record(tmp_path / "run.json", StopRecord) == StopRecord("cancel", 1.0)


def test_a_disk_that_refuses_leaves_the_old_record(tmp_path: Path) -> None:
    write_durably(tmp_path / "stop.json", StopRecord("suspend", 1.0))
    with files_no_longer_than(3), pytest.raises(OSError):
        write_durably(tmp_path / "stop.json", StopRecord("cancel", 2.0))
    assert read_record(tmp_path / "stop.json", StopRecord) == StopRecord("suspend", 1.0)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"t": "x"}', b"\xff"])
def test_a_damaged_record_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stop.json").write_bytes(content)
    assert read_record(tmp_path / "stop.json", StopRecord) is None


def test_slices_are_read_back_in_order_after_a_cursor_and_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    journal = ReadingsJournal(path)
    for seq in range(1, 6):
        journal.append(a_slice(seq))
    assert [piece.seq for piece in slices_after(path, 0, 100)] == [1, 2, 3, 4, 5]
    assert [piece.seq for piece in slices_after(path, 2, 2)] == [3, 4]
    assert slices_after(path, 5, 100) == []
    assert slices_after(tmp_path / "absent", 0, 100) == []


@given(cursor=st.integers(0, 400), limit=st.integers(1, 400))
def test_a_long_journal_gives_the_same_slices_however_far_back_one_must_look(
    tmp_path_factory: pytest.TempPathFactory, cursor: int, limit: int
) -> None:
    """300 lines of about 800 bytes: several reads from the end."""
    path = tmp_path_factory.getbasetemp() / "long.jsonl"
    if not path.exists():
        journal = ReadingsJournal(path)
        for seq in range(1, 301):
            journal.append(a_slice(seq, device="G" * 700))
    wanted = range(cursor + 1, 301)[:limit]
    assert [piece.seq for piece in slices_after(path, cursor, limit)] == list(wanted)


def test_a_torn_last_line_is_not_there_and_goes_when_the_journal_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    ReadingsJournal(path).append(a_slice(1))
    with path.open("ab") as file:
        file.write(b'{"seq":2,"start_t":')
    assert [piece.seq for piece in slices_after(path, 0, 10)] == [1]
    ReadingsJournal(path).append(a_slice(2))
    assert slices_after(path, 0, 10) == [a_slice(1), a_slice(2)]


def test_a_line_the_disk_took_half_of_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    journal = ReadingsJournal(path)
    journal.append(a_slice(1))
    with files_no_longer_than(path.stat().st_size + 20), pytest.raises(OSError):
        journal.append(a_slice(2))
    assert slices_after(path, 0, 10) == [a_slice(1)]
    journal.append(a_slice(2))
    assert slices_after(path, 0, 10) == [a_slice(1), a_slice(2)]


def test_a_damaged_line_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    journal = ReadingsJournal(path)
    journal.append(a_slice(1))
    with path.open("ab") as file:
        file.write(b"\0\0\0\n")
    ReadingsJournal(path).append(a_slice(2))
    assert slices_after(path, 0, 10) == [a_slice(1), a_slice(2)]
