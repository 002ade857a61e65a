"""carbonq as one user's service, under a real systemd: ready, watched, and no danger to the jobs it started."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.carbonq import SETTINGS, Carbonq
from harness.machine import Machine, User, until

pytestmark = [pytest.mark.systemd, pytest.mark.long]

UNIT = "carbonq.service"
QUICK_WATCHDOG = "[Service]\nWatchdogSec=4s\n"
GATED = "echo before; while [ ! -e {gate} ]; do sleep 0.1; done; echo after; exit 3"


class Service:
    """The user's own carbonq, and what can be done to it."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.carbonq = Carbonq(user)

    @property
    def main_pid(self) -> int:
        return int(self.user.unit_property(UNIT, "MainPID"))

    def restart(self) -> None:
        self.user.run("systemctl", "--user", "restart", UNIT)

    def kill_daemon(self) -> None:
        old = self.main_pid
        self.user.run("systemctl", "--user", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
        until(lambda: self.main_pid not in (0, old) and self.is_active)

    def kill_agent(self) -> None:
        old = self._agent()
        self.user.run("kill", "-KILL", str(old))
        until(lambda: self._agent() not in (None, old))

    def kill_both(self) -> None:
        old = self.main_pid
        self.user.run("kill", "-KILL", str(old), str(self._agent()))
        until(lambda: self.main_pid not in (0, old) and self.is_active)

    @property
    def is_active(self) -> bool:
        return self.user.unit_property(UNIT, "ActiveState") == "active"

    def _agent(self) -> int | None:
        status = self.carbonq.attempt("doctor", "--json")
        daemon = json.loads(status.stdout)["daemon"] if status.stdout else None
        return daemon["agent"]["pid"] if daemon and daemon["agent"]["reachable"] else None


@pytest.fixture(scope="module")
def service(machine: Machine) -> Iterator[Service]:
    """Installed by the command that users are told to use, and started."""
    user = machine.user("ulla")
    user.linger()
    user.write(f"{user.home}/.config/carbonq/config.toml", SETTINGS)
    user.write(f"{user.home}/.config/systemd/user/{UNIT}.d/watchdog.conf", QUICK_WATCHDOG)
    installed = Service(user)
    installed.carbonq.run("service", "install")
    user.run("systemctl", "--user", "enable", "--now", UNIT)
    yield installed
    user.run("systemctl", "--user", "disable", "--now", UNIT)


def run_unit(job: int) -> str:
    return f"carbonq-run-{job}-1-1.service"


def gated_job(service: Service, gate: str) -> int:
    """A job that runs until the file `gate` is there, and has begun to."""
    job = service.carbonq.submit("--env", "TOKEN=hunter2", "--", "sh", "-c", GATED.format(gate=gate))
    until(lambda: "before" in service.carbonq.attempt("logs", str(job)).stdout)
    return job


def test_the_unit_is_active_only_once_the_daemon_answers(service: Service) -> None:
    """`systemctl restart` returns when READY=1 came, and the command works at once."""
    service.restart()
    assert service.is_active
    assert isinstance(service.carbonq.json("list"), list)


def test_systemctl_status_says_what_the_daemon_does(service: Service) -> None:
    assert "running" in service.user.unit_property(UNIT, "StatusText")


def test_a_run_is_a_unit_of_its_own_that_tells_nobody_the_jobs_environment(service: Service) -> None:
    job = gated_job(service, "/tmp/shown")
    shown = service.user.run("systemctl", "--user", "show", run_unit(job))
    assert "Slice=carbonq.slice" in shown and "ActiveState=active" in shown
    assert "hunter2" not in shown
    service.user.run("touch", "/tmp/shown")
    assert service.carbonq.wait(job) == 3


@pytest.mark.parametrize(
    "disturb",
    [Service.restart, Service.kill_daemon, Service.kill_agent, Service.kill_both],
    ids=["restart", "kill -9 of the daemon", "kill -9 of the agent", "kill -9 of both"],
)
def test_a_job_outlives(service: Service, disturb: Callable[[Service], None]) -> None:
    """It is the same process before and after; its exit status, its logs and its energy reach the history."""
    gate = f"/tmp/{disturb.__name__}"
    job = gated_job(service, gate)
    supervisor = service.user.unit_property(run_unit(job), "MainPID")
    disturb(service)
    assert service.user.unit_property(run_unit(job), "MainPID") == supervisor
    service.user.run("touch", gate)
    assert service.carbonq.wait(job) == 3
    assert service.carbonq.run("logs", str(job)) == "before\nafter\n"
    assert_accounted(service.carbonq.history(job))


def assert_accounted(row: dict[str, Any]) -> None:
    assert (row["exit_code"], row["attempts"], row["reason"]) == (3, 1, "exited-nonzero")
    assert row["energy_kwh"] > 0 and row["coverage"] == 1.0
    assert row["emissions_g"] > 0


def test_a_daemon_that_hangs_is_aborted_says_where_and_is_started_again(service: Service) -> None:
    """And the job it looks after never notices."""
    job = gated_job(service, "/tmp/hung")
    old, restarts = service.main_pid, int(service.user.unit_property(UNIT, "NRestarts"))
    service.user.run("kill", "-STOP", str(old))
    until(lambda: int(service.user.unit_property(UNIT, "NRestarts")) > restarts and service.is_active)
    journal = service.user.journal(UNIT)
    assert "Watchdog timeout" in journal
    assert "most recent call first" in journal
    service.user.run("touch", "/tmp/hung")
    assert service.carbonq.wait(job) == 3


def test_wrong_settings_are_said_once_and_not_tried_again(machine: Machine) -> None:
    """No zone is set, and the machine's time zone names no country."""
    user = machine.user("vera")
    user.linger()
    Carbonq(user).run("service", "install")
    assert user.attempt("systemctl", "--user", "start", UNIT).returncode != 0
    assert user.unit_property(UNIT, "ActiveState") == "failed"
    assert user.unit_property(UNIT, "NRestarts") == "0"
    assert "grid.zone is not set" in user.journal(UNIT)
