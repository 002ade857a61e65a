"""Where things are kept, and where a client looks for its daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler import paths
from scheduler.paths import daemon_socket, default_paths


def test_a_unit_that_says_its_directories_is_believed() -> None:
    said = {
        "STATE_DIRECTORY": "/var/lib/carbonq",
        "CONFIGURATION_DIRECTORY": "/etc/carbonq",
        "RUNTIME_DIRECTORY": "/run/carbonq",
        "HOME": "/var/lib/carbonq",
    }
    found = default_paths(said)
    assert (found.state, found.config, found.runtime) == (
        Path("/var/lib/carbonq"),
        Path("/etc/carbonq"),
        Path("/run/carbonq"),
    )


def test_the_users_own_home_comes_before_what_a_unit_says() -> None:
    assert default_paths({"CARBONQ_HOME": "/tmp/q", "STATE_DIRECTORY": "/var/lib/x"}).state == Path("/tmp/q/state")


def test_a_client_prefers_its_users_daemon_to_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names its user's where there is neither, for that is the one to start."""
    monkeypatch.setattr(paths, "SYSTEM_RUNTIME", tmp_path / "system")
    env = {"XDG_RUNTIME_DIR": str(tmp_path / "user"), "HOME": str(tmp_path)}
    own, machines = tmp_path / "user" / "carbonq" / "api.sock", tmp_path / "system" / "api.sock"
    assert daemon_socket(env) == own
    machines.parent.mkdir()
    machines.touch()
    assert daemon_socket(env) == machines
    own.parent.mkdir(parents=True)
    own.touch()
    assert daemon_socket(env) == own


def test_a_home_of_its_own_is_never_left_for_the_machines_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "SYSTEM_RUNTIME", tmp_path)
    (tmp_path / "api.sock").touch()
    assert daemon_socket({"CARBONQ_HOME": "/tmp/q"}) == Path("/tmp/q/run/api.sock")
