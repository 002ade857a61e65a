"""CSV is read as it is written, or refused with the line that is wrong and what to do about it."""

from __future__ import annotations

import csv
import io
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.csv_text import csv_heading, csv_moment, csv_number, csv_rows


def test_rows_have_their_line_and_cells_without_the_spaces_around_them() -> None:
    rows = list(csv_rows('name, size\r\n\r\n"a, b" , 1\nc,2,,\n', ("name", "size")))
    assert [(row.line, row.cells) for row in rows] == [
        (3, {"name": "a, b", "size": "1"}),
        (4, {"name": "c", "size": "2"}),
    ]


def test_a_column_that_is_not_needed_may_be_missing_from_a_row() -> None:
    assert [row.cells for row in csv_rows("name,size\na\n", ("name",))] == [{"name": "a"}]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "line 1: the heading is missing; needed: name, size"),
        ("name,weight\na,1\n", "line 1: there is no column 'size'; needed: name, size"),
        ("name,size,name\na,1,b\n", "line 1, column 'name': the heading has it twice; remove or rename one"),
        ("name,size\na,1\nb\n", "line 3, column 'size': the cell is missing, for the row has 1 of 2"),
        ("name,size\na,1,2\n", "line 2: it has more cells than the heading has columns"),
        ('name,size\na,1\n"b,2\nc,3\n', "line 3: a quotation mark is opened and not closed in its line"),
        ('name,size\na,1\n"b,2', "line 3: a quotation mark is opened and not closed in its line"),
        ('name,size\na,1\n"b,2\nc,3\n"d,4\n', "line 3: a quotation mark is opened and not closed in its line"),
        (f'name,size\na,1\n"{"b,2 " * 40_000}', "line 3: a cell is too long to be one"),
    ],
)
def test_a_mistake_is_named_by_the_line_it_begins_in(text: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=r"^line") as refused:
        list(csv_rows(text, ("name", "size")))
    assert str(refused.value).startswith(mistake)


CELL = st.text(st.characters(exclude_categories=("C", "Z")), max_size=6)


@given(st.lists(st.tuples(CELL, CELL.filter(bool)), max_size=6))
def test_what_was_written_is_read(rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([("name", "size"), *rows])
    read = [(row.cells["name"], row.cells["size"]) for row in csv_rows(out.getvalue(), ("name", "size"))]
    assert read == rows


@given(st.text())
def test_any_text_is_read_or_refused_by_line(text: str) -> None:
    try:
        list(csv_rows(text, ("name",)))
    except ValueError as refused:
        assert str(refused).startswith("line ")


def test_a_heading_is_read_alone() -> None:
    assert (csv_heading("a, b\n1,2\n"), csv_heading("")) == (("a", "b"), ())


def test_numbers_are_those_of_csv_and_not_of_python() -> None:
    assert [csv_number(text) for text in ("12", "-0.5", "1e3", " 7 ", "inf")] == [12, -0.5, 1000, 7, math.inf]
    for text in ("", "1_000", "1,5", "0x10", "a", "\u0661"):
        with pytest.raises(ValueError, match="is not a number; write it with digits and a point"):
            csv_number(text)


def test_times_are_utc_where_they_do_not_say_otherwise() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    texts = ("2026-11-23T12:00Z", "2026-11-23 12:00", "2026-11-23T13:00+01:00", " 20261123T1200 ")
    assert [csv_moment(text) for text in texts] == [noon] * 4
    assert csv_moment("2026-11-23") == datetime(2026, 11, 23, tzinfo=UTC)
    for text in ("", "noon", "0000-01-01T00:00Z", "9999-12-31T23:59-01:00", "1646092800"):
        with pytest.raises(ValueError, match="is not an ISO 8601 time; write it like 2026-01-31T06:00Z"):
            csv_moment(text)


def test_times_that_nobody_means_are_refused() -> None:
    for text in ("9999-12-31T00:00Z", "1969-12-31", "0001-01-01T00:00Z"):
        with pytest.raises(ValueError, match="is not of the years 1970 to 2999; correct it"):
            csv_moment(text)
