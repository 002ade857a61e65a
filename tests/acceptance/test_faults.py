"""What befalls a daemon in a year, done to a real one: it stays up, says what is wrong, and loses nothing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.grid_server import Fault, grid_server
from fakes.real_daemon import QUICK, RealDaemon, real_daemon

from scheduler.storage import open_store


@pytest.fixture
def daemon() -> Iterator[RealDaemon]:
    """Not started yet."""
    with real_daemon() as installed:
        yield installed


def refused(daemon: RealDaemon, *argv: str) -> str:
    """Why a command failed that asked for nothing wrong."""
    done = daemon.carbonq(argv[0], "--json", *argv[1:])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return str(json.loads(done.stdout)["error"]["message"])


def problems(daemon: RealDaemon) -> str:
    """What `carbonq doctor` calls a problem."""
    done = daemon.carbonq("doctor", "--json")
    findings = json.loads(done.stdout)["findings"]
    found = "; ".join(f"{each['check']}: {each['text']}" for each in findings if each["verdict"] == "problem")
    assert done.returncode == (1 if found else 0), f"{done.stdout}\n{daemon.log}"
    return found


# --- a full disk
@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """16 MB of their own under the state directory; the file that fills them up."""
    place.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        yield place / "ballast"
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(ballast: Path) -> None:
    with pytest.raises(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_on_a_full_disk_the_daemon_says_so_what_runs_goes_on_and_nothing_is_lost(daemon: RealDaemon) -> None:
    """Full while a job runs and ends: its exit status and its energy are recorded once there is room."""
    with small_disk(daemon.paths.state) as ballast:
        daemon.start()
        go_on = daemon.home / "go-on"
        job = daemon.submit("/bin/sh", "-c", f"until [ -e {go_on} ]; do sleep 0.1; done; exit 7")
        daemon.until(lambda: (daemon.job(job)["energy_kwh"] or 0) > 0, "the job runs and is metered")
        metered_kwh = daemon.job(job)["energy_kwh"]
        fill(ballast)
        said = refused(daemon, "submit", "--", "true")
        assert f"the disk that holds {daemon.paths.state}" in said and "make room there, then do it again" in said
        assert "MB are free on the disk that holds" in problems(daemon)
        go_on.touch()
        _gone(daemon, str(go_on))
        assert daemon.alive and daemon.job(job)["state"] == "running"
        ballast.unlink()
        ended = daemon.ended(job)
        assert (ended["state"], ended["exit_code"], ended["attempts"]) == ("failed", 7, 1)
        assert ended["energy_kwh"] >= metered_kwh
        assert [row["id"] for row in daemon.client.get("/v1/jobs", all=True)] == [job]
        assert daemon.ended(daemon.submit("/bin/true"))["state"] == "completed"
        daemon.until(lambda: not any(daemon.paths.secrets.iterdir()), "the secrets are gone")
        assert "Traceback" not in daemon.log
        daemon.stop()


def _gone(daemon: RealDaemon, word: str) -> None:
    """The job's own process has ended; its supervisor, which has the word too, may wait for room."""

    def runs() -> bool:
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
                if command.startswith(b"/bin/sh") and word.encode() in command:
                    return True
        return False

    daemon.until(lambda: not runs(), "the job's process has ended")


# --- the database
HOLD_STORE = """
import sys; from scheduler.storage import open_store
store = open_store(sys.argv[1]); print("open", flush=True); sys.stdin.read()
"""


def test_a_database_in_use_by_another_process_is_refused_with_its_pid(daemon: RealDaemon) -> None:
    command = [sys.executable, "-P", "-c", HOLD_STORE, str(daemon.paths.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        said = refused(daemon, "daemon")
        holder.kill()
    assert f"is in use by process {holder.pid}; stop it first (`kill {holder.pid}`" in said
    assert not daemon.answers()


def test_a_foreign_writer_delays_a_submission_and_is_named_when_it_takes_too_long(daemon: RealDaemon) -> None:
    """Somebody's sqlite3 shell in the middle of a transaction; the daemon goes on once it is gone."""
    daemon.start()
    with contextlib.closing(sqlite3.connect(daemon.paths.database, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        said = refused(daemon, "submit", "--", "true")
        foreign.execute("ROLLBACK")
    assert "another process is writing to" in said and "fuser" in said
    assert daemon.ended(daemon.submit("/bin/true"))["state"] == "completed"
    assert "Traceback" not in daemon.log


def test_a_database_of_a_newer_carbonq_is_refused_untouched(daemon: RealDaemon) -> None:
    open_store(daemon.paths.database).close()
    with contextlib.closing(sqlite3.connect(daemon.paths.database)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    before = daemon.paths.database.read_bytes()
    said = refused(daemon, "daemon")
    assert "has schema 9999" in said and "install the newer carbonq again" in said
    assert daemon.paths.database.read_bytes() == before


def test_a_damaged_database_is_refused_with_the_way_back(daemon: RealDaemon) -> None:
    daemon.paths.state.mkdir(parents=True)
    daemon.paths.database.write_text("dear diary, " * 1000)
    said = refused(daemon, "daemon")
    assert "is damaged or is not a carbonq database" in said and "put a backup in its place" in said
    assert daemon.paths.database.read_text().startswith("dear diary")


# --- the provider
FAULTS = [
    Fault.HTML,
    Fault.TRUNCATED,
    Fault.NAN,
    Fault.NEGATIVE,
    Fault.OUT_OF_ORDER,
    Fault.WRONG_ZONE,
    Fault.SERVER_ERROR,
    Fault.HANG_UP,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_provider_answers_a_job_is_finished_by_its_deadline(fault: Fault) -> None:
    """Real HTTP from a provider that is broken from the first answer on: the error is shown, the job runs in time."""
    with grid_server(lambda: datetime.now(UTC)) as grid:
        grid.faults.turn_on(fault)
        # A region, for the national answers of this provider name no zone.
        settings = QUICK.replace('zone = "GB"\nprovider = "static"', 'zone = "GB-13"\nprovider = "uk-neso"')
        settings = settings.replace('poll = "1s"', f'base_url = "{grid.url("uk-neso")}"\ntimeout = "2s"')
        with real_daemon(settings) as daemon:
            daemon.start()
            daemon.until(lambda: _has_answered(daemon), "the provider was asked")
            job = daemon.ended(daemon.submit("/bin/sh", "-c", "sleep 0.5", within_s=20, duration_s=1))
            assert job["state"] == "completed" and job["ended_at"] <= job["deadline"]
            now = daemon.client.get("/v1/grid/now")
            if fault is not Fault.OUT_OF_ORDER:
                assert now["last_error"] and now["freshness"] == "none"
                assert now["g_per_kwh"] is None
            assert daemon.alive and "Traceback" not in daemon.log
            assert problems(daemon) == ""


def _has_answered(daemon: RealDaemon) -> bool:
    now = daemon.client.get("/v1/grid/now")
    return now["next_poll_at"] is not None


# --- processes
def test_an_agent_killed_again_and_again_costs_a_running_job_nothing(daemon: RealDaemon) -> None:
    daemon.start()
    go_on = daemon.home / "go-on"
    job = daemon.submit("/bin/sh", "-c", f"echo begun; until [ -e {go_on} ]; do sleep 0.1; done; exit 5")
    daemon.reached(job, {"running"})
    killed: set[int] = set()
    for _ in range(3):
        daemon.until(lambda: daemon.agent_pid() not in {None, *killed} and daemon.answers(), "a new agent answers")
        pid = daemon.agent_pid()
        assert pid is not None
        killed.add(pid)
        daemon.kill_agent()
    go_on.touch()
    ended = daemon.ended(job)
    assert (ended["state"], ended["exit_code"], ended["attempts"]) == ("failed", 5, 1)
    assert len(ended["segments"]) == 1 and ended["energy_kwh"] > 0
    assert daemon.carbonq("logs", str(job)).stdout == "begun\n"
    assert "worker agent ended" in daemon.log and "Traceback" not in daemon.log


def test_a_daemon_stopped_while_a_job_runs_leaves_it_alone_and_finds_it_again(daemon: RealDaemon) -> None:
    """SIGTERM, as systemd stops it; what ended meanwhile is recorded with the time at which it ended."""
    daemon.start()
    go_on, ended_at = daemon.home / "go-on", daemon.home / "ended-at"
    script = f"until [ -e {go_on} ]; do sleep 0.1; done; date +%s > {ended_at}; exit 3"
    job = daemon.submit("/bin/sh", "-c", script)
    daemon.reached(job, {"running"})
    daemon.stop()
    assert "daemon stopped" in daemon.log and "Traceback" not in daemon.log
    assert daemon.carbonq("list").returncode == 69
    go_on.touch()
    daemon.until(lambda: ended_at.exists() and ended_at.read_text().strip() != "", "the job ends without a daemon")
    daemon.start()
    ended = daemon.ended(job)
    assert (ended["state"], ended["exit_code"], ended["attempts"]) == ("failed", 3, 1)
    said = datetime.fromisoformat(ended["ended_at"]).timestamp()
    assert said == pytest.approx(float(ended_at.read_text()), abs=2)
    assert ended["energy_kwh"] > 0
