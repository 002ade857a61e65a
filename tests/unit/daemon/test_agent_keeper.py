"""The worker agent is kept running, by a real process that dies as often as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scheduler.daemon.agent_keeper import AgentKeeper, agent_command

TRULY_QUICK_S = 0.01


@asynccontextmanager
async def keeping(keeper: AgentKeeper) -> AsyncIterator[None]:
    work = asyncio.create_task(keeper.keep())
    try:
        yield
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await keeper.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def test_an_agent_that_dies_is_started_again_each_time_later_than_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Twice as long each time, so that a broken installation does not spin; its last words are in its log."""
    lives = tmp_path / "lives"
    keeper = AgentKeeper(shell(f"echo life >> {lives}; echo so I end >&2; exit 3"), {}, tmp_path / "log", TRULY_QUICK_S)

    async def watch() -> None:
        async with keeping(keeper):
            await until(lambda: lives.exists() and lives.read_text().count("life") >= 4)

    asyncio.run(watch())
    ends = [vars(record) for record in caplog.records if record.getMessage() == "worker agent ended"]
    waits = [end["again_in_s"] for end in ends]
    assert waits[:3] == [2 * TRULY_QUICK_S, 4 * TRULY_QUICK_S, 8 * TRULY_QUICK_S]
    assert {end["code"] for end in ends} == {3}
    assert "so I end" in (tmp_path / "log").read_text()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_a_killed_agent_is_replaced_and_its_number_known(tmp_path: Path) -> None:
    keeper = AgentKeeper(shell("exec sleep 600"), {}, tmp_path / "log", TRULY_QUICK_S)

    async def watch() -> tuple[int, int]:
        async with keeping(keeper):
            await until(lambda: keeper.pid is not None)
            first = keeper.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await until(lambda: keeper.pid not in (None, first))
            assert keeper.pid is not None
            return first, keeper.pid

    first, second = asyncio.run(watch())
    assert first != second
    assert keeper.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def test_a_command_that_cannot_be_started_is_tried_again_and_no_crash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk or a full process table passes."""
    keeper = AgentKeeper(["/nonexistent/agent"], {}, tmp_path / "log", TRULY_QUICK_S)

    async def watch() -> None:
        async with keeping(keeper):
            await until(lambda: len(caplog.records) >= 3)

    asyncio.run(watch())
    assert "No such file" in vars(caplog.records[0])["reason"]


def test_an_agent_that_does_not_heed_sigterm_is_killed_in_the_end(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    deaf = shell(f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done")
    keeper = AgentKeeper(deaf, {}, tmp_path / "log", patience_s=0.1)

    async def watch() -> None:
        async with keeping(keeper):
            await until(ready.exists)

    asyncio.run(watch())
    assert keeper.pid is None


def test_the_agent_is_run_by_this_interpreter_without_the_working_directory_on_its_path() -> None:
    command = agent_command(Path("/run/agent.sock"), Path("/state/runs"), 4, "fork")
    assert command[:4] == [sys.executable, "-P", "-m", "workers.agent"]
    assert command[-2:] == ["--cpu-slots", "4"]
    assert "--cpu-slots" not in agent_command(Path("/run/agent.sock"), Path("/state/runs"), None, "fork")
