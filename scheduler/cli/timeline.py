"""The plan drawn: GPUs as rows, jobs as bars on the places that the plan names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scheduler.cli.chart import Window
from scheduler.cli.times import parse_stamp

IDLE, BUSY = "·", "▓"


def timeline(jobs: Sequence[dict[str, Any]], gpus: Sequence[dict[str, Any]], window: Window) -> list[str]:
    """One line a GPU; a bar begins with its job's number where there is room."""
    rows = {gpu["id"]: [IDLE] * window.columns for gpu in gpus}
    for job in jobs:
        for stretch in job["stretches"]:
            begin, end = (window.column(parse_stamp(stretch[edge])) for edge in ("start", "end"))
            bar = _bar(str(job["placement"]["job"]), max(1, end - begin))
            for place in stretch["places"]:
                rows[place][begin : begin + len(bar)] = bar[: window.columns - begin]
    return ["".join(row) for row in rows.values()]


def _bar(number: str, length: int) -> str:
    return number.ljust(length, BUSY) if len(number) < length else BUSY * length
