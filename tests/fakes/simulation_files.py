"""The files of a `carbonq simulate`, to be spoilt line by line."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from fakes.clock import NOON

from scheduler.cli.main import main

HOUR = timedelta(hours=1)
GRID_HEADING = "start,carbon_intensity_g_per_kwh"
JOBS_HEADING = "job,submitted_at,duration_s,gpus,power_w,deadline,interruptible"


def at(hour: float, start: datetime = NOON) -> str:
    return (start + hour * HOUR).isoformat()


class Files:
    """A grid of twelve hours, two days before it, an issue of its forecast, and two jobs: all as they should be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = {
            "grid": [GRID_HEADING, *(f"{at(h)},{300 + h}" for h in range(12))],
            "history": [GRID_HEADING, *(f"{at(h)},{300 + h}" for h in range(-48, 0))],
            "forecast": [f"issued_at,{GRID_HEADING}", *(f"{at(n)},{at(n + h)},310" for n in (-6, 0) for h in range(6))],
            "jobs": [JOBS_HEADING, *(f"{name},{at(0)},3600,1,1000,{at(6)},true" for name in "ab")],
        }

    def replace(self, name: str, line: int, old: str, new: str) -> None:
        """Lines count from 1, as in messages."""
        assert old in self.lines[name][line - 1]
        self.lines[name][line - 1] = self.lines[name][line - 1].replace(old, new)

    def label(self, name: str, column: str, values: dict[int, str], otherwise: str) -> None:
        """Add a column; `values` by line."""
        rows = [f"{row},{values.get(n, otherwise)}" for n, row in enumerate(self.lines[name][1:], start=2)]
        self.lines[name] = [f"{self.lines[name][0]},{column}", *rows]

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.csv"

    def write(self) -> None:
        for name, lines in self.lines.items():
            self.path(name).write_text("".join(f"{line}\n" for line in lines))

    def simulate(self, *options: str, leaving_out: str = "") -> int:
        """The exit status; files are given as the options named like them, all but the one left out."""
        self.write()
        named = [("--intensity", "grid"), ("--history", "history"), ("--forecast", "forecast"), ("--jobs", "jobs")]
        given = [text for option, name in named if name != leaving_out for text in (option, str(self.path(name)))]
        return main(["simulate", *given, "--gpus", "2", "--policy", "run-now", *options])
