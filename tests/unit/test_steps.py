"""The place where a test may have a process die: silent in ordinary use, deadly once where asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scheduler.steps import AGENT_STEPS, DAEMON_STEPS, ENV_KILL_AT, ENV_KILL_MARKER, SUPERVISOR_STEPS, Step

SCRIPT = "from scheduler.steps import Step, reached; reached(Step.LOCKED); print('alive')"


def outcome(**env: str) -> int:
    done = subprocess.run([sys.executable, "-P", "-c", SCRIPT], env={**os.environ, **env}, stdout=subprocess.DEVNULL)
    return done.returncode


def test_a_step_that_nobody_named_is_passed() -> None:
    assert outcome() == outcome(**{ENV_KILL_AT: Step.ORDER_SENT}) == 0


def test_a_named_step_kills_and_with_a_marker_only_once(tmp_path: Path) -> None:
    env = {ENV_KILL_AT: Step.LOCKED, ENV_KILL_MARKER: str(tmp_path / "killed")}
    assert [outcome(**env), outcome(**env)] == [-9, 0]


def test_every_step_belongs_to_one_of_the_three_processes() -> None:
    assert (*DAEMON_STEPS, *AGENT_STEPS, *SUPERVISOR_STEPS) == tuple(Step)
