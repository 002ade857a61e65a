"""What every executor does, the agent's socket with real processes behind it and the fake alike."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.executor import FakeExecutor, Outcome
from fakes.worker_processes import DEADLINE_S, agent_at, run_spec

from scheduler.domain.errors import ExecutorError
from scheduler.domain.lifecycle import StopReason
from scheduler.domain.runs import SegmentId
from scheduler.executors.agent_socket import AgentExecutor
from scheduler.ports import Executor
from scheduler.protocol import SegmentReport, StartOrder

SHORT, LONG, ABSENT, LOST = SegmentId(1, 1, 1), SegmentId(2, 1, 1), SegmentId(3, 1, 1), SegmentId(4, 1, 1)
COMMANDS = {1: "echo hello; exit 3", 2: "echo begun; exec sleep 600", 4: "echo begun; exec sleep 600"}
OUTCOMES = {
    1: [Outcome(lasts=timedelta(seconds=5), code=3, stdout=b"hello\n")],
    2: [Outcome(lasts=timedelta(minutes=10), stdout=b"begun\n")],
    4: [Outcome(lasts=timedelta(minutes=10), stdout=b"begun\n", vanishes=True)],
}


@dataclass(frozen=True)
class Stage:
    """An executor, and how time passes for it."""

    executor: Executor
    root: Path
    a_moment_passes: Callable[[], None]
    kill_supervisor: Callable[[int], None]
    """By its process id: as `kill -9` does it."""

    async def start(self, segment: SegmentId) -> None:
        """As the daemon does it: lock, order, close its own copy."""
        lock = self.executor.lock(segment)
        try:
            await self.executor.start(self.order(segment), lock)
        finally:
            os.close(lock)

    def order(self, segment: SegmentId) -> StartOrder:
        spec = run_spec(self.root, "sh", "-c", COMMANDS[segment.job], segment=str(segment))
        return StartOrder(spec, os.geteuid())

    async def report(self, segment: SegmentId, cursor: int = 0) -> SegmentReport:
        return (await self.executor.reports({segment: cursor}))[segment]

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not await condition():
            assert time.monotonic() < deadline
            self.a_moment_passes()

    async def until_free(self, segment: SegmentId) -> None:
        async def free() -> bool:
            return self.executor.lock_is_free(segment)

        await self.until(free)

    async def until_running(self, segment: SegmentId) -> None:
        async def running() -> bool:
            chunk = await self.executor.read_log(segment, "stdout", 0, 100)
            return (await self.report(segment)).run is not None and bool(chunk.data)

        await self.until(running)


@pytest.fixture(params=["fake", "agent"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    if request.param == "fake":
        clock = FakeClock()
        fake = FakeExecutor(clock, OUTCOMES)
        yield Stage(
            fake, tmp_path, lambda: clock.advance(timedelta(seconds=1)), lambda _: clock.advance(timedelta(hours=1))
        )
        asyncio.run(fake.close())
        return
    with agent_at(tmp_path) as agent:
        executor = AgentExecutor(agent.socket, tmp_path / "locks")
        yield Stage(executor, tmp_path, lambda: time.sleep(0.01), lambda pid: os.kill(pid, signal.SIGKILL))


def test_the_inventory_names_gpus_by_uuid_and_cpu_slots(stage: Stage) -> None:
    inventory = asyncio.run(stage.executor.inventory())
    assert [gpu.uuid for gpu in inventory.gpus] == ["GPU-0"]
    assert (inventory.cpu_slots, inventory.meters) == (2, ("replay",))


def test_a_lock_is_free_until_taken_and_cannot_be_taken_twice(stage: Stage) -> None:
    assert stage.executor.lock_is_free(SHORT)
    lock = stage.executor.lock(SHORT)
    assert not stage.executor.lock_is_free(SHORT)
    with pytest.raises(ExecutorError, match="the lock of 1-1-1 is held"):
        stage.executor.lock(SHORT)
    os.close(lock)
    assert stage.executor.lock_is_free(SHORT)


def test_a_start_holds_its_lock_after_the_caller_closed_its_copy(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(LONG)
        assert not stage.executor.lock_is_free(LONG)

    asyncio.run(scene())


def test_a_run_that_ends_reports_its_code_and_every_slice_to_the_last(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(SHORT)
        await stage.until_free(SHORT)
        report = await stage.report(SHORT)
        assert report.run is not None and report.exit is not None
        assert (report.exit.code, report.exit.stop_reason, report.exit.spawn_error) == (3, None, None)
        assert [piece.seq for piece in report.slices] == list(range(1, report.exit.last_seq + 1))
        assert report.slices[0].start_t == report.exit.started_t
        assert report.slices[-1].end_t == report.exit.ended_t

    asyncio.run(scene())


def test_a_report_leaves_out_slices_up_to_the_cursor(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(SHORT)
        await stage.until_free(SHORT)
        last = (await stage.report(SHORT)).slices[-1]
        assert (await stage.report(SHORT, last.seq - 1)).slices == [last]
        assert (await stage.report(SHORT, last.seq)).slices == []

    asyncio.run(scene())


def test_a_segment_that_never_came_here_has_an_empty_report(stage: Stage) -> None:
    assert asyncio.run(stage.report(ABSENT)) == SegmentReport(str(ABSENT))


def test_the_same_order_a_second_time_is_refused(stage: Stage) -> None:
    """While it runs and after it has ended: a segment starts once."""

    async def scene() -> None:
        await stage.start(SHORT)
        await stage.until_free(SHORT)
        with pytest.raises(ExecutorError, match="was ordered before"):
            await stage.start(SHORT)

    asyncio.run(scene())


@pytest.mark.parametrize("reason", [StopReason.SUSPEND, StopReason.CANCEL])
def test_a_stop_ends_the_run_and_its_reason_is_in_the_exit(stage: Stage, reason: StopReason) -> None:
    async def scene() -> None:
        await stage.start(LONG)
        await stage.until_running(LONG)
        await stage.executor.stop(LONG, reason)
        await stage.until_free(LONG)
        report = await stage.report(LONG)
        assert report.exit is not None
        assert (report.exit.code, report.exit.stop_reason, report.stop_reason) == (-15, reason, reason)

    asyncio.run(scene())


def test_a_stop_after_the_end_changes_nothing(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(SHORT)
        await stage.until_free(SHORT)
        before = await stage.report(SHORT)
        await stage.executor.stop(SHORT, StopReason.CANCEL)
        assert await stage.report(SHORT) == before

    asyncio.run(scene())


def test_a_stop_of_an_unknown_segment_is_an_executor_error(stage: Stage) -> None:
    with pytest.raises(ExecutorError, match="3-1-1 is not known"):
        asyncio.run(stage.executor.stop(ABSENT, StopReason.CANCEL))


def test_a_running_segment_shows_its_power_and_an_ended_one_none(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(LONG)
        await stage.until_running(LONG)

        async def metered() -> bool:
            return (await stage.report(LONG)).watts == 100

        await stage.until(metered)
        await stage.executor.stop(LONG, StopReason.CANCEL)
        await stage.until_free(LONG)
        assert (await stage.report(LONG)).watts is None

    asyncio.run(scene())


def test_a_log_is_read_in_pieces_and_says_when_it_has_ended(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(SHORT)
        await stage.until_free(SHORT)
        first = await stage.executor.read_log(SHORT, "stdout", 0, 2)
        rest = await stage.executor.read_log(SHORT, "stdout", first.next_offset, 100)
        assert [base64.b64decode(chunk.data) for chunk in (first, rest)] == [b"he", b"llo\n"]
        assert (first.ended, rest.ended, rest.next_offset) == (False, True, 6)

    asyncio.run(scene())


def test_the_log_of_a_segment_whose_supervisor_is_gone_without_a_word_has_ended_too(stage: Stage) -> None:
    """Nobody is left who would write to it, and a reader is to go on to the next start."""

    async def scene() -> None:
        await stage.start(LOST)
        await stage.until_running(LOST)
        assert not (await stage.executor.read_log(LOST, "stdout", 0, 100)).ended
        run = (await stage.report(LOST)).run
        assert run is not None
        stage.kill_supervisor(run.supervisor_pid)
        await stage.until_free(LOST)
        chunk = await stage.executor.read_log(LOST, "stdout", 0, 100)
        assert (base64.b64decode(chunk.data), chunk.ended) == (b"begun\n", True)
        assert (await stage.report(LOST)).exit is None

    asyncio.run(scene())


def test_the_log_of_an_unknown_segment_is_an_executor_error(stage: Stage) -> None:
    with pytest.raises(ExecutorError, match="3-1-1 is not known"):
        asyncio.run(stage.executor.read_log(ABSENT, "stdout", 0, 100))


def test_a_running_segment_is_neither_forgotten_nor_cleaned(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(LONG)
        await stage.until_running(LONG)
        with pytest.raises(ExecutorError, match="still runs"):
            await stage.executor.forget(LONG)
        with pytest.raises(ExecutorError, match="still runs"):
            await stage.executor.clean([LONG], dry_run=False)

    asyncio.run(scene())


def test_a_segment_is_unforgotten_from_its_lock_until_it_is_forgotten(stage: Stage) -> None:
    """By its lock file a daemon that was killed in between is reminded of it."""

    async def scene() -> None:
        assert stage.executor.unforgotten() == ()
        await stage.start(LONG)
        await stage.start(SHORT)
        assert stage.executor.unforgotten() == (SHORT, LONG)
        await stage.until_free(SHORT)
        await stage.executor.forget(SHORT)
        assert stage.executor.unforgotten() == (LONG,)
        await stage.until_running(LONG)
        await stage.executor.stop(LONG, StopReason.CANCEL)
        await stage.until_free(LONG)

    asyncio.run(scene())


def test_forgetting_keeps_the_logs_and_cleaning_removes_them_and_both_may_be_repeated(stage: Stage) -> None:
    async def scene() -> None:
        await stage.start(SHORT)
        await stage.until_free(SHORT)
        await stage.executor.forget(SHORT)
        await stage.executor.forget(SHORT)
        would_be = await stage.executor.clean([SHORT], dry_run=True)
        assert (await stage.executor.read_log(SHORT, "stdout", 0, 100)).data
        assert would_be.bytes > 0
        assert await stage.executor.clean([SHORT], dry_run=False) == would_be
        assert (await stage.executor.clean([SHORT], dry_run=False)).bytes == 0
        assert await stage.report(SHORT) == SegmentReport(str(SHORT))

    asyncio.run(scene())
