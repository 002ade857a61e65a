"""jobs.csv: one job a row; every mistake is named by file, line and column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches

from scheduler.domain.csv_text import csv_heading, csv_moment, csv_number, csv_rows
from scheduler.domain.errors import RequestError
from scheduler.domain.file_text import FileText
from scheduler.domain.intervals import Interval
from scheduler.simulation.world import SimulatedJob

REQUIRED = ("job", "submitted_at", "duration_s", "gpus", "power_w", "deadline", "interruptible")
OPTIONAL = ("switch_cost_s", "expected_duration_s", "patience_g_per_h")
SWITCH = timedelta(seconds=120)
"""Of a file without `switch_cost_s`."""
_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}
_LONGEST_S = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class _Range:
    """What a number may be, and in words what it is then."""

    least: float
    most: float
    said: str


_LENGTH = _Range(1e-3, _LONGEST_S, "a length: seconds, 0.001 at least and 315,360,000 (ten years) at most")
_SWITCH = _Range(0, _LONGEST_S, "the cost of a switch: seconds, 0 to 315,360,000 (ten years)")
_WIDTH = _Range(1, math.inf, "a number of GPUs: a whole number, 1 at least")
_POWER = _Range(0, 1e9, "the power of a job: watts, 0 to 1,000,000,000 (1 GW)")
_PATIENCE = _Range(0, 1e9, "a waiting price: grams an hour, 0 to 1,000,000,000")


def read_jobs(file: FileText, gpus: int, span: Interval) -> tuple[SimulatedJob, ...]:
    """The jobs in the file's order, one at least; none may be wider than `gpus`, or come outside `span`, the grid's."""
    names: dict[str, int] = {}
    jobs = []
    for row in _rows(file):
        job = _job(row, gpus, span)
        if job.name in names:
            raise row.wrong("job", f"is also the job of line {names[job.name]}; give each a name of its own")
        names[job.name] = row.line
        jobs.append(job)
    if not jobs:
        raise RequestError(f"{file}, line 2: there is no job; write one a row below the heading")
    return tuple(jobs)


def remarks(file: FileText, known: Sequence[str]) -> tuple[str, ...]:
    """One for each column that is neither a job's nor `known`: it is ignored."""
    heading = csv_heading(file.text)
    absent = [column for column in (*REQUIRED, *OPTIONAL) if column not in heading]
    unknown = [name for name in heading if name and name not in (*REQUIRED, *OPTIONAL, *known)]
    return tuple(
        f"{file}, line 1, column '{name}': it is not known, and ignored{_meant(name, absent)}" for name in unknown
    )


def _meant(name: str, columns: Sequence[str]) -> str:
    near = get_close_matches(name.lower(), columns, n=1, cutoff=0.7)
    return f"; did you mean '{near[0]}'?" if near else ""


def said(span: Interval) -> str:
    return f"{span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class _Row:
    file: FileText
    line: int
    fields: dict[str, str]

    def wrong(self, column: str, why: str) -> RequestError:
        said = self.fields.get(column, "")
        return RequestError(f"{self.file}, line {self.line}, column '{column}': '{said}' {why}")

    def number(self, column: str, within: _Range) -> float:
        try:
            value = csv_number(self.fields[column])
        except ValueError as mistake:
            raise self.wrong(column, str(mistake)) from None
        if not math.isfinite(value) or not within.least <= value <= within.most:
            raise self.wrong(column, f"is not {within.said}")
        return value

    def moment(self, column: str) -> datetime:
        try:
            return csv_moment(self.fields[column])
        except ValueError as mistake:
            raise self.wrong(column, str(mistake)) from None

    def seconds(self, column: str, within: _Range) -> timedelta:
        return timedelta(seconds=self.number(column, within))


def _rows(file: FileText) -> Iterator[_Row]:
    try:
        for row in csv_rows(file.text, REQUIRED):
            yield _Row(file, row.line, row.cells)
    except ValueError as mistake:
        raise RequestError(f"{file}, {mistake}") from None


def _job(row: _Row, gpus: int, span: Interval) -> SimulatedJob:
    if not row.fields["job"]:
        raise row.wrong("job", "is no name; give the job one")
    duration = row.seconds("duration_s", _LENGTH)
    submitted_at = row.moment("submitted_at")
    if submitted_at not in span:
        raise row.wrong("submitted_at", f"is outside the intensity series ({said(span)}); give a longer series")
    deadline = row.moment("deadline") if row.fields["deadline"] else None
    if deadline is not None and deadline <= submitted_at:
        raise row.wrong("deadline", "is not after the submission; give a later one, or none")
    return SimulatedJob(
        name=row.fields["job"],
        submitted_at=submitted_at,
        duration=duration,
        gpus=_width(row, gpus),
        power_w=row.number("power_w", _POWER),
        deadline=deadline,
        interruptible=_flag(row, "interruptible"),
        switch=row.seconds("switch_cost_s", _SWITCH) if row.fields.get("switch_cost_s") else SWITCH,
        expected=row.seconds("expected_duration_s", _LENGTH) if row.fields.get("expected_duration_s") else duration,
        patience_g_per_h=row.number("patience_g_per_h", _PATIENCE) if row.fields.get("patience_g_per_h") else 0.0,
    )


def _width(row: _Row, gpus: int) -> int:
    width = row.number("gpus", _WIDTH)
    if width != int(width):
        raise row.wrong("gpus", f"is not {_WIDTH.said}")
    if width > gpus:
        raise row.wrong("gpus", f"is more than the machine's {gpus}; give the job fewer, or a larger --gpus")
    return int(width)


def _flag(row: _Row, column: str) -> bool:
    said = row.fields[column].lower()
    if said not in _YES | _NO:
        raise row.wrong(column, "is neither true nor false; write one of them")
    return said in _YES
