"""Timers are hints to look again: late ones run once, failing ones run again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.daemon.timers import Timers
from scheduler.domain.errors import DiskFull

TICK, HOUR = timedelta(milliseconds=20), timedelta(hours=1)


def wall_clock() -> datetime:
    return datetime.now(UTC)


def counting(calls: list[str], name: str, then: Callable[[], None] | None = None) -> Callable[[], Awaitable[None]]:
    async def action() -> None:
        calls.append(name)
        if then is not None:
            then()

    return action


def run_until(timers: Timers, enough: Callable[[], bool]) -> None:
    async def work() -> None:
        timers.start()
        async with asyncio.timeout(10):
            while not enough():
                await asyncio.sleep(0.005)
        timers.stop()
        timers.stop()

    asyncio.run(work())


def test_an_action_is_repeated() -> None:
    timers, calls = Timers(wall_clock), list[str]()
    timers.every("look", TICK, counting(calls, "look"), jitter=TICK / 5)
    run_until(timers, lambda: len(calls) >= 3)


def test_a_moment_that_has_long_passed_is_not_missed() -> None:
    """The scheduler's default drops what is a second late; a machine that slept is hours late."""
    timers, calls = Timers(wall_clock), list[str]()
    timers.at("settle", datetime.now(UTC) - timedelta(hours=5), counting(calls, "settle"))
    run_until(timers, lambda: calls == ["settle"])


def test_firings_missed_while_the_loop_was_busy_are_made_up_for_once() -> None:
    timers, calls = Timers(wall_clock), list[str]()
    timers.every("look", TICK, counting(calls, "look"))

    async def work() -> int:
        timers.start()
        await asyncio.sleep(0)
        time.sleep(0.3)  # fifteen firings long
        before = len(calls)
        async with asyncio.timeout(5):
            while len(calls) == before:
                await asyncio.sleep(0.001)
        made_up = len(calls) - before
        timers.stop()
        return made_up

    assert asyncio.run(work()) == 1


def test_a_timer_of_the_same_name_replaces_the_one_before() -> None:
    timers, calls = Timers(wall_clock), list[str]()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    timers.at("wake", long_ago, counting(calls, "first"))
    timers.at("wake", long_ago, counting(calls, "second"))
    run_until(timers, lambda: bool(calls))
    assert calls == ["second"]


@pytest.mark.parametrize(("error", "has_traceback"), [(DiskFull("full; make room"), False), (KeyError("x"), True)])
def test_an_action_that_fails_is_reported_and_fires_again(
    caplog: pytest.LogCaptureFixture, error: Exception, has_traceback: bool
) -> None:
    """What carbonq has words for needs no traceback."""
    caplog.set_level(logging.ERROR, logger="scheduler")
    timers, calls = Timers(wall_clock), list[str]()

    def fail() -> None:
        raise error

    timers.every("backup", TICK, counting(calls, "backup", then=fail))
    run_until(timers, lambda: len(calls) >= 2)
    reported = [record for record in caplog.records if record.getMessage() == "timer failed"]
    assert vars(reported[0])["timer"] == "backup" and vars(reported[0])["reason"] == str(error)
    assert (reported[0].exc_info is not None) is has_traceback


@pytest.mark.parametrize("kind", ["repeated", "once"])
def test_a_clock_that_is_set_back_keeps_no_timer_waiting(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """An hour back would be an hour without a watchdog: what was an hour away by the clock before is due now."""
    set_back = timedelta(0)
    timers, calls = Timers(lambda: wall_clock() - set_back, look_every=timedelta(milliseconds=5)), list[str]()
    if kind == "repeated":
        timers.every("watchdog", HOUR, counting(calls, "watchdog"))
    else:
        timers.at("watchdog", wall_clock() + HOUR, counting(calls, "watchdog"))

    def called_once_the_clock_is_back() -> bool:
        nonlocal set_back
        set_back = HOUR
        return bool(calls)

    run_until(timers, called_once_the_clock_is_back)
    assert calls == ["watchdog"]
    assert [vars(r)["by_s"] for r in caplog.records if r.getMessage() == "the clock was set back"] == [3600]
