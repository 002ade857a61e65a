"""Files that commands write: all of them or none, in the place that was named."""

from __future__ import annotations

import os
import resource
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scheduler.cli.failures import Failure
from scheduler.cli.output_files import check_outputs, write_whole


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """No file can grow larger meanwhile, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_where_there_is_no_room_what_was_there_stays(tmp_path: Path) -> None:
    """And nothing half written is left beside it."""
    file = tmp_path / "out.csv"
    file.write_text("of yesterday")
    with room_for(100), pytest.raises(OSError, match="File too large"):
        write_whole(file, b"x" * 200)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("out.csv", "of yesterday")]


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("old")
    file.chmod(0o640)
    write_whole(file, b"new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o640)


def test_a_new_file_has_the_mode_that_any_has(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_whole(tmp_path / "out.csv", b"new")
    assert (tmp_path / "out.csv").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("as_link", [Path.symlink_to, Path.hardlink_to])
def test_a_link_stays_one_and_its_file_is_written(tmp_path: Path, as_link: object) -> None:
    file, link = tmp_path / "file.csv", tmp_path / "link.csv"
    file.write_text("old")
    as_link(link, file)  # type: ignore[operator]
    write_whole(link, b"new")
    assert (file.read_text(), link.samefile(file)) == ("new", True)


def test_what_is_written_into_a_pipe_comes_out_of_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=write_whole, args=(pipe, b"rows"))
    writing.start()
    assert pipe.read_bytes() == b"rows"
    writing.join(timeout=10)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_of_the_shell_can_be_written_and_is_no_place_in_a_directory() -> None:
    """`--csv >(gzip > out.csv.gz)` is /dev/fd/N, which leads to a name that no directory has."""
    reading, writing = os.pipe()
    try:
        check_outputs({"--csv": Path(f"/dev/fd/{writing}")}, {})
    finally:
        os.close(reading)
        os.close(writing)


def test_one_file_for_two_outputs_is_refused(tmp_path: Path) -> None:
    same = tmp_path / "same.csv"
    with pytest.raises(Failure, match=r"--plot: .* is the file of --schedule too"):
        check_outputs({"--schedule": same, "--plot": same}, {})
