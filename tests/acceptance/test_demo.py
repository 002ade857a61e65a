"""`carbonq demo`: the whole story in one command, without a network."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.grid_server import grid_server

from scheduler.daemon.clock import SystemClock

pytest.importorskip("torch", reason="the demonstration trains with PyTorch: pip install 'carbonq[train]'")

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def run_demo(*arguments: str) -> tuple[dict[str, object], str]:
    """The row it ends with, and the story it tells."""
    command = [sys.executable, "-P", "-m", "scheduler.cli", "demo", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=220, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_the_demo_runs_the_main_job_and_ends_with_its_settled_row() -> None:
    """Forecast, plan, wait, training, figures: each is told, and the row is complete and final."""
    row, told = run_demo("--sample")
    assert row["state"] == "completed" and row["statement"] == "final"
    for figure in ("energy_kwh", "emissions_g", "run_now_emissions_g", "difference_g"):
        assert row[figure] is not None
    for part in ("a sample day of our own making", "Forecast for", "waits for low-carbon power", "carbonq history"):
        assert part in told
    assert "host-model" in told or "nvml" in told or "rapl" in told


def test_the_demo_replays_the_last_day_of_a_zone_whose_provider_answers() -> None:
    """NESO's dialect over real HTTP: forecast and actual of the day just past, named on the screen."""
    with grid_server(SystemClock().now) as server:
        row, told = run_demo("--zone", "GB", "--base-url", server.url("uk-neso"))
    assert row["statement"] == "final" and row["zone"] == "GB"
    assert "the last day and a half of zone GB, from UK Carbon Intensity" in told
    assert "sample" not in told


def test_a_demo_that_is_broken_off_leaves_no_job_behind() -> None:
    """Jobs outlive their daemon; those of the demonstration end with it."""
    command = [sys.executable, "-P", "-m", "scheduler.cli", "demo", "--sample"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.strip().startswith("running"):
                break
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
    assert [line for line in processes() if "carbonq-demo-" in line or "train_regressor" in line] == []


def processes() -> list[str]:
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                lines.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines
