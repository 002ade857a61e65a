"""Options of `carbonq simulate` that make no sense are refused before anything is simulated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.simulation_files import Files
from pydantic import ValidationError

from scheduler.cli.simulate_options import MOST_PUE
from scheduler.config import SiteSettings


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--pue", "nan"], "--pue: nan is not a number"),
        (["--pue", "inf"], "'--pue': inf is not in the range 1.0<=x<=5.0"),
        (["--pue", "1e300"], "'--pue': 1e+300 is not in the range 1.0<=x<=5.0"),
        (["--deadline-confidence", "nan"], "--deadline-confidence: nan is not a number"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(
    files: Files, capsys: pytest.CaptureFixture[str], given: list[str], complaint: str
) -> None:
    assert files.simulate(*given) == 2
    said = capsys.readouterr()
    assert complaint in said.err and not said.out


def test_the_daemon_takes_the_same_pue() -> None:
    assert SiteSettings(pue=MOST_PUE).pue == MOST_PUE
    with pytest.raises(ValidationError):
        SiteSettings(pue=MOST_PUE + 0.01)


@pytest.mark.parametrize("option", ["--schedule", "--plot"])
@pytest.mark.parametrize(
    ("name", "of"), [("grid", "--intensity"), ("history", "--history"), ("forecast", "--forecast"), ("jobs", "--jobs")]
)
def test_no_file_that_is_read_is_overwritten(
    files: Files, capsys: pytest.CaptureFixture[str], option: str, name: str, of: str
) -> None:
    """By whatever name it goes."""
    files.write()
    link = files.folder / "out.svg"
    link.symlink_to(files.path(name))
    before = files.path(name).read_text()
    assert files.simulate(option, str(link)) == 2
    assert f"{option}: {link} is the file of {of} too, and would overwrite it" in capsys.readouterr().err
    assert files.path(name).read_text() == before


def test_prices_are_not_overwritten_and_the_schedule_is_not_drawn_upon(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    same = str(files.folder / "same.svg")
    assert files.simulate("--price-file", same, "--schedule", same) == 2
    assert "is the file of --price-file too" in capsys.readouterr().err
    assert files.simulate("--schedule", same, "--plot", same) == 2
    assert "is the file of --schedule too" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--schedule", "--plot"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none/out.svg", "/none is not a directory; create it"),
        ("grid.csv/out.svg", "/grid.csv is not a directory"),
        ("folder.svg", "it is a directory; name a file in it"),
        (f"{'x' * 300}.svg", "File name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_before_anything_is_simulated(
    files: Files, capsys: pytest.CaptureFixture[str], option: str, name: str, why: str
) -> None:
    """Before the files that are read: this one is wrong as well."""
    (files.folder / "folder.svg").mkdir()
    files.lines["jobs"] = []
    assert files.simulate(option, str(files.folder / name)) == 2
    said = capsys.readouterr().err
    assert f"{option}: " in said and why in said


def test_a_file_is_left_as_it_is_where_the_simulation_fails(files: Files) -> None:
    """And none is created."""
    files.lines["jobs"] = []
    kept, new = files.folder / "kept.csv", files.folder / "new.svg"
    kept.write_text("kept")
    assert files.simulate("--schedule", str(kept), "--plot", str(new)) == 2
    assert kept.read_text() == "kept" and not new.exists()


@pytest.mark.parametrize("forecast", ["", "Perfect", "none.csv", "x" * 300])
def test_a_forecast_that_is_no_file_is_told_what_else_it_may_be(
    files: Files, capsys: pytest.CaptureFixture[str], forecast: str
) -> None:
    assert files.simulate("--forecast", forecast) == 2
    said = capsys.readouterr().err
    assert f"--forecast: there is no file '{forecast}'; write perfect, builtin or a CSV file's name" in said


def test_a_policy_that_is_named_twice_is_simulated_once(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """And its schedule is that of one policy."""
    schedule = files.folder / "out.csv"
    assert files.simulate("--policy", "run-now", "--schedule", str(schedule), "--json") == 0
    assert [row["policy"] for row in json.loads(capsys.readouterr().out)] == ["run-now"]
    assert schedule.exists()
