"""CSV as files of grids and jobs have it: a heading, then a row a line. A ValueError begins with the line it is of."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scheduler.domain.intervals import utc

YEARS = range(1970, 3000)
"""Times in others cannot be reckoned with: that of a `never`, 9999-12-31, has no day after it."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """Cells by column, those that the row has; spaces around them are no part of them."""

    line: int
    cells: dict[str, str]


def csv_heading(text: str) -> tuple[str, ...]:
    """The names in the first row; empty where there is none."""
    return tuple(next(_numbered(text), (1, []))[1])


def csv_rows(text: str, needed: Sequence[str]) -> Iterator[CsvRow]:
    """Every row has the `needed` columns; empty lines are passed over."""
    rows = _numbered(text)
    line, heading = next(rows, (1, []))
    _check_heading(line, heading, needed)
    for line, cells in rows:
        _check_row(line, cells, heading, needed)
        yield CsvRow(line, dict(zip(heading, cells, strict=False)))


def csv_number(text: str) -> float:
    """ValueError for what only Python reads as a number, like 1_000; the range, nan and inf are for the caller."""
    try:
        if "_" not in text and text.isascii():
            return float(text)
    except ValueError:
        pass
    raise ValueError("is not a number; write it with digits and a point, like 1234.5")


def csv_moment(text: str) -> datetime:
    """Without an offset it is UTC: that is what the formats say."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = utc(moment) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not an ISO 8601 time; write it like 2026-01-31T06:00Z") from None
    if moment.year not in YEARS:
        raise ValueError(
            f"is not of the years {YEARS[0]} to {YEARS[-1]}; correct it; a time that never comes is left empty"
        )
    return moment


def _numbered(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line they begin in. The empty line at the end is where a quotation mark left open is noticed."""
    reader = csv.reader([*text.splitlines(), ""], skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise ValueError(
                f"line {line}: a cell is too long to be one; look for a quotation mark left open"
            ) from None
        if reader.line_num > line:
            raise ValueError(f"line {line}: a quotation mark is opened and not closed in its line; close or remove it")
        if cells:
            yield line, [cell.strip() for cell in cells]


def _check_heading(line: int, heading: Sequence[str], needed: Sequence[str]) -> None:
    said = f"needed: {', '.join(needed)}"
    if needed and not any(heading):
        raise ValueError(f"line {line}: the heading is missing; {said}")
    if absent := [column for column in needed if column not in heading]:
        raise ValueError(f"line {line}: there is no column '{absent[0]}'; {said}")
    if doubled := [name for n, name in enumerate(heading) if name and name in heading[:n]]:
        raise ValueError(f"line {line}, column '{doubled[0]}': the heading has it twice; remove or rename one")


def _check_row(line: int, cells: Sequence[str], heading: Sequence[str], needed: Sequence[str]) -> None:
    if any(cells[len(heading) :]):
        raise ValueError(
            f"line {line}: it has more cells than the heading has columns; "
            "remove those, or put quotation marks around a cell that holds a comma"
        )
    if absent := [column for column in needed if column not in heading[: len(cells)]]:
        raise ValueError(
            f"line {line}, column '{absent[0]}': the cell is missing, for the row has {len(cells)} of "
            f"{len(heading)}; write all of them"
        )
