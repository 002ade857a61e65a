"""What `carbonq doctor` makes of what it sees, and of what a daemon says of itself, or does not."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import NOON
from fakes.views import AWAY, a_silent_agent, a_status
from fastapi.encoders import jsonable_encoder

import scheduler.config  # noqa: F401 - loaded before root stops being root
from scheduler.cli.client import DaemonClient
from scheduler.cli.doctor import Finding, Verdict, asked, daemon_findings, local_findings
from scheduler.paths import Paths

NOBODY = 65_534


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A file that whoever runs this test may not read; root, whom no mode keeps out, is somebody else meanwhile."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    file = folder / "config.toml"
    file.write_text("")
    file.chmod(0)
    us = os.geteuid()
    if us == 0:
        os.seteuid(NOBODY)
    yield file
    os.seteuid(us)


def test_settings_of_the_machines_daemon_that_are_not_ours_to_read_are_no_problem(closed: Path) -> None:
    usual = Paths(Path("/nonexistent"), Path("/nonexistent"), Path("/nonexistent"))
    settings = next(local_findings(usual, closed))
    assert (settings.check, settings.verdict) == ("settings", Verdict.OK)
    assert settings.text == (
        f"{closed}, which the running daemon reads, and not /nonexistent/config.toml; you may not look into it"
    )


def found(**fields: Any) -> dict[str, Finding]:
    """By check, of a daemon whose status differs in `fields`."""
    status = jsonable_encoder(replace(a_status(NOON), **fields))
    return {finding.check: finding for finding in daemon_findings(status)}


def test_while_the_agent_is_being_started_nothing_is_a_problem_yet() -> None:
    """And what is unknown is not said to be none."""
    findings = found(**a_silent_agent(NOON, age=timedelta(seconds=2)))
    assert findings["agent"].verdict is Verdict.WARNING
    assert findings["agent"].text.endswith("its worker agent has not answered yet; look again in some seconds")
    for check in ("places", "meters"):
        assert findings[check] == Finding(check, Verdict.WARNING, "not known until the worker agent has answered")


def test_an_agent_that_stays_away_is_a_problem_and_told_once() -> None:
    findings = found(**a_silent_agent(NOON, age=timedelta(minutes=1)))
    assert findings["agent"] == Finding("agent", Verdict.PROBLEM, f"{AWAY}; nothing starts meanwhile")
    assert findings["places"].verdict is Verdict.WARNING
    assert "notice" not in findings


def test_an_agent_that_has_gone_is_a_problem_however_young_the_daemon() -> None:
    """It has answered before: this is no start."""
    silent = a_silent_agent(NOON, age=timedelta(seconds=2))
    findings = found(started_at=silent["started_at"], agent=silent["agent"])
    assert (findings["agent"].verdict, findings["places"].verdict) == (Verdict.PROBLEM, Verdict.OK)


def test_a_machine_without_any_places_is_one_where_nothing_can_run() -> None:
    findings = found(gpus=0, cpu_slots=0)
    assert findings["places"].verdict is Verdict.PROBLEM and "nothing can run" in findings["places"].text


def test_a_daemon_that_hangs_is_not_a_reason_to_run_what_one_runs_already(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        status, failure = asked(DaemonClient(path, timeout_s=0.1))
    assert status is None and failure is not None
    assert (failure.code, failure.exit_code) == ("timeout", 75)
    assert "it hangs" in str(failure) and "Restart it" in str(failure) and "doctor" not in str(failure)
