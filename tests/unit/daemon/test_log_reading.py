"""One stream of a job as one text, over all its starts."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fakes.clock import FakeClock
from fakes.executor import FakeExecutor, Outcome
from fakes.queue import HOUR, a_segment

from scheduler import protocol
from scheduler.daemon.log_reading import read_log
from scheduler.domain.errors import RequestError
from scheduler.domain.lifecycle import SegmentState
from scheduler.domain.runs import Segment
from scheduler.service_views.jobs import LogPart
from scheduler.service_views.requests import LogStream

FIRST, SECOND = a_segment(1, 1, 1), a_segment(1, 1, 2)


@pytest.fixture
def executor() -> Iterator[FakeExecutor]:
    """Two starts of one job, an hour each: the first has ended, the second runs."""
    clock = FakeClock()
    executor = FakeExecutor(clock, {1: [Outcome(HOUR, stdout=b"one\n"), Outcome(HOUR, stdout=b"two\n")]})
    for segment in (FIRST, SECOND):
        asyncio.run(_started(executor, segment))
        clock.advance(HOUR if segment is FIRST else timedelta(0))
    yield executor
    asyncio.run(executor.close())


async def _started(executor: FakeExecutor, segment: Segment) -> None:
    spec = protocol.RunSpec(str(segment.id), ["true"], {}, "/", [], "/", False)
    lock = executor.lock(segment.id)
    await executor.start(protocol.StartOrder(spec, 0), lock)
    os.close(lock)


def read(
    executor: FakeExecutor, cursor: str, *segments: Segment, ended: bool = False, stream: LogStream = LogStream.STDOUT
) -> LogPart:
    return asyncio.run(read_log(executor, segments, ended, stream, cursor))


def text(part: LogPart) -> bytes:
    return base64.b64decode(part.data_base64)


def test_a_reader_goes_through_all_starts_in_order(executor: FakeExecutor) -> None:
    first = read(executor, "", FIRST, SECOND)
    assert text(first) == b"one\n" and not first.ended
    second = read(executor, first.cursor, FIRST, SECOND)
    assert text(second) == b"two\n" and not second.ended
    assert text(read(executor, second.cursor, FIRST, SECOND)) == b""


def test_the_end_is_said_once_the_job_has_ended_and_all_is_read(executor: FakeExecutor) -> None:
    """A follower may leave then, and not before."""
    cursor = read(executor, read(executor, "", FIRST, SECOND).cursor, FIRST, SECOND).cursor
    assert read(executor, cursor, FIRST, SECOND, ended=False).ended is False
    executor.clock.advance(HOUR)  # type: ignore[attr-defined]
    assert read(executor, cursor, FIRST, SECOND, ended=False).ended is False
    assert read(executor, cursor, FIRST, SECOND, ended=True).ended is True


def test_a_reader_goes_on_behind_a_lost_start_and_comes_to_the_end_of_a_lost_job() -> None:
    """Its supervisor had no last word; the attempt after it has a log all the same, and so has a follower an end."""
    clock = FakeClock()
    vanished = [Outcome(HOUR, stdout=text, vanishes=True) for text in (b"one\n", b"two\n")]
    executor = FakeExecutor(clock, {1: vanished})
    first, second = a_segment(1, 1, 1, SegmentState.LOST), a_segment(1, 2, 1, SegmentState.LOST)
    for segment in (first, second):
        asyncio.run(_started(executor, segment))
        clock.advance(HOUR)
    parts = [read(executor, "", first, second, ended=True)]
    while not parts[-1].ended:
        parts.append(read(executor, parts[-1].cursor, first, second, ended=True))
    assert [text(part) for part in parts] == [b"one\n", b"two\n", b""]
    asyncio.run(executor.close())


def test_a_start_that_came_to_nothing_has_no_text_and_is_passed_over(executor: FakeExecutor) -> None:
    never = a_segment(1, 1, 9, SegmentState.NEVER_STARTED)
    assert text(read(executor, "", never, FIRST)) == b"one\n"


@pytest.mark.parametrize("ended", [False, True])
def test_a_job_that_never_ran_has_nothing_to_say(executor: FakeExecutor, ended: bool) -> None:
    part = read(executor, "", ended=ended)
    assert (text(part), part.cursor, part.ended) == (b"", "", ended)


def test_each_stream_is_read_for_itself(executor: FakeExecutor) -> None:
    assert text(read(executor, "", FIRST, stream=LogStream.STDERR)) == b""


@pytest.mark.parametrize("cursor", ["nonsense", "1-1:0", "1-1-1:x", "1-1-1", "7-1-1:0"])
def test_a_cursor_that_we_did_not_give_out_is_refused(executor: FakeExecutor, cursor: str) -> None:
    with pytest.raises(RequestError, match="is not a log cursor"):
        read(executor, cursor, FIRST, SECOND)
