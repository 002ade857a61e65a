"""Slices of energy under a wall clock that people set."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from fakes.worker_processes import run_spec
from hypothesis import given
from hypothesis import strategies as st
from pytest import TempPathFactory

from scheduler.protocol import SlicePart
from workers.journal import slices_after
from workers.segment_directory import SegmentDirectory
from workers.slices import SliceRecorder


class OneJoule:
    """A meter that counts one joule a slice."""

    def sample(self, now_t: float) -> None: ...

    def watts(self) -> float | None:
        return None

    def cut(self, now_t: float) -> list[SlicePart]:
        return [SlicePart("gpu", "GPU-0", 1.0, "replay")]

    def close(self) -> None: ...


@given(times=st.lists(st.floats(1.7e9, 1.9e9), min_size=2, max_size=20))
def test_however_the_clock_is_set_slices_follow_each_other_forwards_and_keep_every_joule(
    tmp_path_factory: TempPathFactory, times: list[float]
) -> None:
    directory = SegmentDirectory(tmp_path_factory.mktemp("segment"))
    clock = iter([*times, *times[-1:] * 2])
    recorder = SliceRecorder(
        directory, run_spec(Path("/"), "true"), 1, lambda uuids, pid, share: OneJoule(), clock.__next__
    )
    for _ in times[1:]:
        recorder.cut()
    slices = slices_after(directory.readings, 0, 100)
    assert all(piece.start_t < piece.end_t for piece in slices)
    assert all(before.end_t == after.start_t for before, after in pairwise(slices))
    assert sum(part.joules for piece in slices for part in piece.parts) == len(times) - 1
