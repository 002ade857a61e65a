"""Series in files: CSV or JSON, each value holding until the next start; mistakes are named by line and column."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from scheduler.domain.carbon import IMPLAUSIBLE_G_PER_KWH
from scheduler.domain.csv_text import csv_moment, csv_number, csv_rows
from scheduler.domain.durations import format_duration
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected
from scheduler.domain.file_text import FileText
from scheduler.domain.series import StepSeries

START, ISSUED_AT, VALUE = "start", "issued_at", "carbon_intensity_g_per_kwh"
PRICE = "price_per_kwh"
_HIGHEST_PRICE = 1e6


@dataclass(frozen=True, slots=True)
class Issue:
    """One past forecast, as it was published."""

    issued_at: datetime
    expected: StepSeries


def read_series(file: Path | FileText, regular: bool = False, complete: bool = False) -> StepSeries:
    """`start,carbon_intensity_g_per_kwh` rows in order; an empty value leaves its stretch unknown.

    `regular`: each value must hold for the step of the file, so that a row that was lost is not covered up by the one
    before it. `complete`: regular, and there is no empty value.
    """
    entries = [(line, _moment(line, START), _intensity(line)) for line in read_lines(file, (START, VALUE))]
    return _series(file, entries, regular, complete)


def read_issues(file: Path | FileText, complete: bool = False) -> tuple[Issue, ...]:
    """`issued_at,start,carbon_intensity_g_per_kwh` rows: issues by age, one at least, each in order of start."""
    issues: dict[datetime, list[_Entry]] = {}
    newest: datetime | None = None
    for line in read_lines(file, (ISSUED_AT, START, VALUE)):
        issued_at = _moment(line, ISSUED_AT)
        if newest is not None and issued_at < newest:
            raise line.wrong(ISSUED_AT, "is before that of the row before it; sort the rows")
        newest = issued_at
        issues.setdefault(issued_at, []).append((line, _moment(line, START), _intensity(line)))
    if not issues:
        raise CarbonDataInvalid(f"{file} holds no forecast; write its rows below the heading")
    return tuple(Issue(issued_at, _series(file, entries, complete=complete)) for issued_at, entries in issues.items())


def read_prices(file: Path | FileText) -> StepSeries:
    """`start,price_per_kwh` rows, one for each step of the file; below zero where one is paid to use power."""
    entries = [(line, _moment(line, START), _price(line)) for line in read_lines(file, (START, PRICE))]
    return _series(file, entries, complete=True, column=PRICE)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a file, and where it stands."""

    where: str
    fields: dict[str, object]

    def wrong(self, column: str, why: str) -> CarbonDataInvalid:
        return CarbonDataInvalid(f"{self.where}, column '{column}': {self.fields.get(column)!r} {why}")


_Entry = tuple[Line, datetime, float | None]


def read_lines(file: Path | FileText, columns: tuple[str, ...]) -> Iterator[Line]:
    """Each has these columns."""
    text = (file if isinstance(file, FileText) else read_text(file)).text
    return _json_lines(file, text, columns) if file.suffix.lower() == ".json" else _csv_lines(file, text, columns)


def read_text(file: Path) -> FileText:
    """CarbonDataError where it is no text, or cannot be read."""
    try:
        return FileText(file, file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise CarbonDataInvalid(f"{file} is not UTF-8 text; save it as UTF-8") from exc
    except OSError as exc:
        raise CarbonSourceRejected(f"{file} cannot be read: {exc.strerror}; check its name") from exc


def _csv_lines(file: Path | FileText, text: str, columns: tuple[str, ...]) -> Iterator[Line]:
    try:
        for row in csv_rows(text, columns):
            yield Line(f"{file}, line {row.line}", {**row.cells})
    except ValueError as mistake:
        raise CarbonDataInvalid(f"{file}, {mistake}") from None


def _json_lines(file: Path | FileText, text: str, columns: tuple[str, ...]) -> Iterator[Line]:
    try:
        rows = json.loads(text)
    except ValueError as exc:
        raise CarbonDataInvalid(f"{file} is not JSON: {exc}") from exc
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CarbonDataInvalid(f"{file} must hold a list of objects; write one for each row")
    for number, row in enumerate(rows, start=1):
        where = f"{file}, entry {number}"
        if absent := [column for column in columns if column not in row]:
            raise CarbonDataInvalid(f"{where}: there is no column '{absent[0]}'; needed: {', '.join(columns)}")
        yield Line(where, row)


def _moment(line: Line, column: str) -> datetime:
    try:
        return csv_moment(str(line.fields[column]))
    except ValueError as mistake:
        raise line.wrong(column, str(mistake)) from None


def _intensity(line: Line) -> float | None:
    value = _number(line, VALUE)
    if value is None:
        return None
    if not math.isfinite(value) or not 0 <= value <= IMPLAUSIBLE_G_PER_KWH:
        raise line.wrong(VALUE, f"is outside 0 to {IMPLAUSIBLE_G_PER_KWH:,.0f} g/kWh; write the value, like 210.5")
    return value


def _price(line: Line) -> float | None:
    value = _number(line, PRICE)
    if value is not None and not abs(value) <= _HIGHEST_PRICE:
        most = f"{_HIGHEST_PRICE:,.0f}"
        raise line.wrong(PRICE, f"is outside -{most} to {most} for a kWh; write the price, like 0.31")
    return value


def _number(line: Line, column: str) -> float | None:
    said = line.fields[column]
    if said is None or said == "":
        return None
    try:
        return csv_number(str(said))
    except ValueError as mistake:
        raise line.wrong(column, str(mistake)) from None


def _series(
    file: Path | FileText, entries: Sequence[_Entry], regular: bool = False, complete: bool = False, column: str = VALUE
) -> StepSeries:
    """The last row lasts as long as the one before it."""
    if len(entries) < 2:
        raise CarbonDataInvalid(f"{file} holds {len(entries)} rows; a series needs at least two")
    starts = np.array([start.timestamp() for _, start, _ in entries])
    lengths = np.diff(starts)
    if (lengths <= 0).any():
        late = entries[int(np.argmax(lengths <= 0)) + 1][0]
        raise late.wrong(START, "is not after the row before it; sort the rows and remove repeated ones")
    if complete:
        _check_values(entries, column)
    if regular or complete:
        _check_steps(entries)
    ends = np.append(starts[1:], starts[-1] + lengths[-1])
    values = np.array([math.nan if value is None else value for _, _, value in entries])
    known = np.isfinite(values)
    return StepSeries(starts[known], ends[known], values[known])


def _check_values(entries: Sequence[_Entry], column: str) -> None:
    for line, _, value in entries:
        if value is None:
            raise line.wrong(column, "is no value; every row needs one here")


def _check_steps(entries: Sequence[_Entry]) -> None:
    """The step is what most rows have; only an unknown stretch may be longer."""
    lengths = [after[1] - before[1] for before, after in pairwise(entries)]
    step, _ = Counter(lengths).most_common(1)[0]
    for (_, _, value), (line, _, _), length in zip(entries, entries[1:], lengths, strict=False):
        if length != step and (value is not None or length < step):
            raise line.wrong(
                START,
                f"comes {format_duration(length)} after the row before it, and the step of this file is "
                f"{format_duration(step)}; give each step a row, with an empty value where none is known",
            )
