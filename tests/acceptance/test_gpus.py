"""Two GPUs, as the real pynvml sees them through a scripted library: who gets which, and what they drew."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fakes.nvml.library import environment_for
from fakes.real_daemon import RealDaemon, real_daemon

BOARDS = [{"uuid": "GPU-aaaa", "power_w": 300.0}, {"uuid": "GPU-bbbb", "power_w": 300.0}]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDaemon]:
    script = tmp_path_factory.mktemp("nvml") / "script.json"
    with real_daemon(environ=environment_for(script, BOARDS)) as running:
        running.start()
        yield running


def test_the_gpus_are_listed_by_uuid(daemon: RealDaemon) -> None:
    """NVML and CUDA number GPUs differently, so numbers are not used."""
    rows = json.loads(daemon.carbonq("gpus", "--json").stdout)
    assert {row["id"] for row in rows if row["pool"] == "gpu"} == {"GPU-aaaa", "GPU-bbbb"}
    assert all(row["power_w"] == 300 for row in rows if row["pool"] == "gpu")


def test_a_job_sees_its_own_gpu_only_and_its_energy_is_the_counters(daemon: RealDaemon) -> None:
    """300 W for about two seconds, read from the board's counter and labelled so."""
    job = daemon.submit("/bin/sh", "-c", "echo $CUDA_VISIBLE_DEVICES; sleep 2", gpus=1)
    ended = daemon.ended(job)
    log = daemon.carbonq("logs", str(job)).stdout.strip()
    assert log in {"GPU-aaaa", "GPU-bbbb"}
    assert ended["segments"][0]["gpu_uuids"] == [log]
    [gpu] = [part for part in ended["energy"] if part["component"] == "gpu"]
    assert (gpu["device"], gpu["method"]) == (log, "nvml-counter")
    assert gpu["energy_kwh"] * 3.6e6 == pytest.approx(300 * ended["running_s"], rel=0.25)
    assert ended["method"] == "partly-measured"


def test_two_jobs_get_different_gpus_and_a_wide_one_waits_for_both(daemon: RealDaemon) -> None:
    """No GPU is given out twice."""
    narrow = [daemon.submit("/bin/sh", "-c", "sleep 2", gpus=1, duration_s=2) for _ in range(2)]
    wide = daemon.submit("/bin/sh", "-c", "echo $CUDA_VISIBLE_DEVICES", gpus=2, duration_s=1)
    ended = [daemon.ended(job) for job in (*narrow, wide)]
    held = [row["segments"][0]["gpu_uuids"] for row in ended]
    assert sorted(held[0] + held[1]) == ["GPU-aaaa", "GPU-bbbb"]
    assert sorted(held[2]) == ["GPU-aaaa", "GPU-bbbb"]
    assert ended[2]["started_at"] >= min(ended[0]["ended_at"], ended[1]["ended_at"])


def test_more_gpus_than_there_are_is_refused_with_what_there_is(daemon: RealDaemon) -> None:
    """Said at once, not after a wait that could never end."""
    refused = daemon.carbonq("submit", "--gpus", "3", "--", "true")
    assert refused.returncode == 2
    assert "has 2" in refused.stderr and "ask for 2 or fewer" in refused.stderr
