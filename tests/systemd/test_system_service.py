"""carbonq for a whole machine, under a real systemd: each job runs as its submitter, and nobody reaches another's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from harness.carbonq import SETTINGS, Carbonq
from harness.installation import PREFIX
from harness.machine import Machine, User, until

pytestmark = [pytest.mark.systemd, pytest.mark.long]

SCHEDULER, WORKER = "carbonq-scheduler.service", "carbonq-worker.service"
KEYS = "/etc/credstore/carbonq-keys.toml"
KEY = "k3y-of-eia"
RUNS = "/var/lib/carbonq-worker/runs"
NOT_PERMITTED = 77
WORST_EXPOSURE = 1.3
"""What `systemd-analyze security` may say of either unit, 0 to 10; docs/operations.md has the figures."""


class Service:
    """The machine's carbonq."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def restart(self) -> None:
        self.machine.run("systemctl", "restart", SCHEDULER, WORKER)

    def kill_scheduler(self) -> None:
        self._kill(SCHEDULER)

    def kill_worker(self) -> None:
        self._kill(WORKER)

    def pid(self, unit: str) -> int:
        return int(self.machine.unit_property(unit, "MainPID"))

    def _kill(self, unit: str) -> None:
        old = self.pid(unit)
        self.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)
        until(lambda: self.pid(unit) not in (0, old) and self.machine.unit_property(unit, "ActiveState") == "active")


@pytest.fixture(scope="module")
def service(machine: Machine) -> Iterator[Service]:
    """Installed by the command that administrators are told to use, with a key for a provider, and started."""
    machine.write("/etc/carbonq/config.toml", SETTINGS)
    machine.run(f"{PREFIX}/bin/carbonq", "service", "install", "--system")
    machine.write(KEYS, f'eia = "{KEY}"\n', mode="600")
    machine.run("systemctl", "enable", "--now", SCHEDULER)
    yield Service(machine)
    machine.run("systemctl", "disable", "--now", SCHEDULER, WORKER, "carbonq.socket", "carbonq-worker.socket")


@pytest.fixture(scope="module")
def alice(machine: Machine, service: Service) -> User:
    return member(machine, "alice")


@pytest.fixture(scope="module")
def bob(machine: Machine, service: Service) -> User:
    return member(machine, "bob")


def member(machine: Machine, name: str) -> User:
    user = machine.user(name)
    machine.run("usermod", "--append", "--groups", "carbonq-users", name)
    return user


def output_of(user: User, *command: str) -> str:
    """What the user's job printed, once it has ended well."""
    carbonq = Carbonq(user)
    job = carbonq.submit("--", *command)
    assert carbonq.wait(job) == 0, carbonq.run("logs", str(job), "--stderr")
    return carbonq.run("logs", str(job))


def running_job(user: User, *command: str) -> int:
    """A job that has printed its first line."""
    carbonq = Carbonq(user)
    job = carbonq.submit("--grace", "1s", "--", "sh", "-c", f"echo secret-of-{user.name}; {' '.join(command)}")
    until(lambda: "secret" in carbonq.attempt("logs", str(job)).stdout)
    return job


# --- whose job it is --------------------------------------------------------------------------------------------------
def test_a_job_runs_as_its_submitter_with_their_groups_and_without_privileges(alice: User) -> None:
    said = output_of(alice, "sh", "-c", "id --user --real; id --groups --name; grep CapEff /proc/self/status; pwd")
    uid, groups, capabilities, workdir = said.splitlines()
    assert (uid, workdir) == (str(alice.uid), alice.home)
    assert {"alice", "carbonq-users"} == set(groups.split())
    assert int(capabilities.split()[1], 16) == 0


def test_a_job_enters_a_directory_that_only_its_user_may(alice: User) -> None:
    """Root's supervisor has no right to it: the job goes there as its user."""
    alice.write(f"{alice.home}/private/run.sh", "#!/bin/sh\necho within\n", mode="700")
    alice.run("chmod", "700", f"{alice.home}/private")
    assert output_of(alice, f"{alice.home}/private/run.sh") == "within\n"


def test_a_job_may_write_its_checkpoints_and_its_channel_and_no_record(alice: User) -> None:
    attempts = "touch $CARBONQ_CHECKPOINT_DIR/c $CARBONQ_CHANNEL_DIR/c && echo both"
    forgery = "cd $CARBONQ_CHANNEL_DIR/.. && { echo > exit.json || mv channel other || ls . ; } 2>&1 | grep -c denied"
    assert output_of(alice, "sh", "-c", f"{attempts}; {forgery}").split() == ["both", "3"]


def test_what_a_job_says_of_its_progress_is_read_whatever_its_umask(alice: User) -> None:
    tell = "import os, pathlib, time; from workers.training.channel import Channel; "
    tell += "Channel(pathlib.Path(os.environ['CARBONQ_CHANNEL_DIR'])).progress(7, 9); time.sleep(60)"
    carbonq = Carbonq(alice)
    job = carbonq.submit("--", "sh", "-c", f'umask 077; exec {PREFIX}/bin/python3 -c "{tell}"')
    until(lambda: (carbonq.json("show", str(job))["progress"] or {}).get("step") == 7)
    carbonq.run("cancel", str(job))


def test_what_a_job_wrote_is_cleaned_but_for_the_checkpoints_that_only_its_user_may_look_into(alice: User) -> None:
    """Root's worker has no right to them, and says so; those of a job that wrote none are no matter."""
    carbonq = Carbonq(alice)
    without, with_one = (carbonq.submit("--", "sh", "-c", said) for said in ("true", "touch $CARBONQ_CHECKPOINT_DIR/c"))
    assert [carbonq.wait(job) for job in (without, with_one)] == [0, 0]
    checkpoints = f"{RUNS}/checkpoints/{with_one}"
    cleaned = {view["job"]: view["left"] for view in carbonq.json("clean", str(without), str(with_one))}
    assert cleaned == {without: [], with_one: [checkpoints]}
    assert "were removed" in carbonq.attempt("logs", str(with_one)).stderr
    alice.run("rm", f"{checkpoints}/c")
    assert carbonq.json("clean", str(with_one))[0]["left"] == []


def test_root_has_no_jobs_here(machine: Machine, service: Service) -> None:
    refused = Carbonq(machine).attempt("submit", "--", "true")
    assert refused.returncode == NOT_PERMITTED
    assert "submit as the ordinary user" in refused.stderr


# --- who may do what --------------------------------------------------------------------------------------------------
def test_another_member_sees_the_queue_but_neither_command_nor_log_and_changes_nothing(alice: User, bob: User) -> None:
    job = running_job(alice, "sleep", "300")
    others = Carbonq(bob)
    assert any(row["id"] == job and row["user"] == "alice" for row in others.json("list"))
    shown = others.json("show", str(job))
    assert (shown["argv"], shown["workdir"], shown["events"]) == ([], "", [])
    for attempt in (["logs", str(job)], ["cancel", str(job)], ["run-now", str(job)]):
        assert others.attempt(*attempt).returncode == NOT_PERMITTED
    assert Carbonq(alice).json("show", str(job))["argv"][-1].endswith("sleep 300")
    Carbonq(alice).run("cancel", str(job))


def test_another_user_cannot_read_a_jobs_files_either(alice: User, bob: User) -> None:
    job = running_job(alice, "sleep", "300")
    segment = f"{RUNS}/{job}-1-1"
    for path in (f"{segment}/stdout.log", f"{segment}/run.json"):
        assert "Permission denied" in bob.attempt("cat", path).stderr
    for path in (segment, f"{segment}/channel", f"{RUNS}/checkpoints/{job}"):
        assert "Permission denied" in bob.attempt("ls", path).stderr
    Carbonq(alice).run("cancel", str(job))


def test_who_is_no_member_of_the_group_cannot_connect_and_is_told_what_to_ask_for(
    machine: Machine, service: Service
) -> None:
    refused = Carbonq(machine.user("eve")).attempt("list")
    assert refused.returncode == NOT_PERMITTED
    assert "member of the group carbonq-users" in refused.stderr


def test_orders_to_the_worker_are_the_schedulers_alone(alice: User) -> None:
    connect = "import socket; socket.socket(socket.AF_UNIX).connect('/run/carbonq/agent.sock')"
    assert "PermissionError" in alice.attempt("python3", "-c", connect).stderr


def test_a_cancelled_job_ends_though_it_is_anothers_process_and_ignores_the_signal(alice: User) -> None:
    """The supervisor may signal what it may not be."""
    job = running_job(alice, "trap '' TERM;", "while true; do sleep 0.1; done")
    carbonq = Carbonq(alice)
    carbonq.run("cancel", str(job))
    until(lambda: carbonq.json("show", str(job))["state"] == "cancelled")
    unit = f"carbonq-run-{job}-1-1.service"
    until(lambda: alice.machine.unit_property(unit, "ActiveState") == "inactive")


# --- the services -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "disturb",
    [Service.restart, Service.kill_scheduler, Service.kill_worker],
    ids=["restart of both services", "kill -9 of the scheduler", "kill -9 of the worker"],
)
def test_a_job_outlives(service: Service, alice: User, disturb: Callable[[Service], None]) -> None:
    """Its exit status, its logs and its energy reach the history."""
    gate = f"/tmp/system-{disturb.__name__}"
    job = running_job(alice, f"while [ ! -e {gate} ]; do sleep 0.1; done; echo after; exit 3")
    disturb(service)
    alice.run("touch", gate)
    carbonq = Carbonq(alice)
    assert carbonq.wait(job) == 3
    assert carbonq.run("logs", str(job)) == "secret-of-alice\nafter\n"
    row = carbonq.history(job)
    assert (row["exit_code"], row["attempts"], row["coverage"]) == (3, 1, 1.0)
    assert row["energy_kwh"] > 0 and row["emissions_g"] > 0


def test_a_stopped_scheduler_is_started_by_the_next_command(service: Service, alice: User) -> None:
    service.machine.run("systemctl", "stop", SCHEDULER)
    assert isinstance(Carbonq(alice).json("list"), list)


def test_keys_reach_the_scheduler_and_nobody_else(service: Service, alice: User) -> None:
    """From a file of root's through LoadCredential=; not in its environment, not readable to its users."""
    providers = {row["source"]: row["state"] for row in Carbonq(alice).json("grid", "providers")}
    assert providers["eia"] != "needs key" and "needs key" in providers.values()
    loaded = f"/run/credentials/{SCHEDULER}/carbonq-keys.toml"
    machine = service.machine
    assert KEY in machine.run("cat", loaded)
    for path in (KEYS, loaded):
        assert alice.attempt("cat", path).returncode != 0
    assert machine.attempt("setpriv", "--reuid=carbonq", "--clear-groups", "cat", KEYS).returncode != 0
    assert KEY not in machine.run("cat", f"/proc/{service.pid(SCHEDULER)}/environ")
    assert machine.attempt("test", "-e", f"/run/credentials/{WORKER}").returncode != 0


@pytest.mark.timeout(420)
def test_the_joint_planner_is_compiled_in_the_sandbox_into_a_directory_of_the_schedulers_own(service: Service) -> None:
    """Without a policy in the settings; nobody else may write what the scheduler will execute."""
    machine = service.machine
    machine.write("/etc/carbonq/config.toml", SETTINGS.replace('policy = "suspend-resume"\n', ""))
    try:
        machine.run("systemctl", "restart", SCHEDULER)
        until(lambda: "joint planner ready" in machine.journal("-u", SCHEDULER), 300)
    finally:
        machine.write("/etc/carbonq/config.toml", SETTINGS)
        machine.run("systemctl", "restart", SCHEDULER)
    assert machine.run("stat", "-c", "%U %a", "/var/cache/carbonq", "/var/cache/carbonq/numba").split() == [
        "carbonq", "700", "carbonq", "700",
    ]  # fmt: skip


def test_the_scheduler_and_the_worker_hold_no_capability(service: Service) -> None:
    for unit, user in ((SCHEDULER, "carbonq"), (WORKER, "root")):
        status = service.machine.run("cat", f"/proc/{service.pid(unit)}/status")
        assert set(re.findall(r"Cap(?:Prm|Eff|Bnd|Amb):\s*(\S+)", status)) == {"0" * 16}
        assert service.machine.run("ps", "-o", "user=", "-p", str(service.pid(unit))).strip() == user


@pytest.mark.parametrize("unit", [SCHEDULER, WORKER])
def test_systemds_own_review_finds_little_exposed(service: Service, unit: str) -> None:
    said = service.machine.run("systemd-analyze", "security", "--no-pager", unit).splitlines()[-1]
    assert float(re.findall(r"\d+\.\d+", said)[0]) <= WORST_EXPOSURE, said
