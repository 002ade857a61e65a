"""An executor without processes: each start ends as its script says, when the fake clock gets there.

    executor = FakeExecutor(clock, script={1: [Outcome(lasts=timedelta(hours=1)), Outcome(code=3)]})

The script names, for each job, the outcomes of its starts in order; the last one holds for every further start.
"""

from __future__ import annotations

import base64
import os
import select
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from scheduler import protocol
from scheduler.domain.errors import ExecutorError
from scheduler.domain.gpus import Gpu, Inventory
from scheduler.domain.lifecycle import StopReason
from scheduler.domain.readings import LONGEST_SLICE
from scheduler.domain.runs import SegmentId
from scheduler.domain.units import Power
from scheduler.ports import Clock

END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one start does if nobody stops it, and how it takes being stopped."""

    lasts: timedelta = timedelta(hours=1)
    code: int | None = 0
    power: Power = Power(watts=100)
    stdout: bytes = b""
    never_starts: bool = False
    """The order is taken and nothing comes of it: the lock is free, and nothing is on disk."""
    vanishes: bool = False
    """At the end its supervisor dies without a word."""
    spawn_error: str | None = None
    start_fault: Exception | None = None
    """Raised by each order to start it: a fault of ours that this job brings out."""
    stop_fault: Exception | None = None
    stops_with: int = -15
    finished_when_stopped: bool = False
    checkpoint_step: int | None = None
    progress: protocol.Progress | None = None


@dataclass(slots=True)
class _Started:
    order: protocol.StartOrder
    outcome: Outcome
    at: datetime
    lock: int | None
    stop: StopReason | None = None
    stopped_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        if self.outcome.spawn_error is not None:
            return self.at
        return min(self.at + self.outcome.lasts, self.stopped_at or END_OF_TIME)


@dataclass(slots=True)
class FakeExecutor:
    """The Executor port in memory. Set `unreachable` and every question fails as if the agent were gone."""

    clock: Clock
    script: Mapping[int, Sequence[Outcome]] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = (Gpu("GPU-0", "Fake A100"),)
    cpu_slots: int = 2
    unreachable: bool = False
    fault: BaseException | None = None
    """Raised by every question: a fault of ours, which no port foresees, or the end of the daemon."""
    unreadable_locks: bool = False
    orders: list[protocol.StartOrder] = field(default_factory=list)
    """Every start order that was taken."""
    stops: list[tuple[SegmentId, StopReason]] = field(default_factory=list)
    forgotten: list[SegmentId] = field(default_factory=list)
    _started: dict[SegmentId, _Started] = field(default_factory=dict)
    _locks: dict[SegmentId, int] = field(default_factory=dict)
    """Reading ends of pipes: a lock is free once nobody holds its writing end, as with a real one."""

    async def inventory(self) -> Inventory:
        self._reach()
        return Inventory("worker", "boot", self.gpus, self.cpu_slots, meters=("replay",))

    def lock(self, segment: SegmentId) -> int:
        if not self.lock_is_free(segment):
            raise ExecutorError(f"the lock of {segment} is held: that start is still alive; wait for its end")
        if segment in self._locks:
            os.close(self._locks[segment])
        self._locks[segment], held = os.pipe()
        return held

    def lock_is_free(self, segment: SegmentId) -> bool:
        self._settle()
        if self.unreadable_locks:
            raise ExecutorError(f"the lock of {segment} cannot be looked at: Permission denied; check permissions")
        if segment not in self._locks:
            return True
        return bool(select.select([self._locks[segment]], [], [], 0)[0])

    async def start(self, order: protocol.StartOrder, lock: int) -> None:
        self._reach()
        segment = SegmentId.parse(order.spec.segment)
        if segment in self._started:
            raise ExecutorError(f"the worker agent refused: segment {segment} was ordered before; ask for its report")
        outcome = self._outcome(segment.job)
        if outcome.start_fault is not None:
            raise outcome.start_fault
        self.orders.append(order)
        held = None if outcome.never_starts else os.dup(lock)
        self._started[segment] = _Started(order, outcome, self.clock.now(), held)

    async def stop(self, segment: SegmentId, reason: StopReason) -> None:
        self._reach()
        if segment not in self._started:
            raise ExecutorError(f"the worker agent refused: segment {segment} is not known to this worker")
        self._settle()
        started = self._started[segment]
        if started.outcome.stop_fault is not None:
            raise started.outcome.stop_fault
        self.stops.append((segment, reason))
        if started.lock is not None and started.stop is None:
            started.stop, started.stopped_at = reason, self.clock.now()

    async def reports(self, cursors: Mapping[SegmentId, int]) -> Mapping[SegmentId, protocol.SegmentReport]:
        self._reach()
        self._settle()
        return {segment: self._report(segment, cursor) for segment, cursor in cursors.items()}

    async def read_log(self, segment: SegmentId, stream: str, offset: int, limit: int) -> protocol.LogChunk:
        self._reach()
        self._settle()
        if segment not in self._started:
            raise ExecutorError(f"the worker agent refused: segment {segment} is not known to this worker")
        started = self._started[segment]
        text = started.outcome.stdout if stream == "stdout" else b""
        data = text[offset : offset + limit]
        end = min(offset, len(text)) + len(data)
        return protocol.LogChunk(base64.b64encode(data).decode(), end, ended=started.lock is None and end == len(text))

    async def forget(self, segment: SegmentId) -> None:
        self._reach()
        if not self.lock_is_free(segment):
            raise ExecutorError(f"the worker agent refused: segment {segment} still runs; stop it first")
        self.forgotten.append(segment)
        if segment in self._locks:
            os.close(self._locks.pop(segment))

    def unforgotten(self) -> tuple[SegmentId, ...]:
        return tuple(sorted(self._locks))

    async def clean(self, segments: Sequence[SegmentId], dry_run: bool) -> protocol.Cleaned:
        self._reach()
        for segment in segments:
            if not self.lock_is_free(segment):
                raise ExecutorError(f"the worker agent refused: segment {segment} still runs; stop its job first")
        here = [self._started[segment] for segment in segments if segment in self._started]
        if not dry_run:
            for segment in segments:
                self._started.pop(segment, None)
        return protocol.Cleaned(sum(len(started.outcome.stdout) for started in here))

    async def close(self) -> None:
        for started in self._started.values():
            _let_go(started)
        for reading_end in self._locks.values():
            os.close(reading_end)
        self._locks.clear()

    def _reach(self) -> None:
        if self.fault is not None:
            raise self.fault
        if self.unreachable:
            raise ExecutorError("the worker agent cannot be reached; the daemon starts it again")

    def _outcome(self, job: int) -> Outcome:
        outcomes = self.script.get(job) or (Outcome(),)
        before = sum(segment.job == job for segment in self._started)
        return outcomes[min(before, len(outcomes) - 1)]

    def _settle(self) -> None:
        """Let go of the locks of all whose end has come."""
        for started in self._started.values():
            if self.clock.now() >= started.ends_at:
                _let_go(started)

    def _report(self, segment: SegmentId, cursor: int) -> protocol.SegmentReport:
        started = self._started.get(segment)
        if started is None or started.outcome.never_starts:
            return protocol.SegmentReport(str(segment))
        ended = started.lock is None and not started.outcome.vanishes
        return protocol.SegmentReport(
            str(segment),
            run=protocol.RunRecord(str(segment), 1, "boot", "worker", started.at.timestamp()),
            exit=self._exit(started) if ended else None,
            slices=[each for each in self._slices(started) if each.seq > cursor],
            progress=started.outcome.progress,
            stop_reason=started.stop,
            watts=None if started.lock is None else started.outcome.power.watts,
        )

    def _exit(self, started: _Started) -> protocol.ExitRecord:
        outcome, ends_t = started.outcome, started.ends_at.timestamp()
        record = protocol.ExitRecord(
            started.order.spec.segment,
            started.at.timestamp(),
            ends_t,
            None if outcome.spawn_error else outcome.code,
            spawn_error=outcome.spawn_error,
            checkpoint_step=outcome.checkpoint_step,
            last_seq=len(self._slices(started)),
        )
        if started.stop is None:
            return record
        code = 0 if outcome.finished_when_stopped else outcome.stops_with
        return msgspec.structs.replace(
            record, code=code, stop_reason=started.stop, finished=outcome.finished_when_stopped
        )

    def _slices(self, started: _Started) -> list[protocol.SliceRecord]:
        """Whole slices so far, and the rest once it has ended."""
        until = min(self.clock.now(), started.ends_at)
        slices: list[protocol.SliceRecord] = []
        start = started.at
        while start < until:
            end = min(start + LONGEST_SLICE, until)
            if end - start < LONGEST_SLICE and started.lock is not None:
                break
            joules = started.outcome.power.over(end - start).joules
            part = protocol.SlicePart("gpu", "GPU-0", joules, "replay")
            slices.append(protocol.SliceRecord(len(slices) + 1, start.timestamp(), end.timestamp(), [part]))
            start = end
        return slices


def _let_go(started: _Started) -> None:
    if started.lock is not None:
        os.close(started.lock)
        started.lock = None
