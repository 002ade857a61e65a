"""jobs.csv: one job a row; every mistake is named by file, line and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scheduler.domain.errors import RequestError
from scheduler.domain.intervals import Interval, utc
from scheduler.simulation.world import SimulatedJob

REQUIRED = ("job", "submitted_at", "duration_s", "gpus", "power_w", "deadline", "interruptible")
SWITCH = timedelta(seconds=120)
"""Of a file without `switch_cost_s`."""
_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}
_BEYOND = "beyond the heading"
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


def read_jobs(file: Path, gpus: int, span: Interval) -> tuple[SimulatedJob, ...]:
    """The jobs in the file's order; none may be wider than `gpus`, or come outside the `span` of the intensity."""
    names: dict[str, int] = {}
    jobs = []
    for row in _rows(file):
        job = _job(row, gpus)
        if job.submitted_at not in span:
            raise row.wrong("submitted_at", f"is outside the intensity series ({_said(span)})")
        if job.name in names:
            raise row.wrong("job", f"is also the job of line {names[job.name]}")
        names[job.name] = row.line
        jobs.append(job)
    return tuple(jobs)


def _said(span: Interval) -> str:
    return f"{span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class _Row:
    file: Path
    line: int
    fields: dict[str, str]

    def wrong(self, column: str, why: str) -> RequestError:
        said = self.fields.get(column, "")
        return RequestError(f"{self.file}, line {self.line}, column '{column}': '{said}' {why}")

    def number(self, column: str, within: _Range) -> float:
        try:
            value = float(self.fields[column])
        except ValueError:
            raise self.wrong(column, "is not a number") from None
        if not math.isfinite(value) or not within.least <= value <= within.most:
            raise self.wrong(column, f"is not {within.said}")
        return value

    def moment(self, column: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.fields[column])
        except ValueError:
            raise self.wrong(column, "is not an ISO 8601 time") from None
        return utc(moment) if moment.tzinfo else moment.replace(tzinfo=UTC)

    def seconds(self, column: str, within: _Range) -> timedelta:
        return timedelta(seconds=self.number(column, within))


def _rows(file: Path) -> Iterator[_Row]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} cannot be read as text: {error}") from None
    reader = csv.DictReader(lines, restkey=_BEYOND, restval="", skipinitialspace=True)
    missing = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
    if missing:
        raise RequestError(f"{file}, line 1: no column '{missing[0]}'; needed: {', '.join(REQUIRED)}")
    for fields in reader:
        if any(fields.get(_BEYOND, ())):
            raise RequestError(f"{file}, line {reader.line_num}: has more cells than line 1 has columns")
        yield _Row(file, reader.line_num, {str(k): str(v).strip() for k, v in fields.items()})


def _job(row: _Row, gpus: int) -> SimulatedJob:
    duration = row.seconds("duration_s", _LENGTH)
    submitted_at = row.moment("submitted_at")
    deadline = row.moment("deadline") if row.fields["deadline"] else None
    if deadline is not None and deadline <= submitted_at:
        raise row.wrong("deadline", "is not after the submission")
    return SimulatedJob(
        name=row.fields["job"] or str(row.line),
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
        raise row.wrong(column, "is neither true nor false")
    return said in _YES
