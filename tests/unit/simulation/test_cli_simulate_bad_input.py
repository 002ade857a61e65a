"""Whatever is wrong with a file is named by file, line and column, and nothing is simulated."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.simulation_files import Files, at


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_files_without_a_mistake_are_simulated(files: Files) -> None:
    for name in ("grid", "history", "forecast", "jobs"):
        files.label(name, "zone", {}, "GB")
    assert files.simulate() == 0


VALUE = "column 'carbon_intensity_g_per_kwh'"


@pytest.mark.parametrize(
    ("name", "line", "old", "new", "mistake"),
    [
        ("grid", 4, ",302", ",nan", f"grid.csv, line 4, {VALUE}"),
        ("grid", 4, ",302", ",inf", f"grid.csv, line 4, {VALUE}"),
        ("grid", 4, ",302", ",-1", f"grid.csv, line 4, {VALUE}"),
        ("grid", 4, ",302", ",", f"grid.csv, line 4, {VALUE}"),
        ("grid", 4, ",302", ",302,5", "grid.csv, line 4: it has more cells"),
        ("grid", 4, at(2), "two o'clock", "grid.csv, line 4, column 'start'"),
        ("grid", 4, at(2), at(1), "grid.csv, line 4, column 'start'"),
        ("grid", 4, at(2), at(0.5), "grid.csv, line 4, column 'start'"),
        ("grid", 4, at(2), at(1.5), "line 4, column 'start'"),
        ("grid", 4, ",302", "", f"grid.csv, line 4, {VALUE}: the cell is missing, for the row has 1 of 2"),
        ("grid", 4, ",302", ",1_000", f"grid.csv, line 4, {VALUE}: '1_000' is not a number"),
        ("grid", 4, at(2), f'"{at(2)}', "grid.csv, line 4: a quotation mark is opened"),
        ("grid", 1, "start", "begin", "grid.csv, line 1: there is no column 'start'"),
        ("history", 9, at(-41), at(-42), "history.csv, line 9, column 'start'"),
        ("history", 9, ",259", ",nan", f"history.csv, line 9, {VALUE}"),
        ("forecast", 5, ",310", ",nan", f"forecast.csv, line 5, {VALUE}"),
        ("forecast", 5, ",310", ",", f"forecast.csv, line 5, {VALUE}"),
        ("forecast", 5, f",{at(-3)}", f",{at(-2.5)}", "forecast.csv, line 5, column 'start'"),
        ("forecast", 5, f",{at(-3)}", f",{at(-4)}", "forecast.csv, line 5, column 'start'"),
        ("forecast", 9, f"{at(0)},", f"{at(-9)},", "forecast.csv, line 9, column 'issued_at'"),
        ("forecast", 1, "start", "begin", "forecast.csv, line 1: there is no column 'start'"),
        ("jobs", 3, "b,", ",", "jobs.csv, line 3, column 'job': '' is no name"),
        ("jobs", 3, ",3600,", ",0,", "jobs.csv, line 3, column 'duration_s'"),
        ("jobs", 3, ",3600,1,", ",3600,3,", "jobs.csv, line 3, column 'gpus': '3' is more than the machine's 2"),
        ("jobs", 3, at(6), at(-1), "jobs.csv, line 3, column 'deadline'"),
        ("jobs", 3, at(0), at(-2), "jobs.csv, line 3, column 'submitted_at'"),
        ("jobs", 3, "b,", "a,", "jobs.csv, line 3, column 'job'"),
    ],
)
def test_a_wrong_cell_is_named_with_its_file_line_and_column(
    files: Files, capsys: pytest.CaptureFixture[str], name: str, line: int, old: str, new: str, mistake: str
) -> None:
    files.replace(name, line, old, new)
    assert files.simulate() == 2
    said = capsys.readouterr()
    assert mistake in said.err and not said.out


@pytest.mark.parametrize("name", ["grid", "history", "forecast"])
def test_a_missing_row_is_named_at_the_row_after_it(
    files: Files, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    del files.lines[name][3]
    assert files.simulate() == 2
    assert f"{name}.csv, line 4, column 'start'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["grid", "history", "forecast", "jobs"])
@pytest.mark.parametrize(("column", "usual", "other"), [("zone", "GB", "FR"), ("kind", "average", "marginal")])
def test_rows_of_two_zones_or_kinds_are_not_one_series(
    files: Files, capsys: pytest.CaptureFixture[str], name: str, column: str, usual: str, other: str
) -> None:
    files.label(name, column, {3: other}, usual)
    assert files.simulate() == 2
    assert f"{name}.csv, line 3, column '{column}': '{other}' is not '{usual}'" in capsys.readouterr().err


def test_a_forecast_of_another_zone_than_the_grids_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.label("grid", "zone", {}, "GB")
    files.label("forecast", "zone", {}, "DE")
    assert files.simulate() == 2
    said = capsys.readouterr().err
    assert "forecast.csv, line 2, column 'zone': 'DE' is not 'GB'" in said and "grid.csv, line 2" in said


def test_jobs_may_stand_in_any_order(files: Files) -> None:
    """First come is by the time of submission; only ties go by the position in the file."""
    files.lines["jobs"].insert(1, f"c,{at(3)},3600,1,1000,{at(9)},true")
    assert files.simulate() == 0


def test_run_now_beyond_the_end_of_the_series_is_an_error_and_not_free_of_emissions(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.replace("jobs", 3, ",3600,", ",46800,")
    assert files.simulate() == 2
    assert "with run-now job b goes on after the series ends, 2026-11-24 00:00 UTC" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["grid", "history", "forecast", "jobs"])
def test_a_column_that_is_there_twice_is_named(files: Files, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Which of the two counts could only be guessed."""
    column = files.lines[name][0].split(",")[-1]
    files.label(name, column, {}, "1")
    assert files.simulate() == 2
    assert f"{name}.csv, line 1, column '{column}': the heading has it twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "kept", "mistake"),
    [
        ("grid", 0, "grid.csv, line 1: the heading is missing; needed: start, carbon_intensity_g_per_kwh"),
        ("grid", 1, "grid.csv holds 0 rows"),
        ("forecast", 0, "forecast.csv, line 1: the heading is missing; needed: issued_at, start,"),
        ("forecast", 1, "forecast.csv holds no forecast; write its rows below the heading"),
        ("jobs", 0, "jobs.csv, line 1: the heading is missing; needed: job, submitted_at,"),
        ("jobs", 1, "jobs.csv, line 2: there is no job"),
    ],
)
def test_a_file_without_rows_is_refused(
    files: Files, capsys: pytest.CaptureFixture[str], name: str, kept: int, mistake: str
) -> None:
    """Nothing is to be simulated, or nothing to be planned with."""
    del files.lines[name][kept:]
    assert files.simulate() == 2
    assert mistake in capsys.readouterr().err


def test_a_column_that_is_not_known_is_told_and_ignored(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Other tools may add theirs; those that say what a row is of are known."""
    files.label("jobs", "switch_costs", {}, "60")
    files.label("jobs", "zone", {}, "GB")
    files.label("grid", "note", {}, "x")
    assert files.simulate("--json") == 0
    said = capsys.readouterr()
    assert "column 'switch_costs': it is not known, and ignored; did you mean 'switch_cost_s'?" in said.err
    assert "zone" not in said.err and "note" not in said.err and said.out.startswith("[")


def test_a_json_file_that_holds_no_rows_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    file = files.folder / "prices.json"
    file.write_text('{"start": 1}')
    assert files.simulate("--price-file", str(file)) == 2
    assert "prices.json must hold a list of objects; write one for each row" in capsys.readouterr().err


def test_a_forecast_that_begins_late_is_told_before_the_answer(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, so that the JSON stays one value."""
    files.lines["forecast"] = [files.lines["forecast"][0], *(f"{at(2)},{at(h)},310" for h in range(2, 8))]
    assert files.simulate("--json") == 0
    said = capsys.readouterr()
    assert "forecast.csv has no forecast for 2026-11-23 12:00 to 2026-11-23 14:00 UTC; the built-in one" in said.err
    assert said.out.startswith("[")


def test_a_forecast_of_another_time_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.lines["forecast"] = [row.replace("2026-", "2025-") for row in files.lines["forecast"]]
    assert files.simulate() == 2
    assert "says nothing of 2026-11-23 12:00 to 2026-11-23 18:00 UTC, which is simulated" in capsys.readouterr().err


def test_a_history_that_is_not_used_is_told(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.simulate("--forecast", "perfect") == 0
    assert "history.csv is not used, for a perfect forecast needs no past" in capsys.readouterr().err


def test_a_history_that_is_the_grid_itself_is_told_to_add_nothing(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.lines["history"] = files.lines["grid"]
    assert files.simulate() == 0
    assert "history.csv holds nothing from before 2026-11-23 12:00 UTC" in capsys.readouterr().err
