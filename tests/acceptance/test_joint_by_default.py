"""A daemon whose settings name no policy plans jointly, and nobody waits for the compiler."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.real_daemon import QUICK, RealDaemon, real_daemon

from scheduler.planning import COMPILED

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not COMPILED, reason="without numba there is nothing to wait for"),
]

COMPILED_WITHIN_S = 300.0
COMPILER = b"scheduler.daemon.compiling"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RealDaemon]:
    """On a grid that is dirty for six hours and clean after, with nothing compiled yet."""
    series, start = tmp_path / "series.csv", datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    rows = [f"{(start + timedelta(hours=n)).isoformat()},{400 if n < 6 else 50}" for n in range(-24, 48)]
    series.write_text("start,carbon_intensity_g_per_kwh\n" + "\n".join(rows) + "\n")
    settings = QUICK.replace('policy = "suspend-resume"\n', "").replace(
        'provider = "static"', f'provider = "recorded"\nfile = "{series}"'
    )
    with real_daemon(settings, {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}) as running:
        yield running


def compilers(of: int) -> list[int]:
    """Processes that compile for the daemon of that number."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == of and COMPILER in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except OSError:
                continue
    return found


def gone(pid: int) -> bool:
    try:
        return "Z" in (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True


def test_a_submit_is_answered_while_the_planner_compiles_and_planned_jointly_once_it_has(daemon: RealDaemon) -> None:
    """The stand-in says what it is; the joint plan has a bound; a daemon killed meanwhile leaves no compiler."""
    daemon.start()
    daemon.until(lambda: bool(compilers(daemon.pid)), "a process compiles")
    (orphan,) = compilers(daemon.pid)
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.until(lambda: gone(orphan), "the compiler has ended with its daemon")

    daemon.start()
    job = daemon.submit("true", within_s=40 * 3600.0, duration_s=3600.0)
    provisional = daemon.client.get("/v1/plan")
    assert provisional["policy"] == "suspend-resume" and provisional["lower_bound_g"] is None
    assert "is being compiled" in provisional["notes"][-1]
    assert daemon.job(job)["reason"] == "carbon-window"

    daemon.until(lambda: daemon.client.get("/v1/plan")["policy"] == "carbonq", "a joint plan", COMPILED_WITHIN_S)
    joint = daemon.client.get("/v1/plan")
    assert 0 < joint["lower_bound_g"] <= joint["emissions_g"]
    assert len(joint["jobs"]) == 1
    assert not any("being compiled" in note for note in joint["notes"])
    assert compilers(daemon.pid) == []
    assert "beat failed" not in daemon.log
