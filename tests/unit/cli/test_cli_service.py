"""The unit files that `carbonq service` writes; that systemd is happy with them is shown where one runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scheduler.cli.failures import Failure
from scheduler.cli.service import install, unit_files

HERE = {"HOME": "/home/ulla"}


def test_a_users_unit_starts_this_very_installation() -> None:
    (path,), (text,) = zip(*unit_files(system=False, environ=HERE).items(), strict=True)
    assert path == Path("/home/ulla/.config/systemd/user/carbonq.service")
    assert f"\nExecStart={sys.executable} -P -m scheduler.cli daemon\n" in text


def test_a_users_unit_goes_where_xdg_says() -> None:
    (path,) = unit_files(system=False, environ={**HERE, "XDG_CONFIG_HOME": "/conf"})
    assert path == Path("/conf/systemd/user/carbonq.service")


def test_the_machines_files_go_to_the_administrators_places() -> None:
    files = unit_files(system=True, environ=HERE)
    assert {str(path) for path in files} == {
        "/etc/systemd/system/carbonq-scheduler.service",
        "/etc/systemd/system/carbonq-worker.service",
        "/etc/systemd/system/carbonq-worker.socket",
        "/etc/systemd/system/carbonq.socket",
        "/etc/sysusers.d/carbonq.conf",
        "/etc/tmpfiles.d/carbonq.conf",
    }


def test_every_service_of_the_machine_starts_this_very_installation() -> None:
    started = [
        line
        for text in unit_files(system=True, environ=HERE).values()
        for line in text.splitlines()
        if line.startswith("ExecStart=")
    ]
    modules = [line.removeprefix(f"ExecStart={sys.executable} -P -m ").split()[0] for line in started]
    assert modules == ["scheduler.cli", "workers.agent"]


def test_an_installation_that_services_cannot_reach_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written; the message says where to install it instead."""
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setattr("sys.executable", "/home/ulla/.venv/bin/python3")
    with pytest.raises(Failure, match="/opt/carbonq"):
        install(system=True)


def test_the_machines_service_is_roots_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    with pytest.raises(Failure, match="run it as root"):
        install(system=True)
