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
    assert "no plan could have emitted less than 210 gCO2eq." in said


def test_how_far_the_best_policy_is_above_the_bound_is_said(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *files, "--policy", "run-now"]) == 0
    said = capsys.readouterr().out
    assert "no plan could have emitted less than 210 gCO2eq, 70.0 % less than the lowest here." in said


def test_more_time_is_for_the_one_plan_of_all_jobs(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *files, "--offline", "--time-limit", "1s", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["emissions_g"] == pytest.approx(row["lower_bound_g"]) == 210
    assert main(["simulate", *files, "--time-limit", "1s"]) == 2
    assert "--time-limit is for the one plan of --offline" in capsys.readouterr().err


def test_our_own_forecast_is_made_from_the_past_alone(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *files, "--forecast", "builtin", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["completed"] == 2


@pytest.mark.parametrize(("slot", "begun"), [([], "12:30"), (["--slot", "1h"], "13:00")])
def test_plans_are_made_at_each_arrival_unless_a_slot_is_given(
    files: list[str], tmp_path: Path, slot: list[str], begun: str
) -> None:
    """With a forecast that is not perfect, too: first come, first served starts who comes to a free GPU."""
    (tmp_path / "jobs.csv").write_text(
        "job,submitted_at,duration_s,gpus,power_w,deadline,interruptible\n"
        "a,2026-11-23T12:10:00Z,7200,1,1000,,false\n"
        "b,2026-11-23T12:30:00Z,3600,1,1000,,false\n"
    )
    out = tmp_path / "out.csv"
    usual = [*files[:-1], "2", "--policy", "run-now", "--forecast", "builtin", "--schedule", str(out)]
    assert main(["simulate", *usual, *slot]) == 0
    with out.open(newline="") as file:
        (start,) = (row["start"] for row in csv.DictReader(file) if row["job"] == "b")
    assert f"T{begun}" in start


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


def test_a_waiting_price_shortens_the_wait_and_costs_emissions(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for price in ("0", "150g/h", "500 g/h"):
        assert main(["simulate", *files, "--patience", price, "--json"]) == 0
        rows += json.loads(capsys.readouterr().out)
    waits, grams = ([row[name] for row in rows] for name in ("mean_wait_s", "emissions_g"))
    assert waits == [9000, 3600, 1800] and grams == [210, 500, 700]


def test_the_jobs_waiting_prices_are_theirs_unless_one_is_given_for_all(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = tmp_path / "jobs.csv"
    first, *rest = jobs.read_text().splitlines()
    jobs.write_text("\n".join([f"{first},patience_g_per_h", *(f"{row},1000" for row in rest)]) + "\n")
    emitted = []
    for given in ([], ["--patience", "0"]):
        assert main(["simulate", *files, *given, "--json"]) == 0
        emitted += [row["emissions_g"] for row in json.loads(capsys.readouterr().out)]
    assert emitted == [700, 210]


@pytest.fixture
def price_file(tmp_path: Path) -> Path:
    """Cheap from the fourth hour on, and shorter than the grid."""
    rows = [f"{(NOON + timedelta(hours=h)).isoformat()},{v}" for h, v in enumerate([0.4, 0.4, 0.4, 0.1, 0.1])]
    (tmp_path / "price.csv").write_text("start,price_per_kwh\n" + "\n".join(rows) + "\n")
    return tmp_path / "price.csv"


def test_what_power_costs_is_told_only_with_a_price(
    files: list[str], price_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By carbon one hour at 0.4 and one at 0.1; weighed, a dirtier but cheap hour takes the place of the first."""
    told = ["--price-file", str(price_file), "--currency", "EUR"]
    for weight, cost, grams in ((None, 0.5, 210), ("2000", 0.2, 410)):
        given = [*told, "--price-weight", weight] if weight else told
        assert main(["simulate", *files, *given, "--offline", "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        assert list(row) == [*FIELDS, "energy_cost", "run_now_energy_cost", "currency"]
        assert (row["energy_cost"], row["emissions_g"]) == (pytest.approx(cost), grams)
        assert (row["run_now_energy_cost"], row["currency"]) == (pytest.approx(0.8), "EUR")
        assert row["lower_bound_g"] == pytest.approx(210)


def test_the_table_has_a_column_of_costs_and_says_where_prices_end(
    files: list[str], price_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *files, "--price-file", str(price_file), "--currency", "EUR"]) == 0
    said = capsys.readouterr().out
    assert "POWER COSTS" in said and "0.50 EUR" in said and "0.80 EUR for its power" in said
    assert "The price series ends at 2026-11-23 17:00 UTC" in said


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--price-weight", "5"], "give --price-file too"),
        (["--currency", "EUR"], "give --price-file too"),
        (["--patience", "soon"], "like 50g/h"),
        (["--price-file", "PRICES", "--price-weight", "-5"], "--price-weight: -5.0 is not a weight"),
        (["--price-file", "PRICES", "--price-weight", "nan"], "--price-weight: nan is not a weight"),
        (["--price-file", "PRICES", "--price-weight", "1e300"], "one unit of money is worth, 0 to 1,000,000,000"),
        (["--price-file", "/nowhere/price.csv"], "/nowhere/price.csv cannot be read"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(
    files: list[str], price_file: Path, capsys: pytest.CaptureFixture[str], given: list[str], complaint: str
) -> None:
    said = [str(price_file) if part == "PRICES" else part for part in given]
    assert main(["simulate", *files, *said]) == 2
    assert complaint in capsys.readouterr().err


def test_a_mistake_in_the_prices_is_named_by_line_and_column(
    files: list[str], price_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    price_file.write_text(price_file.read_text().replace("0.1", "low", 1))
    assert main(["simulate", *files, "--price-file", str(price_file)]) == 2
    assert "price.csv, line 5, column 'price_per_kwh': 'low' is not a number" in capsys.readouterr().err
