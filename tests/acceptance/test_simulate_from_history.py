"""The installed command and a real daemon: jobs that ran here, run anew on the record of the grid."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.real_daemon import QUICK, RealDaemon, real_daemon

DIRTY, CLEAN = 400.0, 50.0
SLOT = timedelta(minutes=30)
"""Of the recorded series, each of which passes in a second."""


def settings(folder: Path) -> str:
    """A recorded grid that begins a while ago, and is dirty until shortly after the daemon is up."""
    series, start, anchor = folder / "series.csv", datetime(2026, 3, 10, tzinfo=UTC), datetime.now(UTC)
    values = [DIRTY] * 60 + [CLEAN] * 400
    rows = [f"{(start + n * SLOT).isoformat()},{value}" for n, value in enumerate(values)]
    series.write_text("start,carbon_intensity_g_per_kwh\n" + "\n".join(rows) + "\n")
    recorded = (
        f'zone = "GB"\nprovider = "recorded"\nfile = "{series}"\norigin = {start.isoformat()}\n'
        f"anchor = {(anchor - timedelta(seconds=20)).isoformat()}\nspeed = {SLOT.total_seconds():g}"
    )
    return QUICK.replace('zone = "GB"\nprovider = "static"', recorded)


def seconds_of_clean_grid_on_record(daemon: RealDaemon) -> float:
    now = datetime.now(UTC)
    answer = daemon.client.get(
        "/v1/grid/observations", since=(now - timedelta(hours=1)).isoformat(), until=now.isoformat()
    )
    return sum(row["g_per_kwh"] == CLEAN for row in answer["rows"])


@pytest.mark.long
@pytest.mark.timeout(240)
def test_what_ran_in_dirty_hours_would_have_emitted_less_under_carbonq(tmp_path: Path) -> None:
    """Run now it emits what it did; a job whose energy is unknown, for it never ran, is counted and left out."""
    with real_daemon(settings(tmp_path)) as daemon:
        daemon.start()
        at_once = {"run_now": True, "duration_s": 2, "within_s": 60}
        ran = [daemon.submit("/bin/sleep", "2", **at_once), daemon.submit("/bin/sleep", "1", **at_once)]
        never = daemon.submit("/bin/true", hold=True)
        daemon.carbonq("cancel", str(never))
        for job in ran:
            daemon.ended(job)
            daemon.until(lambda job=job: daemon.job(job)["statement"] == "final", "the statement is final")
        daemon.until(lambda: seconds_of_clean_grid_on_record(daemon) >= 8, "the clean grid is on record")

        answer = daemon.carbonq(
            "simulate", "--from-history", "--policy", "carbonq", "--policy", "run-now", "--json", "--since", "1h"
        )
        assert answer.returncode == 0, answer.stderr
        ours, usual = json.loads(answer.stdout)
        recorded = sum(daemon.job(job)["emissions_g"] for job in ran)
        assert usual["jobs"] == usual["completed"] == 2
        assert usual["recorded_emissions_g"] == pytest.approx(recorded)
        assert usual["emissions_g"] == pytest.approx(recorded, rel=0.05)
        assert ours["emissions_g"] < 0.5 * recorded
        assert ours["left_out"] == [{"reason": "never-ran", "jobs": 1}]
        said = daemon.carbonq("simulate", "--from-history").stdout
        assert "Really emitted, as recorded:" in said and "Left out: 1 never ran." in said
