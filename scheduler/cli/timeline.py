"""The plan drawn: GPUs as rows, jobs as bars. The planner counts places; which row a bar stands on is chosen here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scheduler.cli.chart import Window
from scheduler.cli.times import parse_stamp

IDLE, BUSY = "·", "▓"


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of one job on one row."""

    row: int
    start: datetime
    end: datetime
    job: int


def bars_on_rows(jobs: Sequence[dict[str, Any]], gpus: Sequence[dict[str, Any]]) -> list[Bar]:
    """Every stretch on as many free rows as the job is wide; a job keeps the rows it holds now."""
    free_from: list[datetime | None] = [None] * len(gpus)
    drawn = []
    for start, end, job in sorted(_stretches(jobs), key=lambda stretch: (stretch[0], stretch[2]["placement"]["job"])):
        number = job["placement"]["job"]
        rows = [i for i, gpu in enumerate(gpus) if gpu["pool"] == job["pool"]]
        free = [i for i in rows if (busy_until := free_from[i]) is None or busy_until <= start]
        free.sort(key=lambda i: (gpus[i]["job"] != number, gpus[i]["job"] is not None, i))
        for row in free[: job["width"]]:
            free_from[row] = end
            drawn.append(Bar(row, start, end, number))
    return drawn


def timeline(jobs: Sequence[dict[str, Any]], gpus: Sequence[dict[str, Any]], window: Window) -> list[str]:
    """One line a GPU; a bar begins with its job's number where there is room."""
    lines = [[IDLE] * window.columns for _ in gpus]
    for bar in bars_on_rows(jobs, gpus):
        begin, end = window.column(bar.start), window.column(bar.end)
        length = max(1, end - begin)
        text = f"{bar.job}".ljust(length, BUSY) if len(str(bar.job)) < length else BUSY * length
        lines[bar.row][begin : begin + length] = text[: window.columns - begin]
    return ["".join(line) for line in lines]


def _stretches(jobs: Sequence[dict[str, Any]]) -> Iterator[tuple[datetime, datetime, dict[str, Any]]]:
    for job in jobs:
        for stretch in job["placement"]["stretches"]:
            yield parse_stamp(stretch["start"]), parse_stamp(stretch["end"]), job
