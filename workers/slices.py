"""The energy of one segment: sampled, cut into slices, journaled. Neither a meter nor a full disk stops the job."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from scheduler.domain.readings import Component, MeterMethod, ReadingFlag
from scheduler.protocol import LiveReading, RunSpec, SlicePart, SliceRecord
from scheduler.steps import Step, reached
from workers import clock
from workers.journal import ReadingsJournal, write_live
from workers.segment_directory import SegmentDirectory

logger = logging.getLogger(__name__)

SHORTEST_SLICE_S = 0.001
UNMETERED = [SlicePart(Component.HOST, "host", 0.0, MeterMethod.HOST_MODEL, [ReadingFlag.METER_LOST])]
"""What a slice says when nothing could be read: the flag, not the zero, is the statement."""


class Sampler(Protocol):
    """Reads every meter of one run; workers.metering.sampler has the real one."""

    def sample(self, now_t: float) -> None: ...

    def watts(self) -> float | None: ...

    def cut(self, now_t: float) -> list[SlicePart]: ...

    def close(self) -> None: ...


OpenSampler = Callable[[list[str], int, float], Sampler]


def open_real_sampler(gpu_uuids: list[str], root_pid: int, cpu_share: float) -> Sampler:
    from workers.metering.sampler import open_sampler

    return open_sampler(gpu_uuids, root_pid, cpu_share)


class SliceRecorder:
    """Cuts one slice after another without a gap, from its making to `finish`."""

    def __init__(
        self,
        directory: SegmentDirectory,
        spec: RunSpec,
        root_pid: int,
        open_sampler: OpenSampler,
        now: Callable[[], float] = clock.now,
    ) -> None:
        self._directory = directory
        self._now = now
        self._open_sampler = partial(open_sampler, spec.gpu_uuids, root_pid, spec.cpu_share)
        self._journal: ReadingsJournal | None = None
        self._unwritten: deque[SliceRecord] = deque()
        self._said = ""
        self._sampler = self._opened()
        self._since_t = now()
        self.last_seq = 0

    @property
    def since_t(self) -> float:
        """Start of the slice being metered, which is the end of the one before."""
        return self._since_t

    def sample(self) -> None:
        """Read the meters, and leave the power for people watching."""
        watts = None
        if self._sampler is not None:
            try:
                self._sampler.sample(self._now_t())
                watts = self._sampler.watts()
            except Exception as error:
                self._complain("a sample failed", error)
        with contextlib.suppress(OSError):
            write_live(self._directory.live, LiveReading(self._now(), watts))

    def cut(self) -> None:
        """End the present slice, and put on disk what is not there yet."""
        end_t = self._now_t()
        self.last_seq += 1
        self._unwritten.append(SliceRecord(self.last_seq, self._since_t, end_t, self._parts(end_t)))
        self._since_t = end_t
        try:
            self.write_out()
        except OSError as error:
            logger.warning("%d slices wait in memory, the disk refused them: %s", len(self._unwritten), error)

    def write_out(self) -> None:
        """Journal what waits in memory; OSError, and nothing lost, where the disk refuses."""
        if self._journal is None:
            self._journal = ReadingsJournal(self._directory.readings)
        while self._unwritten:
            self._journal.append(self._unwritten[0])
            self._unwritten.popleft()
            reached(Step.SLICE_JOURNALED)

    def finish(self) -> None:
        """Cut the last slice; from here on only `write_out` may be needed."""
        self.cut()
        self._close_sampler()
        with contextlib.suppress(OSError):
            self._directory.live.unlink(missing_ok=True)

    def _now_t(self) -> float:
        """A clock that was set back makes a slice short, never backwards."""
        return max(self._now(), self._since_t + SHORTEST_SLICE_S)

    def _parts(self, end_t: float) -> list[SlicePart]:
        """What the meters counted in the slice; after a failure they are opened anew for the next one."""
        if self._sampler is not None:
            try:
                return self._sampler.cut(end_t)
            except Exception as error:
                self._complain("a slice was not metered", error)
                self._close_sampler()
        self._sampler = self._opened()
        return UNMETERED

    def _opened(self) -> Sampler | None:
        try:
            return self._open_sampler()
        except Exception as error:
            self._complain("no meter can be opened", error)
            return None

    def _complain(self, what: str, error: Exception) -> None:
        """Say it once, not once a second."""
        if (said := f"{what}, the job goes on: {error!r}") != self._said:
            logger.warning(said, exc_info=error)
            self._said = said

    def _close_sampler(self) -> None:
        if self._sampler is None:
            return
        # Broad on purpose, here and above: whatever a meter's driver does, it is not worth a job.
        with contextlib.suppress(Exception):
            self._sampler.close()
        self._sampler = None
