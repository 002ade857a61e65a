"""Laws of the channel: whatever bytes a job leaves there, its segment is reported, stopped and recorded."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fakes.worker_processes import run_spec
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.intervals import from_epoch
from scheduler.domain.lifecycle import StopReason
from scheduler.protocol import Reports, SegmentReport, decode_reply, encode
from workers import channel
from workers.launcher import ForkLauncher
from workers.segment_directory import SegmentDirectory
from workers.segments import Segments
from workers.stop_conduct import StopConduct

NAMES = ("announce.json", "progress.json", "checkpoint.json")

numbers = st.one_of(st.integers(), st.integers(-(10**40), 10**40), st.floats(), st.booleans(), st.none())
nested = st.integers(0, 20_000).map(lambda depth: b'{"step":1,"t":1,"x":' + b"[" * depth + b"]" * depth + b"}")
nearly_sound = st.fixed_dictionaries(
    {},
    optional={
        "step": numbers,
        "total": numbers,
        "loss": numbers,
        "t": numbers,
        "checkpoint_signal": st.text() | st.sampled_from(["SIGUSR1", "SIGKILL", "SIGSTOP", "SIGTERM"]),
    },
).map(lambda record: json.dumps(record).encode())
not_utf8 = st.binary(min_size=1, max_size=8).map(
    lambda text: b'{"step":1,"t":1,"total":1,"checkpoint_signal":"' + text + b'"}'
)
contents = st.one_of(st.binary(max_size=300), nested, nearly_sound, not_utf8)
whatever = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, contents))


class HeldProcess:
    """A process that notes what it is sent, and lives on."""

    code = None

    def __init__(self) -> None:
        self.sent: list[signal.Signals] = []

    def reap(self) -> bool:
        return False

    def signal_main(self, number: signal.Signals) -> None:
        self.sent.append(number)

    signal_group = signal_main


@pytest.fixture(scope="module")
def leave(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, bytes]], SegmentDirectory]:
    """A segment's directory whose channel holds just these files."""
    directory = SegmentDirectory.of(tmp_path_factory.mktemp("runs"), "1-1-1")
    directory.channel.mkdir(parents=True)

    def left(files: dict[str, bytes]) -> SegmentDirectory:
        directory.stop.unlink(missing_ok=True)
        for name in NAMES:
            (directory.channel / name).unlink(missing_ok=True)
        for name, content in files.items():
            (directory.channel / name).write_bytes(content)
        return directory

    return left


@given(files=whatever)
def test_a_segment_is_reported_and_its_progress_can_be_shown_or_is_absent(
    leave: Callable[[dict[str, bytes]], SegmentDirectory], files: dict[str, bytes]
) -> None:
    """The report can be sent, arrives as it was, and holds no moment that a calendar has not."""
    directory = leave(files)
    report = Segments(directory.path.parent, ForkLauncher()).report("1-1-1", 0, 10)
    assert decode_reply(encode(1, Reports(0.0, [report]))) == (1, Reports(0.0, [report]))
    assert msgspec.structs.replace(report, progress=None) == SegmentReport("1-1-1")
    if report.progress is not None and report.progress.t is not None:
        from_epoch(report.progress.t).astimezone()


@given(files=whatever, reason=st.sampled_from([*StopReason, None]))
def test_every_stop_begins_with_one_signal_and_can_be_recorded(
    leave: Callable[[dict[str, bytes]], SegmentDirectory], files: dict[str, bytes], reason: StopReason | None
) -> None:
    """SIGTERM, unless the channel has a sound announcement of another signal; none where a job to suspend is done."""
    directory = leave(files)
    process = HeldProcess()
    stop = StopConduct(process, directory, run_spec(Path("/"), "true"))  # type: ignore[arg-type]
    stop.ask(reason)
    stop.proceed()
    if goes_on := reason is StopReason.SUSPEND and channel.says_done(directory.channel):
        assert process.sent == []
    elif channel.announcement(directory.channel) is None:
        assert process.sent == [signal.SIGTERM]
    else:
        assert len(process.sent) == 1
    written = channel.checkpoint(directory.channel)
    assert (stop.reason, stop.finished, stop.honest_code) == (None if goes_on else reason, False, None)
    assert written is None or msgspec.json.encode(written)


def test_a_checkpoint_record_that_becomes_nonsense_is_no_new_checkpoint(
    leave: Callable[[dict[str, bytes]], SegmentDirectory],
) -> None:
    """The wait for the one that was asked for goes on."""
    announced = {"announce.json": b'{"checkpoint_signal": "SIGUSR1"}'}
    process = HeldProcess()
    directory = leave({**announced, "checkpoint.json": b'{"step": 1, "t": 0}'})
    stop = StopConduct(process, directory, run_spec(Path("/"), "true"))  # type: ignore[arg-type]
    stop.ask(StopReason.SUSPEND)
    leave({**announced, "checkpoint.json": b"{"})
    stop.proceed()
    assert process.sent == [signal.SIGUSR1]
