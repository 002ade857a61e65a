"""The files of one segment: where each lies, and which names may become a directory at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from scheduler import protocol
from scheduler.domain.runs import SegmentId

CHANNEL_DIRECTORY = "channel"
_NAME = re.compile(r"[0-9]{1,18}-[0-9]{1,9}-[0-9]{1,9}", re.ASCII)


def parse_segment(text: str) -> SegmentId:
    """The segment that `text` names; ValueError for anything but the one spelling of it."""
    if not _NAME.fullmatch(text) or str(SegmentId.parse(text)) != text:
        raise ValueError(f"{text[:60]!r} is not a segment; one looks like 12-1-1")
    return SegmentId.parse(text)


@dataclass(frozen=True, slots=True)
class SegmentDirectory:
    path: Path

    @classmethod
    def of(cls, runs: Path, segment: str) -> SegmentDirectory:
        """The directory of `segment` under `runs`; ValueError where the name could lead elsewhere."""
        return cls(runs / str(parse_segment(segment)))

    @property
    def spec(self) -> Path:
        return self.path / protocol.SPEC_FILE

    @property
    def run(self) -> Path:
        return self.path / protocol.RUN_FILE

    @property
    def exit(self) -> Path:
        return self.path / protocol.EXIT_FILE

    @property
    def stop(self) -> Path:
        return self.path / protocol.STOP_FILE

    @property
    def readings(self) -> Path:
        return self.path / protocol.READINGS_FILE

    @property
    def live(self) -> Path:
        return self.path / protocol.LIVE_FILE

    @property
    def control(self) -> Path:
        return self.path / protocol.CONTROL_FIFO

    @property
    def channel(self) -> Path:
        return self.path / CHANNEL_DIRECTORY

    @property
    def stdout(self) -> Path:
        return self.path / protocol.STDOUT_FILE

    @property
    def stderr(self) -> Path:
        return self.path / protocol.STDERR_FILE
