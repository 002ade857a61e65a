"""Emissions in a table, and the carbon intensity that they are by: said once, or of each row where it differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scheduler.cli.figures import UNKNOWN
from scheduler.cli.table import Cell, Column, one_line, table

HEADING = "Carbon intensity:"
_WHICH = Column("INTENSITY")


def table_by_intensity(columns: Sequence[Column], rows: Sequence[dict[str, Any]], cells: Sequence[list[Cell]]) -> str:
    """The table of `cells`, one list a row of the API, with the intensity of their figures below."""
    named = list(dict.fromkeys(name for row in rows for name in _names(row)))
    if len(named) < 2:
        return "\n".join([table(columns, cells), *(f"{HEADING} {one_line(name)}" for name in named)])
    marks = {name: f"[{number}]" for number, name in enumerate(named, start=1)}
    which = [" ".join(marks[name] for name in _names(row)) or UNKNOWN for row in rows]
    marked = [[*line, mark] for line, mark in zip(cells, which, strict=True)]
    legend = (f"{mark} {one_line(name)}" for name, mark in marks.items())
    return "\n".join([table((*columns, _WHICH), marked), HEADING, *legend])


def _names(row: dict[str, Any]) -> list[str]:
    """Of a job, or of a sum over several."""
    if "intensities" in row:
        return list(row["intensities"])
    return [row["intensity"]] if row["intensity"] else []
