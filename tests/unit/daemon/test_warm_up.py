"""The joint planner is compiled beside the daemon, which plans without it until then, and goes on if that fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.whole_daemon import WholeDaemon

from scheduler.daemon.health import daemon_status
from scheduler.daemon.live import Live
from scheduler.daemon.warm_up import COMPILING, FAILED, WarmUp, warm_up_command
from scheduler.dispatch.replanning import Trigger

HOUR = timedelta(hours=1)


class Recorder:
    """A warm-up of the given script, and what it told its daemon."""

    def __init__(self, folder: Path, script: str, load: Callable[[], None] = lambda: None) -> None:
        self.live, self.told = Live(started_at=NOON), list[str]()
        self._load = load
        self.warm_up = WarmUp(
            ["/bin/sh", "-c", script], {}, folder / "log", self.live, self._loaded, lambda: self.told.append("ready")
        )

    def _loaded(self) -> None:
        self._load()
        self.told.append(f"loaded while {self.live.stand_in_because}")


def test_the_planner_is_used_once_it_is_compiled_and_loaded(tmp_path: Path) -> None:
    watched = Recorder(tmp_path, "echo compiling")
    assert watched.live.stand_in_because == COMPILING
    asyncio.run(watched.warm_up.run())
    assert watched.live.stand_in_because is None
    assert watched.told == [f"loaded while {COMPILING}", "ready"]


def test_a_compiler_that_fails_is_a_line_in_the_log_and_the_stand_in_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Recorder(tmp_path, "echo out of memory >&2; exit 3")
    asyncio.run(watched.warm_up.run())
    assert watched.live.stand_in_because == FAILED
    assert watched.told == []
    (record,) = caplog.records
    assert (record.levelname, vars(record)["code"]) == ("WARNING", 3)
    assert "out of memory" in (tmp_path / "log").read_text()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_what_cannot_be_loaded_or_started_is_no_crash_either(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise EOFError("half a file")

    watched = Recorder(tmp_path, "true", broken)
    asyncio.run(watched.warm_up.run())
    nowhere = Recorder(tmp_path / "nonexistent", "true")
    asyncio.run(nowhere.warm_up.run())
    assert watched.live.stand_in_because == nowhere.live.stand_in_because == FAILED
    assert [vars(record)["reason"].split("(")[0] for record in caplog.records] == [
        "EOFError",
        "[Errno 2] No such file or directory: '" + str(tmp_path / "nonexistent" / "log") + "'",
    ]


def test_a_daemon_that_stops_takes_the_compiler_with_it(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    watched = Recorder(tmp_path, f"echo $$ > {started}.new; mv {started}.new {started}; exec sleep 600")

    async def stopped_early() -> None:
        work = asyncio.create_task(watched.warm_up.run())
        async with asyncio.timeout(20):
            while not started.exists():
                await asyncio.sleep(0.01)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await watched.warm_up.stop()

    asyncio.run(stopped_early())
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_a_compiler_whose_daemon_was_killed_ends_of_itself(tmp_path: Path) -> None:
    """The pipe to it closes. Compiling all of it into an empty cache would have ended well, half a minute later."""
    environ = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    with subprocess.Popen(warm_up_command(), stdin=subprocess.PIPE, env=environ) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 1


def test_meanwhile_every_submission_is_planned_at_once_by_a_stand_in_that_says_so() -> None:
    daemon = WholeDaemon(FakeClock(), hourly(NOON, [400.0] * 6 + [50.0] * 6 + [400.0] * 36))
    daemon.pass_time(timedelta(0))
    daemon.parts.live.stand_in_because = COMPILING
    job = daemon.submit(duration=HOUR, within=24 * HOUR)
    plan = daemon.parts.live.plan
    assert plan is not None and plan.placement(job.id) is not None
    assert (plan.policy, plan.lower_bound, plan.notes[-1]) == ("suspend-resume", None, COMPILING)

    daemon.parts.live.stand_in_because = None
    daemon.dispatcher.wake(Trigger.PLANNER)
    daemon.pass_time(timedelta(minutes=1))
    plan = daemon.parts.live.plan
    assert plan is not None and plan.policy == "carbonq" and plan.lower_bound is not None
    assert COMPILING not in plan.notes


def test_doctor_is_told_of_a_planner_that_could_not_be_compiled_and_not_of_one_that_is_yet_to_be() -> None:
    daemon = WholeDaemon(FakeClock(), hourly(NOON, [100.0] * 48))
    daemon.pass_time(timedelta(0))

    def warnings(because: str | None) -> str:
        daemon.parts.live.stand_in_because = because
        return "; ".join(daemon_status(daemon.parts, daemon.desk, agent_pid=None).warnings)

    assert "the joint planner could not be compiled" in warnings(FAILED)
    assert "joint planner" not in warnings(COMPILING)
