"""`carbonq demo`: the whole story in one command, without a network."""

from __future__ import annotations

import json
import subprocess
import sys

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
