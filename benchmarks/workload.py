"""The online benchmark's jobs: real lengths, workday arrivals, deadlines of length plus slack, all interruptible."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from scheduler.simulation.world import SimulatedJob

GPUS = 16
WEEKS = 4
WIDTHS = (1, 1, 1, 2, 2, 4, 8)
WATTS_A_GPU = 500.0
SWITCH = timedelta(seconds=120)
HOUR = timedelta(hours=1)
SHORTEST_H, LONGEST_H = 2, 72
WORKDAY_SHARE = 0.85
"""Share of arrivals on workdays between 8 and 20 h; the rest fall anywhere."""


def pai_hours(log: Path) -> np.ndarray:
    """Lengths of two hours and more in the PAI log, rounded up to hours."""
    with log.open(newline="") as file:
        hours = np.array([float(row["length"]) / 3600 for row in csv.DictReader(file)])
    return np.minimum(np.ceil(hours[hours >= SHORTEST_H]), LONGEST_H).astype(int)


def workload(hours: np.ndarray, start: datetime, load: float, slack: timedelta, seed: int) -> tuple[SimulatedJob, ...]:
    """Jobs that ask for `load` of the GPUs' time over four weeks, in order of arrival."""
    draw = np.random.default_rng(seed)
    jobs: list[SimulatedJob] = []
    wanted, asked = load * GPUS * WEEKS * 7 * 24, 0.0
    while asked < wanted:
        length, width = int(draw.choice(hours)), int(draw.choice(WIDTHS))
        submitted = start + _arrival(draw)
        asked += length * width
        jobs.append(
            SimulatedJob(
                f"j{len(jobs)}",
                submitted,
                length * HOUR,
                width,
                width * WATTS_A_GPU,
                submitted + length * HOUR + slack,
                True,
                SWITCH,
                length * HOUR,
            )
        )
    return tuple(sorted(jobs, key=lambda job: (job.submitted_at, job.name)))


def _arrival(draw: np.random.Generator) -> timedelta:
    """A whole hour of the four weeks; `start` is taken to be a Monday, 0 h."""
    if draw.random() < WORKDAY_SHARE:
        week, day, hour = int(draw.integers(WEEKS)), int(draw.integers(5)), int(draw.integers(8, 20))
        return timedelta(weeks=week, days=day, hours=hour)
    return int(draw.integers(WEEKS * 7 * 24)) * HOUR
