"""The three small files a training script leaves for its supervisor."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from scheduler import protocol

pytest.importorskip("torch", reason="the training kit needs torch: pip install 'carbonq[train]'")

from workers.training import channel
from workers.training.channel import Channel


class FakeMonotonic:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def read(directory: Path, name: str, kind: type[msgspec.Struct]) -> msgspec.Struct:
    return msgspec.json.decode((directory / name).read_bytes(), type=kind)


@pytest.mark.parametrize(
    "name",
    [
        "ENV_CHECKPOINT_DIR",
        "ENV_CHANNEL_DIR",
        "CHANNEL_ANNOUNCE",
        "CHANNEL_PROGRESS",
        "CHANNEL_CHECKPOINT",
        "EXIT_SUSPENDED",
    ],
)
def test_the_training_kit_repeats_the_protocols_names(name: str) -> None:
    """The kit may not import the scheduler, so equality is what keeps both sides speaking one language."""
    assert getattr(channel, name) == getattr(protocol, name)


def test_the_supervisor_can_read_every_word(tmp_path: Path) -> None:
    """Each file decodes as the message that the protocol says it holds."""
    said = Channel(tmp_path)
    said.announce("SIGUSR1")
    said.progress(step=3, total=10, loss=0.5)
    said.checkpoint_written(step=3)

    assert read(tmp_path, protocol.CHANNEL_ANNOUNCE, protocol.Announcement) == protocol.Announcement("SIGUSR1")
    progress = read(tmp_path, protocol.CHANNEL_PROGRESS, protocol.Progress)
    assert isinstance(progress, protocol.Progress)
    assert (progress.step, progress.total, progress.loss) == (3, 10, 0.5)
    written = read(tmp_path, protocol.CHANNEL_CHECKPOINT, protocol.CheckpointWritten)
    assert isinstance(written, protocol.CheckpointWritten)
    assert written.step == 3


def test_only_the_finished_files_are_left(tmp_path: Path) -> None:
    """A word is written aside and renamed, so a reader never meets half of one."""
    Channel(tmp_path).progress(step=1, total=2)
    assert [path.name for path in tmp_path.iterdir()] == [protocol.CHANNEL_PROGRESS]


def test_progress_is_due_twice_a_second_at_most(tmp_path: Path) -> None:
    """A loop of a thousand steps a second writes two words a second."""
    monotonic = FakeMonotonic()
    said = Channel(tmp_path, monotonic)
    assert said.progress_is_due
    said.progress(step=1, total=1000)
    assert not said.progress_is_due
    monotonic.seconds = channel.PROGRESS_EVERY_S
    assert said.progress_is_due


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_diverged_loss_does_not_hide_the_progress(tmp_path: Path, loss: float) -> None:
    """JSON knows neither NaN nor infinity; the step is told, the loss is left out."""
    Channel(tmp_path).progress(step=7, total=9, loss=loss)
    progress = read(tmp_path, protocol.CHANNEL_PROGRESS, protocol.Progress)
    assert isinstance(progress, protocol.Progress)
    assert (progress.step, progress.loss) == (7, None)


def test_training_goes_on_where_progress_cannot_be_written(tmp_path: Path) -> None:
    """A channel directory that has gone, or a full disk, costs the watcher and not the job."""
    Channel(tmp_path / "gone").progress(step=1, total=2)


def test_a_script_run_by_hand_tells_nobody_anything() -> None:
    """Without a channel directory no word is ever due, so a loss is never fetched from a GPU for it."""
    nobody = Channel(None)
    nobody.announce("SIGUSR1")
    nobody.checkpoint_written(step=1)
    assert not nobody.progress_is_due
