"""What systemd is told about a segment; that it obeys is shown where a systemd runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType
from fakes.worker_processes import run_spec

from scheduler.domain.errors import ExecutorError
from workers.agent import launcher_named
from workers.launcher import ForkLauncher
from workers.transient_unit import SystemdLauncher, refusal, unit_properties

SECRET = "hunter2"


def properties(**changes: object) -> dict[str, object]:
    spec = run_spec(Path("/tmp"), "train", env={"TOKEN": SECRET}, **changes)
    return {name: variant.value for name, variant in unit_properties(Path("/runs/1-1-1"), spec, 0)}


def test_the_unit_runs_the_supervisor_with_its_lock_as_standard_input() -> None:
    command = [sys.executable, "-P", "-m", "workers.supervisor", "/runs/1-1-1", "-"]
    assert properties()["ExecStart"] == [[sys.executable, command, False]]
    assert properties()["StandardInputFileDescriptor"] == 0


def test_nothing_of_the_jobs_environment_is_among_the_properties() -> None:
    """Every local user can read them."""
    assert SECRET not in repr(properties())


def test_systemd_waits_longer_than_both_graces_before_it_kills() -> None:
    assert properties(grace_s=30.0)["TimeoutStopUSec"] == 75_000_000


def test_the_whole_group_goes_and_no_failed_unit_keeps_the_lock() -> None:
    said = properties()
    assert (said["KillMode"], said["CollectMode"], said["Slice"], said["Type"]) == (
        "mixed",
        "inactive-or-failed",
        "carbonq.slice",
        "simple",
    )


def test_a_supervisor_of_roots_can_become_the_jobs_user_and_little_else() -> None:
    """CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID; one of the user's own has nothing to be kept from."""
    assert properties(run_as_uid=1000)["CapabilityBoundingSet"] == 0b1110_0001
    assert "CapabilityBoundingSet" not in properties()


def test_the_system_service_never_runs_jobs_of_root() -> None:
    with pytest.raises(ExecutorError, match="submit as an ordinary user"):
        SystemdLauncher(system=True).check(0)


def test_the_system_service_runs_no_job_of_a_user_that_is_not() -> None:
    with pytest.raises(ExecutorError, match="no account with uid"):
        SystemdLauncher(system=True).check(4_000_000_000)


@pytest.mark.parametrize("launcher", [ForkLauncher(), SystemdLauncher(system=False)])
def test_a_user_launcher_runs_jobs_of_its_own_user_only(launcher: ForkLauncher | SystemdLauncher) -> None:
    launcher.check(os.geteuid())
    with pytest.raises(ExecutorError, match="submit as that user"):
        launcher.check(os.geteuid() + 1)


@pytest.mark.parametrize("name", ["fork", "systemd-user", "systemd-system"])
def test_every_launcher_is_found_by_its_name(name: str) -> None:
    assert launcher_named(name).name == name


def test_a_unit_that_exists_is_said_to_be_started_already() -> None:
    exists = Message(
        message_type=MessageType.ERROR, error_name="org.freedesktop.systemd1.UnitExists", reply_serial=1, body=[]
    )
    assert "has a unit already" in refusal("1-1-1", exists)


def test_what_systemd_says_is_passed_on() -> None:
    denied = Message(
        message_type=MessageType.ERROR,
        error_name="org.freedesktop.DBus.Error.AccessDenied",
        reply_serial=1,
        signature="s",
        body=["Interactive authentication required."],
    )
    assert "Interactive authentication required" in refusal("1-1-1", denied)
