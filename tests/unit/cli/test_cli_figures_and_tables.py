"""Figures with their units, tables that fit, bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.cli import figures
from scheduler.cli.bar import progress_bar
from scheduler.cli.table import Column, display_width, shorten, table


@pytest.mark.parametrize(
    ("kwh", "text"),
    [(None, "–"), (0.0, "0 Wh"), (0.0123, "12.3 Wh"), (0.4, "0.40 kWh"), (12.34, "12.3 kWh"), (1234.5, "1234 kWh")],
)
def test_energy_is_shown_in_the_unit_that_reads_well(kwh: float | None, text: str) -> None:
    assert figures.energy(kwh) == text


@pytest.mark.parametrize(
    ("grams", "text"),
    [
        (None, "–"),
        (0.0, "0 gCO2eq"),
        (0.5, "0.50 gCO2eq"),
        (250.0, "250 gCO2eq"),
        (1500.0, "1.50 kgCO2eq"),
        (-20.0, "-20.0 gCO2eq"),
    ],
)
def test_emissions_carry_their_unit_and_sign(grams: float | None, text: str) -> None:
    """What is unknown is a dash: it must not look like zero."""
    assert figures.emissions(grams) == text


def test_savings_name_their_share_only_where_there_is_something_to_share() -> None:
    assert figures.saved(60.0, 84.0) == "60.0 gCO2eq (71 %)"
    assert figures.saved(0.0, 0.0) == "0 gCO2eq"
    assert figures.saved(-0.1, 84.0) == "-0.10 gCO2eq (0 %)"
    assert figures.saved(None, 84.0) == "–"


def test_what_stands_side_by_side_adds_up() -> None:
    """Each rounded for itself it would say 142, 266 and 123."""
    row = {"emissions_g": 142.4, "run_now_emissions_g": 265.7, "difference_g": 123.3}
    assert figures.compared(row) == ("142 gCO2eq", "266 gCO2eq", "124 gCO2eq (46 %)")
    assert figures.compared(row | {"difference_g": None}) == ("142 gCO2eq", "266 gCO2eq", "–")
    unknown = dict.fromkeys(row)
    assert figures.compared(unknown) == ("–", "–", "–")


@pytest.mark.parametrize(("count", "text"), [(None, "–"), (12, "12 B"), (2048, "2.00 KiB"), (80 * 2**30, "80.0 GiB")])
def test_sizes_are_binary(count: int | None, text: str) -> None:
    assert figures.size(count) == text


COLUMNS = (Column("JOB", right=True), Column("NAME", cut=True), Column("WHY", rank=2), Column("USER", rank=1))
ROWS = [["1", "a-rather-long-name", "carbon-window", "ada"], ["12", "x", "due", "bob"]]


def test_a_table_with_room_shows_everything() -> None:
    assert table(COLUMNS, ROWS, limit=100).splitlines() == [
        "JOB  NAME                WHY            USER",
        "  1  a-rather-long-name  carbon-window  ada",
        " 12  x                   due            bob",
    ]


def test_a_narrow_table_cuts_text_then_drops_the_least_important_column() -> None:
    lines = table(COLUMNS, ROWS, limit=24).splitlines()
    assert lines == ["JOB  NAME           USER", "  1  a-rather-lon…  ada", " 12  x              bob"]


@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=5),
    st.integers(min_value=22, max_value=100),
)
def test_no_line_is_wider_than_the_room(rows: list[tuple[str, str]], limit: int) -> None:
    """Whatever is in the cells: wide characters, control characters, line breaks."""
    columns = (Column("A", cut=True), Column("B", cut=True))
    for line in table(columns, rows, limit=limit).split("\n"):
        assert display_width(line) <= limit


def test_a_name_cannot_forge_a_line_or_move_the_cursor() -> None:
    text = table((Column("NAME"),), [["x\n2 forged\x1b[2J"]], limit=80)
    assert len(text.split("\n")) == 2
    assert "\x1b" not in text


def test_wide_characters_count_double_when_cut() -> None:
    assert shorten("日本語の名前", 5) == "日本…"


@pytest.mark.parametrize(("share", "bar"), [(0.0, "    "), (0.5, "██  "), (1.0, "████"), (7.0, "████"), (-1.0, "    ")])
def test_a_bar_is_as_full_as_its_share(share: float, bar: str) -> None:
    assert progress_bar(share, 4) == bar


@given(st.floats(0, 1), st.integers(1, 80))
def test_a_bar_keeps_its_width(share: float, width: int) -> None:
    assert len(progress_bar(share, width)) == width
