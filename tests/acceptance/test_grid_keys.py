"""A key in the daemon's environment works, ours goes on from the history it opens, and it is found nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.grid_server import KEY, grid_server, made_up_series
from fakes.real_daemon import QUICK, RealDaemon, real_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[RealDaemon]:
    """With EIA's dialect from the loopback server: history, no forecast."""
    now = lambda: datetime.now(UTC)  # noqa: E731
    with grid_server(now, made_up_series(now(), days=40)) as server:
        grid = f'zone = "US-CISO"\nprovider = "eia"\nbase_url = "{server.url("eia")}"'
        settings = QUICK.replace('zone = "GB"\nprovider = "static"', grid)
        with real_daemon(settings, {"CARBONQ_KEY_EIA": KEY}) as running:
            running.start()
            yield running


def test_what_is_planned_with_is_named_wherever_one_looks(daemon: RealDaemon) -> None:
    """EIA publishes no forecast, so ours goes on from what was back-filled: said, with the reason."""
    daemon.until(lambda: daemon.client.get("/v1/grid/now")["link"] == "built-in", "ours goes on from the history")
    # It may start at once, where the hour of the day is a clean one: it must not be over before it is looked at.
    job = daemon.submit("sleep", "600", duration_s=3600, within_s=20 * 3600)
    words = "built-in forecast from the history of eia"
    for command in (["grid", "now"], ["grid", "forecast"], ["plan"], ["explain", str(job)], ["doctor"]):
        out = daemon.carbonq(*command).stdout
        assert words in out and "eia gives no forecast" in out, command
        shown = json.loads(daemon.carbonq(*command, "--json").stdout)
        assert words in json.dumps(shown), command
    links = json.loads(daemon.carbonq("grid", "now", "--json").stdout)["links"]
    assert [(link["name"], link["state"]) for link in links] == [("eia", "passed-over"), ("built-in", "in-use")]
    daemon.carbonq("cancel", str(job))


def test_the_record_can_be_looked_at_and_judged(daemon: RealDaemon, tmp_path: Path) -> None:
    """What was back-filled comes out as a file that the forecaster reads, and has a table of its own."""
    daemon.until(lambda: daemon.client.get("/v1/grid/now")["link"] == "built-in", "the history is there")
    file = tmp_path / "grid.csv"
    file.write_text(daemon.carbonq("grid", "history", "--since", "30d", "--csv").stdout)
    skill = daemon.carbonq("grid", "skill", "--json")
    assert skill.returncode == 0, skill.stderr
    ours, *simple = json.loads(skill.stdout)
    assert ours["series"] == "eia/US-CISO" and ours["forecast"] == "carbonq" and len(simple) == 3
    same = json.loads(daemon.carbonq("grid", "skill", "--series", str(file), "--json").stdout)[0]
    assert same["mape_pct"] == pytest.approx(ours["mape_pct"], rel=0.05)


def test_a_job_is_recomputed_and_nothing_has_changed(daemon: RealDaemon) -> None:
    job = daemon.submit("true", run_now=True, duration_s=5)
    daemon.ended(job)
    daemon.until(lambda: bool(daemon.job(job)["statements"]), "its statement is there")
    [answer] = json.loads(daemon.carbonq("recompute", str(job), "--json").stdout)
    assert answer["job"] == job and answer["asked"] and answer["statement"] is not None


def test_the_key_is_in_no_file_no_answer_no_log_and_no_other_process(daemon: RealDaemon) -> None:
    job = daemon.submit("env", run_now=True, duration_s=5)
    daemon.ended(job)
    told = [daemon.log, daemon.carbonq("logs", str(job)).stdout]
    for command in (["show", str(job)], ["doctor"], ["grid", "now"], ["grid", "providers"], ["grid", "history"]):
        told.append(daemon.carbonq(*command, "--json").stdout)
    assert KEY not in "\n".join(told)
    files = [file for file in daemon.home.rglob("*") if file.is_file()]
    assert any(file.name == "carbonq.db" for file in files)
    assert [file for file in files if KEY.encode() in file.read_bytes()] == []
    agent = Path(f"/proc/{daemon.agent_pid()}/environ").read_bytes()
    assert b"CARBONQ_HOME" in agent and b"CARBONQ_KEY_" not in agent
