"""`carbonq grid forecast --series` and `grid skill`: the forecaster on a file, as other programs call it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.grid_days import MONDAY, made_up_grid

from scheduler.cli.main import main

DAYS = 90
PERIOD = ["--from", "2026-02-20", "--to", "2026-02-22T01:00Z"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "grid.csv", [f"{value:.2f}" for value in made_up_grid(DAYS)])


def written(path: Path, values: list[str]) -> Path:
    rows = [f"{(MONDAY + n * timedelta(hours=1)).isoformat()},{value}" for n, value in enumerate(values)]
    path.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]) + "\n")
    return path


def issued(file: Path, out: Path, *options: str) -> list[dict[str, str]]:
    assert main(["grid", "forecast", "--series", str(file), *PERIOD, "--csv", str(out), *options]) == 0
    with out.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_one_row_for_each_issue_and_hour(file: Path, tmp_path: Path) -> None:
    """49 hours in steps of five are ten issues of 96 hours, each from its own hour on."""
    rows = issued(file, tmp_path / "out.csv", "--issue-every", "5h", "--horizon", "96h")
    assert list(rows[0]) == ["issued_at", "start", "mean", "p10", "p50", "p90"]
    assert len(rows) == 10 * 96
    first = datetime(2026, 2, 20, tzinfo=UTC)
    assert [datetime.fromisoformat(row["start"]) for row in rows[:2]] == [first, first + timedelta(hours=1)]
    assert datetime.fromisoformat(rows[-1]["issued_at"]) == first + timedelta(hours=45)
    assert all(float(row["p10"]) <= float(row["p50"]) <= float(row["p90"]) for row in rows)


def test_json_says_what_was_written(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    issued(file, tmp_path / "out.csv", "--json")
    assert json.loads(capsys.readouterr().out) == {"written": str(tmp_path / "out.csv"), "issues": 10}


def test_rows_that_end_after_an_issue_change_nothing_in_it(file: Path, tmp_path: Path) -> None:
    """The same file with another future: every issue up to there is the same, letter by letter."""
    present = (datetime(2026, 2, 21, 5, tzinfo=UTC) - MONDAY) // timedelta(hours=1)
    values = [f"{value:.2f}" for value in made_up_grid(DAYS)]
    other = written(tmp_path / "other.csv", [*values[:present], *reversed(values[present:])])
    before, after = issued(file, tmp_path / "1.csv"), issued(other, tmp_path / "2.csv")
    known = [n for n, row in enumerate(before) if row["issued_at"] <= "2026-02-21T05:00:00+00:00"]
    assert len(known) == 6 * 96
    assert [before[n] for n in known] == [after[n] for n in known]
    assert before != after


def test_bands_are_left_empty_while_nothing_can_be_said_of_them(file: Path, tmp_path: Path) -> None:
    """Three days after the series begins."""
    rows = issued(file, tmp_path / "out.csv", "--from", "2026-01-08", "--to", "2026-01-08T01:00")
    assert {(row["p10"], row["p90"]) for row in rows} == {("", "")}
    assert all(float(row["mean"]) > 0 for row in rows)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--csv", "out.csv"], "--series needs --from and --to"),
        (["--from", "2026-02-20", "--to", "2026-02-20", "--csv", "out.csv"], "is not after --from"),
        (
            ["--from", "0001-01-01T00:00+14:00", "--to", "2026-02-20", "--csv", "out.csv"],
            "is out of the range of times",
        ),
        (["--from", "soon", "--to", "2026-02-20", "--csv", "out.csv"], "--from: 'soon' is not an ISO 8601 time"),
        (["--from", "2025-01-01", "--to", "2025-01-02", "--csv", "out.csv"], "has no day of values before 2025-01-02"),
        ([*PERIOD, "--csv", "out.csv", "--issue-every", "0h"], "is no time at all"),
        ([*PERIOD, "--csv", "out.csv", "--horizon", "169h"], "--horizon: 169h is farther"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    """Exit 2 and the option that is wrong."""
    monkeypatch.chdir(tmp_path)
    assert main(["grid", "forecast", "--series", str(file), *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("as_link", [Path.symlink_to, Path.hardlink_to, None], ids=["link", "hard link", "itself"])
def test_the_series_that_is_read_is_never_written_over(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], as_link: Callable[[Path, Path], None] | None
) -> None:
    """By whatever name it goes."""
    out = tmp_path / "out.csv" if as_link else file
    if as_link:
        as_link(out, file)
    before = file.read_text()
    assert main(["grid", "forecast", "--series", str(file), *PERIOD, "--csv", str(out)]) == 2
    said = capsys.readouterr().err
    assert f"--csv: {out} is the file of --series too, and would overwrite it; name another file" in said
    assert file.read_text() == before


def test_what_an_earlier_run_wrote_stays_where_a_later_one_has_nothing_to_write(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("of yesterday\n")
    period = ["--from", "2025-01-01", "--to", "2025-01-02"]
    assert main(["grid", "forecast", "--series", str(file), *period, "--csv", str(out)]) == 2
    assert out.read_text() == "of yesterday\n"


STAMPS = [(MONDAY + n * timedelta(hours=1)).isoformat() for n in range(200)]
GOOD = [f"{stamp},{100 + n % 24}" for n, stamp in enumerate(STAMPS)]
HALF_PAST = (MONDAY + timedelta(hours=99, minutes=30)).isoformat()


@pytest.mark.parametrize(
    ("rows", "line", "column", "said"),
    [
        ([*GOOD[:100], f"{STAMPS[100]},NaN", *GOOD[101:]], 102, "carbon_intensity_g_per_kwh", "outside 0 to 2,000"),
        ([*GOOD[:100], f"{STAMPS[100]},inf", *GOOD[101:]], 102, "carbon_intensity_g_per_kwh", "outside 0 to 2,000"),
        ([*GOOD[:100], f"{STAMPS[100]},-3", *GOOD[101:]], 102, "carbon_intensity_g_per_kwh", "outside 0 to 2,000"),
        ([*GOOD[:100], f"{STAMPS[100]},much", *GOOD[101:]], 102, "carbon_intensity_g_per_kwh", "is not a number"),
        ([*GOOD[:100], f"{STAMPS[100]}", *GOOD[101:]], 102, "carbon_intensity_g_per_kwh", "the cell is missing"),
        ([*GOOD[:100], "Monday,100", *GOOD[101:]], 102, "start", "is not an ISO 8601 time"),
        ([*GOOD[:100], GOOD[99], *GOOD[100:]], 102, "start", "is not after the row before it"),
        ([*GOOD[:100], GOOD[101], GOOD[100], *GOOD[102:]], 103, "start", "is not after the row before it"),
        ([*GOOD[:100], *GOOD[110:]], 102, "start", "comes 11 h after the row before it"),
        ([*GOOD[:100], f"{HALF_PAST},100", *GOOD[100:]], 102, "start", "comes 30 min after the row before it"),
    ],
    ids=["NaN", "infinite", "negative", "text", "missing", "no time", "doubled", "unsorted", "gap", "overlap"],
)
def test_a_mistake_in_the_file_is_named_by_file_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[str], line: int, column: str, said: str
) -> None:
    """A row that was lost as well: the value before it would else stand for what nobody knows."""
    file = tmp_path / "bad.csv"
    file.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]) + "\n")
    out = tmp_path / "out.csv"
    assert main(["grid", "forecast", "--series", str(file), *PERIOD, "--csv", str(out)]) == 2
    err = capsys.readouterr().err
    assert f"{file}, line {line}, column '{column}'" in err and said in err
    assert not out.exists(), "nothing is written of a file that is wrong"


def test_a_gap_that_the_file_declares_is_one(tmp_path: Path) -> None:
    """An empty value, for an hour or for longer: those hours are unknown, and no row is refused."""
    values = [f"{value:.2f}" for value in made_up_grid(DAYS)]
    file = written(tmp_path / "grid.csv", [*values[:900], "", "", "", *values[903:]])
    assert issued(file, tmp_path / "hourly.csv")
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:902] + lines[904:]) + "\n")
    assert issued(file, tmp_path / "whole.csv") == issued(file, tmp_path / "again.csv")
    assert (tmp_path / "hourly.csv").read_text() == (tmp_path / "whole.csv").read_text()


def test_an_issue_says_the_same_where_the_file_ends_at_it(file: Path, tmp_path: Path) -> None:
    """Another proof that nothing after it is looked at: there is nothing."""
    moment = ["--from", "2026-02-21T05:00Z", "--to", "2026-02-21T06:00Z"]
    present = (datetime(2026, 2, 21, 5, tzinfo=UTC) - MONDAY) // timedelta(hours=1)
    short = tmp_path / "short.csv"
    short.write_text("\n".join(file.read_text().splitlines()[: 1 + present]) + "\n")
    assert issued(file, tmp_path / "1.csv", *moment) == issued(short, tmp_path / "2.csv", *moment)


def test_skill_is_told_for_ours_and_three_simple_ones(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, with every figure by name; as a table, with what the columns mean."""
    assert main(["grid", "skill", "--series", str(file), "--from", "2026-03-01", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["forecast"] == "carbonq" and len(rows) == 4
    assert set(rows[0]["captured_pct"]) == {"1 h in 24 h", "4 h in 24 h", "8 h in 48 h", "24 h in 96 h"}
    assert main(["grid", "skill", "--series", str(file), "--from", "2026-03-01"]) == 0
    assert "perfect foresight" in capsys.readouterr().out


def test_skill_on_too_short_a_series_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to test on."""
    short = written(tmp_path / "short.csv", ["100", "200", "300"])
    assert main(["grid", "skill", "--series", str(short)]) == 2
    assert "three weeks of values before" in capsys.readouterr().err
