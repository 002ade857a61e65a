"""`carbonq simulate` as other tools call it."""

from __future__ import annotations

import csv
import json
import sys
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fakes.clock import NOON

from scheduler.cli.main import main

FIELDS = [
    "policy", "jobs", "completed", "deadline_misses", "energy_kwh", "emissions_g", "run_now_emissions_g", "saved_pct",
    "lower_bound_g", "attainable_pct", "share_of_attainable", "mean_wait_s", "p95_wait_s", "switches",
    "gpu_utilisation", "plans", "plan_ms_p50", "plan_ms_max",
]  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A grid of twelve hours and two jobs."""
    values = [400, 300, 100, 110, 300, 300, 300, 300, 300, 300, 300, 300]
    rows = [f"{(NOON + timedelta(hours=h)).isoformat()},{v}" for h, v in enumerate(values)]
    (tmp_path / "grid.csv").write_text("start,carbon_intensity_g_per_kwh\n" + "\n".join(rows) + "\n")
    (tmp_path / "jobs.csv").write_text(
        "job,submitted_at,duration_s,gpus,power_w,deadline,interruptible\n"
        "a,2026-11-23T12:00:00Z,3600,1,1000,2026-11-23T17:00:00Z,false\n"
        "b,2026-11-23T12:00:00Z,3600,1,1000,2026-11-23T17:00:00Z,true\n"
    )
    return ["--intensity", str(tmp_path / "grid.csv"), "--jobs", str(tmp_path / "jobs.csv"), "--gpus", "1"]


def test_the_json_is_an_array_with_every_documented_field(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *files, "--policy", "carbonq", "--policy", "run-now", "--json"]) == 0
    ours, usual = json.loads(capsys.readouterr().out)
    assert list(ours) == list(usual) == FIELDS
    assert (ours["emissions_g"], usual["emissions_g"], ours["run_now_emissions_g"]) == (210, 700, 700)
    assert (ours["saved_pct"], ours["share_of_attainable"]) == (pytest.approx(70), pytest.approx(1))


def test_one_policy_is_an_array_too_and_carbonq_is_the_default(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *files, "--json"]) == 0
    assert [row["policy"] for row in json.loads(capsys.readouterr().out)] == ["carbonq"]


def test_the_schedule_has_a_row_for_every_segment(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert main(["simulate", *files, "--schedule", str(out), "--json"]) == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["start"] for row in rows] == ["2026-11-23T14:00:00+00:00", "2026-11-23T15:00:00+00:00"]
    assert {row["gpus"] for row in rows} == {"1"}


def test_people_get_a_table_and_what_was_possible(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *files]) == 0
    said = capsys.readouterr().out
    assert "70.0 %" in said
    assert "no plan could have emitted less than 210 gCO2eq" in said


def test_our_own_forecast_is_made_from_the_past_alone(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *files, "--forecast", "builtin", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["completed"] == 2


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("T13:00:00+00:00,300", "T13:00:00+00:00,nan", "grid.csv, line 3, column 'carbon_intensity_g_per_kwh'"),
        ("2026-11-23T13:00:00+00:00,300\n", "", "grid.csv, line 3, column 'start'"),
        ("T13:00:00+00:00,300", "T11:00:00+00:00,300", "is not after the row before it"),
    ],
)
def test_a_bad_grid_is_refused_by_line_and_column(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, mistake: str
) -> None:
    grid = tmp_path / "grid.csv"
    grid.write_text(grid.read_text().replace(old, new))
    assert main(["simulate", *files]) == 2
    assert mistake in capsys.readouterr().err


def test_an_unknown_policy_is_refused_with_those_there_are(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *files, "--policy", "psychic"]) == 2
    assert "lowest-window" in capsys.readouterr().err


def test_the_picture_has_the_grid_and_a_panel_for_each_policy(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Well-formed, with units, and each policy's figures as its panel's title."""
    plot = tmp_path / "out.svg"
    assert main(["simulate", *files, "--policy", "carbonq", "--policy", "run-now", "--plot", str(plot)]) == 0
    words = [text.text for text in ElementTree.parse(plot).iter("{http://www.w3.org/2000/svg}text")]
    assert {"Carbon intensity", "gCO2eq/kWh", "time (UTC)", "the machine's 1 GPUs"} <= set(words)
    assert "carbonq: 0.2 kgCO2eq, 70.0 % saved, 0 late" in words
    assert words.count("GPUs in use") == 2


@pytest.mark.parametrize(
    ("name", "way_out"), [("out.pdf", "ends in neither .svg nor .png"), ("out.png", "resvg-py, is not installed")]
)
def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_simulated(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    name: str, way_out: str,
) -> None:  # fmt: skip
    """With the name that would do."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert main(["simulate", *files, "--plot", str(tmp_path / name)]) == 2
    said = capsys.readouterr()
    assert way_out in said.err and "out.svg" in said.err
    assert not said.out
