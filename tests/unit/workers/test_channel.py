"""What a job leaves in its channel: read when it is what was agreed, passed over when it is anything else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scheduler.protocol import Announcement, CheckpointWritten, Progress
from workers import channel


def test_each_file_is_read_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "announce.json").write_text('{"checkpoint_signal": "SIGUSR1", "kit": "1.2"}')
    (tmp_path / "progress.json").write_text('{"step": 3, "total": 9}')
    (tmp_path / "checkpoint.json").write_text('{"step": 2, "t": 1.5}')
    assert channel.announcement(tmp_path) == Announcement("SIGUSR1")
    assert channel.progress(tmp_path) == Progress(3, 9)
    assert channel.checkpoint(tmp_path) == CheckpointWritten(2, 1.5)


def test_an_empty_channel_says_nothing(tmp_path: Path) -> None:
    assert channel.progress(tmp_path) is None
    assert channel.progress(tmp_path / "absent") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"step": "three"}',
        b'{"step": NaN}',
        b'{"step": -1}',
        b'{"step": 1e300}',
        b'{"step": 9007199254740993}',
        b'{"step": 1, "total": 1000000000000000000000}',
        b'{"step": 1, "t": 1e300}',
        b'{"step": 1, "t": -1}',
        b'{"step": 1, "x": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"step": 1, "phase": 2, "loss": "\xff\xfe"}',
        b" " * 100_000 + b'{"step": 1}',
        b'{"step": 1}' + b" " * 100_000,
    ],
)
def test_nonsense_says_nothing(tmp_path: Path, content: bytes) -> None:
    """Ill-formed, out of range, nested too deeply, not UTF-8, or longer than any such record is."""
    (tmp_path / "progress.json").write_bytes(content)
    assert channel.progress(tmp_path) is None


def test_a_signals_name_that_is_not_utf8_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "announce.json").write_bytes(b'{"checkpoint_signal": "\xff\xfe"}')
    assert channel.announcement(tmp_path) is None


def test_a_pipe_a_link_or_a_directory_neither_blocks_nor_leads_elsewhere(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "progress.json")
    (tmp_path / "elsewhere").write_text('{"step": 2, "t": 1.5}')
    (tmp_path / "checkpoint.json").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "announce.json").mkdir()
    assert channel.progress(tmp_path) is None
    assert channel.checkpoint(tmp_path) is None
    assert channel.announcement(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "done"),
    [('{"step": 9, "total": 9}', True), ('{"step": 8, "total": 9}', False), ('{"step": 9}', False), ("", False)],
)
def test_a_job_is_done_when_its_last_step_is_its_total(tmp_path: Path, content: str, done: bool) -> None:
    (tmp_path / "progress.json").write_text(content)
    assert channel.says_done(tmp_path) is done
