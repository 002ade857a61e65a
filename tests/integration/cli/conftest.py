"""The command line against the real API server on a real socket, with a fake service behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.api_server import api_server
from fakes.daemon_service import FakeDaemonService

from scheduler.cli.main import main

RUN = "from scheduler.cli.main import run; run()"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`carbonq` in one home directory, in this process or in one of its own."""

    home: Path
    service: FakeDaemonService
    capture: pytest.CaptureFixture[str]

    def __call__(self, *argv: str) -> Answer:
        self.capture.readouterr()
        status = main(list(argv))
        out, err = self.capture.readouterr()
        return Answer(status, out, err)

    def process(self, *argv: str, **settings: Any) -> subprocess.Popen[bytes]:
        env = {**os.environ, **settings.pop("env", {})}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        return subprocess.Popen([sys.executable, "-c", RUN, *argv], env=env, **pipes)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home of its own, UTC, and no terminal."""
    monkeypatch.setenv("CARBONQ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    for name in ("COLUMNS", "NO_COLOR", "CARBONQ_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeDaemonService, Path]]:
    """One server for all tests: starting one takes longer than most of them."""
    service = FakeDaemonService()
    run = tmp_path_factory.mktemp("daemon") / "run"
    with api_server(service, run / "api.sock"):
        yield service, run


@pytest.fixture
def service(_served: tuple[FakeDaemonService, Path]) -> FakeDaemonService:
    _served[0].reset()
    return _served[0]


@pytest.fixture
def carbonq(
    tmp_path: Path,
    service: FakeDaemonService,
    _served: tuple[FakeDaemonService, Path],
    capsys: pytest.CaptureFixture[str],
) -> CommandLine:
    home = tmp_path / "home"
    home.mkdir()
    (home / "run").symlink_to(_served[1])
    return CommandLine(home, service, capsys)


@pytest.fixture
def lonely(tmp_path: Path, service: FakeDaemonService, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line where no daemon runs."""
    return CommandLine(tmp_path / "home", service, capsys)
