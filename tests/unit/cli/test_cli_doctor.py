"""What `carbonq doctor` finds without asking a daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import scheduler.config  # noqa: F401 - loaded before root stops being root
from scheduler.cli.doctor import Verdict, local_findings
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
