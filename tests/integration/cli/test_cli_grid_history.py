"""`carbonq grid history`: past hours as a chart, as CSV that other commands read, as JSON."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.clock import NOON
from fakes.views import index_values, observed_values

from scheduler.domain.errors import CarbonDataInvalid
from scheduler.domain.intervals import Interval
from scheduler.grid.series_file import read_series
from scheduler.service_views.requests import SeriesChoice

if TYPE_CHECKING:
    from conftest import CommandLine

DAYS = 100
PERIOD = ["--since", (NOON - timedelta(days=DAYS)).isoformat(), "--until", NOON.isoformat()]


def polled(carbonq: CommandLine) -> None:
    carbonq.service.observed = observed_values(NOON - timedelta(days=DAYS), (100.0 + n % 24 for n in range(DAYS * 24)))


def polled_with_a_hole(carbonq: CommandLine) -> Interval:
    """Two days of which three hours were never published."""
    polled(carbonq)
    kept = carbonq.service.observed[-48:]
    carbonq.service.observed = kept[:10] + kept[13:]
    return Interval(kept[10].start, kept[12].end)


def test_a_long_time_is_asked_for_in_pieces_and_comes_back_whole(carbonq: CommandLine) -> None:
    """Each piece is short enough for the daemon, none is lost or doubled, and all are of one series."""
    polled(carbonq)
    answer = carbonq("grid", "history", *PERIOD, "--json").json
    starts = [datetime.fromisoformat(row["start"]) for row in answer["rows"]]
    assert starts == [row.start for row in carbonq.service.observed]
    asked = [interval for _, interval in carbonq.service.chosen]
    assert max(each.length for each in asked) == timedelta(days=31)
    assert [choice.source for choice, _ in carbonq.service.chosen] == [None, "neso", "neso", "neso"]
    assert (answer["since"], answer["until"]) == (PERIOD[1], PERIOD[3])


def test_a_value_across_two_pieces_comes_once(carbonq: CommandLine) -> None:
    polled(carbonq)
    half_past = (NOON - timedelta(days=DAYS, minutes=-30)).isoformat()
    rows = carbonq("grid", "history", "--since", half_past, "--until", NOON.isoformat(), "--json").json["rows"]
    assert len(rows) == len({row["start"] for row in rows}) == DAYS * 24


def test_csv_is_read_by_whatever_reads_a_grid_and_a_gap_stays_one(carbonq: CommandLine, tmp_path: Path) -> None:
    """In such a file a value holds until the next line, so a stretch that nobody published needs a line too."""
    hole = polled_with_a_hole(carbonq)
    out = carbonq("grid", "history", *PERIOD, "--csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows[0]["status"] == "actual" and rows[0]["raw_unit"] == "gCO2eq/kWh"
    file = tmp_path / "grid.csv"
    file.write_text(out)
    series = read_series(file)
    assert series.coverage(hole) == 0
    assert [value for _, value in series.rows()] == [row.g_per_kwh for row in carbonq.service.observed]


def test_people_see_a_chart_and_what_is_missing(carbonq: CommandLine) -> None:
    polled_with_a_hole(carbonq)
    out = carbonq("grid", "history", *PERIOD).out
    assert "█" in out and "Lowest: 100 gCO2eq/kWh" in out and "Highest: 123 gCO2eq/kWh" in out
    assert "Not published: 2026-11-21 22:00 to 2026-11-22 01:00." in out
    assert "neso, GB, average, consumption, lifecycle; 45 values, as known now." in out


def test_revisions_are_lines_with_what_was_sent_and_when(carbonq: CommandLine) -> None:
    carbonq.service.observed = observed_values(NOON - timedelta(hours=2), [120.0, 90.5])
    out = carbonq("grid", "history", *PERIOD, "--revisions", "--as-of", NOON.isoformat()).out
    assert "90.5 gCO2eq/kWh" in out and "FETCHED" in out and "as known at Mon 2026-11-23 12:00:00 UTC" in out


def test_where_nothing_is_recorded_the_way_to_what_is_is_named(carbonq: CommandLine) -> None:
    assert "grid history --list" in carbonq("grid", "history").out
    assert "neso/GB" in carbonq("grid", "history", "--list").out


def test_a_series_is_asked_for_by_name(carbonq: CommandLine) -> None:
    carbonq("grid", "history", "--source", "eia", "--zone", "US-CISO", "--kind", "average", "--json")
    assert carbonq.service.chosen[0][0] == SeriesChoice(source="eia", zone="US-CISO", kind="average")


def test_a_time_that_ends_before_it_begins_is_refused(carbonq: CommandLine) -> None:
    answer = carbonq("grid", "history", "--since", "2026-11-20", "--until", "2026-11-19")
    assert answer.status == 2 and "is not after --since" in answer.err


# --- an index, which has no grams
def an_index(carbonq: CommandLine) -> None:
    carbonq.service.kind = "index"
    carbonq.service.observed = index_values(NOON - timedelta(hours=3), [12.0, 37.0, 80.0])


def test_an_index_is_drawn_under_its_own_name(carbonq: CommandLine) -> None:
    an_index(carbonq)
    out = carbonq("grid", "history", *PERIOD).out
    assert out.startswith("index, 0 is clean, 100 is not\n")
    assert "Lowest: index 12, " in out and "Highest: index 80, " in out and "neso, GB, index" in out
    lines = carbonq("grid", "history", *PERIOD, "--revisions").out
    assert "index 37" in lines and "37 percentile" in lines
    assert "gCO2eq" not in out + lines


def test_an_index_as_csv_is_read_by_nothing_that_reads_grams(carbonq: CommandLine, tmp_path: Path) -> None:
    an_index(carbonq)
    out = carbonq("grid", "history", *PERIOD, "--csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["index"] for row in rows] == ["12.0", "37.0", "80.0"] and "carbon_intensity_g_per_kwh" not in rows[0]
    file = tmp_path / "index.csv"
    file.write_text(out)
    with pytest.raises(CarbonDataInvalid, match="there is no column 'carbon_intensity_g_per_kwh'"):
        read_series(file)


def test_in_json_the_grams_of_an_index_are_null(carbonq: CommandLine) -> None:
    an_index(carbonq)
    rows = carbonq("grid", "history", *PERIOD, "--json").json["rows"]
    assert [(row["g_per_kwh"], row["index"]) for row in rows] == [(None, 12.0), (None, 37.0), (None, 80.0)]
