"""The installed command and a real daemon: what a user does, from submission to history."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.real_daemon import QUICK, RealDaemon, real_daemon

from scheduler.cli.waiting import ENDED

pytest.importorskip("torch", reason="the reference job trains with PyTorch: pip install 'carbonq[train]'")

REFERENCE = Path(__file__).parents[2] / "examples" / "train_regressor.py"
SLOT_S = 1.0
PACED_EPOCHS = 300


def replay_settings(folder: Path, values: list[float]) -> str:
    """A recorded grid of one-second slots that begins now."""
    series = folder / "series.csv"
    start = datetime(2026, 3, 10, tzinfo=UTC)
    rows = [f"{(start + timedelta(minutes=30 * n)).isoformat()},{g}" for n, g in enumerate(values)]
    series.write_text("start,carbon_intensity_g_per_kwh\n" + "\n".join(rows) + "\n")
    anchor = datetime.now(UTC).isoformat()
    recorded = (
        f'zone = "GB"\nprovider = "recorded"\nfile = "{series}"\norigin = {start.isoformat()}\n'
        f"anchor = {anchor}\nspeed = {1800 / SLOT_S}"
    )
    return QUICK.replace('zone = "GB"\nprovider = "static"', recorded)


@pytest.fixture
def daemon() -> Iterator[RealDaemon]:
    with real_daemon() as running:
        running.start()
        yield running


def test_a_submitted_job_waits_for_the_clean_slots_trains_there_and_stands_in_the_history(tmp_path: Path) -> None:
    """The main job with the real reference training, a recorded grid, and every figure of its row."""
    dirty_then_clean = [400.0] * 14 + [50.0] * 40 + [400.0] * 100
    with real_daemon(replay_settings(tmp_path, dirty_then_clean)) as daemon:
        daemon.start()
        submitted = daemon.carbonq(
            *("submit", "--json", "--within", "60s", "--duration", "6s", "--project", "demo", "--tag", "a"),
            *("--", sys.executable, str(REFERENCE), "--epochs", "300"),
        )
        assert submitted.returncode == 0, submitted.stderr
        answer = json.loads(submitted.stdout)
        assert answer["state"] == "queued" and answer["reason"] == "carbon-window"
        waited = daemon.carbonq("wait", str(answer["id"]))
        assert waited.returncode == 0, waited.stdout + waited.stderr
        job = answer["id"]
        daemon.until(lambda: daemon.job(job)["statement"] == "final", "the statement is final")
        rows = json.loads(daemon.carbonq("history", "--json").stdout)
        [row] = rows
        assert row["state"] == "completed" and row["exit_code"] == 0
        assert row["energy_kwh"] > 0 and row["coverage"] == 1
        assert row["emissions_g"] == pytest.approx(row["energy_kwh"] * 50, rel=0.02)
        assert row["run_now_emissions_g"] > row["emissions_g"]
        assert row["difference_g"] == pytest.approx(row["run_now_emissions_g"] - row["emissions_g"])
        assert "epoch    300" in daemon.carbonq("logs", str(job)).stdout
        [line] = csv.DictReader(io.StringIO(daemon.carbonq("history", "--csv").stdout))
        assert line["project"] == "demo"
        [group] = json.loads(daemon.carbonq("history", "--by", "project", "--json").stdout)
        assert group["key"] == "demo" and group["jobs"] == 1


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_interruptible_job_is_suspended_at_its_checkpoint_and_resumes_exactly(tmp_path: Path) -> None:
    """A dirty stretch in the middle: the kit writes a checkpoint, the job goes on, the loss curve is the same."""
    began = time.monotonic()
    undisturbed = _losses(tmp_path, PACED_EPOCHS)
    # A job stopped while it still loads has no checkpoint to go on from; a busy machine loads torch slowly.
    clean = max(16, round(10 + 3 * (time.monotonic() - began)))
    # As long as a clean stretch without its loading, however fast the machine is: it must use both.
    clean_dirty_clean = [50.0] * clean + [900.0] * 6 + [50.0] * (clean - 2) + [900.0] * 300
    with real_daemon(replay_settings(tmp_path, clean_dirty_clean)) as daemon:
        daemon.start()
        job = daemon.submit(
            *(sys.executable, "-P", "-m", "workers.training.reference.train_regressor"),
            *("--epochs", str(PACED_EPOCHS), "--log-every", "50", "--epoch-seconds", f"{clean / PACED_EPOCHS:g}"),
            interruptible=True,
            duration_s=clean + 8,
            within_s=clean + 184,
            power_w=50,
            grace_s=20,
        )
        daemon.until(lambda: daemon.job(job)["state"] == "suspended", "it is suspended", within_s=clean + 100)
        daemon.until(lambda: daemon.job(job)["state"] in ENDED, "it ends", within_s=clean + 220)
        ended = daemon.job(job)
        assert ended["state"] == "completed", ended
        segments = ended["segments"]
        assert len(segments) >= 2 and segments[0]["stop_reason"] == "suspend" and segments[1]["resume"]
        assert ended["work_done_s"] > 0
        log = daemon.carbonq("logs", str(job)).stdout
        assert "resumed after epoch" in log
        assert [line for line in log.splitlines() if line.startswith("epoch")] == undisturbed


def _losses(folder: Path, epochs: int) -> list[str]:
    command = [sys.executable, str(REFERENCE), "--epochs", str(epochs), "--log-every", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return [line for line in done.stdout.splitlines() if line.startswith("epoch")]


def test_a_killed_daemon_finds_its_running_job_again(daemon: RealDaemon) -> None:
    """`kill -9` while a job runs: the job goes on, its end and its energy are there afterwards."""
    job = daemon.submit("/bin/sh", "-c", "sleep 2; echo done; exit 5")
    daemon.reached(job, {"running"})
    daemon.kill()
    time.sleep(0.2)
    daemon.start()
    ended = daemon.ended(job)
    assert (ended["state"], ended["exit_code"], ended["attempts"]) == ("failed", 5, 1)
    assert ended["energy_kwh"] > 0
    assert daemon.carbonq("wait", str(job)).returncode == 5
    assert daemon.carbonq("logs", str(job)).stdout == "done\n"


def test_a_cancelled_job_ends_and_leaves_no_process(daemon: RealDaemon) -> None:
    """The whole process group goes, and the exit status says by which signal."""
    pid_file = daemon.home / "pid"
    job = daemon.submit("/bin/sh", "-c", f"sleep 300 & echo $! > {pid_file}; wait")
    daemon.until(lambda: pid_file.exists() and pid_file.read_text().strip() != "", "the job runs")
    assert daemon.carbonq("cancel", str(job)).returncode == 0
    ended = daemon.ended(job)
    assert ended["state"] == "cancelled"
    child = int(pid_file.read_text())
    daemon.until(lambda: not Path(f"/proc/{child}").exists(), "the job's child is gone")


def test_a_job_stops_at_its_time_limit(daemon: RealDaemon) -> None:
    """The limit is on running time, and is enforced without the daemon."""
    job = daemon.submit("/bin/sleep", "300", time_limit_s=1, duration_s=1)
    ended = daemon.ended(job)
    assert (ended["state"], ended["reason"]) == ("timeout", "time-limit")


def test_a_command_that_is_not_there_says_so(daemon: RealDaemon) -> None:
    """The submitter learns the name and the reason, not a traceback."""
    job = daemon.submit("/nonexistent/program")
    ended = daemon.ended(job)
    assert (ended["state"], ended["reason"]) == ("failed", "could-not-start")
    assert "/nonexistent/program" in ended["detail"]


def test_the_environment_of_a_job_is_neither_in_the_database_nor_in_a_log_nor_in_a_process_list(
    daemon: RealDaemon,
) -> None:
    """A secret given with the environment reaches the job and nothing else, and its file is gone afterwards."""
    secret = "hunter2-very-secret"
    out = daemon.home / "out"
    job = daemon.submit("/bin/sh", "-c", f'printf "%s" "$KEY" > {out}; sleep 1', env={"KEY": secret, "PATH": "/bin"})
    daemon.until(lambda: out.exists() and out.read_text() == secret, "the job has its environment")
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.joinpath("cmdline").exists():
            try:
                assert secret.encode() not in (process / "cmdline").read_bytes()
            except OSError:
                continue
    daemon.ended(job)
    daemon.until(lambda: not any(daemon.paths.secrets.glob("*")), "the secret's file is gone")
    daemon.stop()
    kept = [file for file in daemon.home.rglob("*") if file.is_file() and file != out]
    assert [file for file in kept if secret.encode() in file.read_bytes()] == []
