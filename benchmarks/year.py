"""A simulated year: how long it takes, and where the time goes.

    python benchmarks/year.py [--data ../shared/data] [--policy carbonq] [--weeks 1] [--zone DE-LU] [--profile]

1,000 jobs a week on 32 GPUs at 60 % load: lengths of the PAI log, drawn with replacement and stretched alike to that
load; widths 1, 1, 1, 2, 2, 4, 8 drawn evenly; arrivals at any moment; half of the jobs interruptible; deadline =
arrival + length + 24 h. The forecast is right and reaches a week; plans are at least 15 minutes apart. To reach: 120 s
for the year; one week is simulated and multiplied, `--weeks 52` takes its time. `--profile` prints the functions that
take most.
"""

from __future__ import annotations

import argparse
import cProfile
import csv
import pstats
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from field_order import LOG, grid
from workload import SWITCH, WATTS_A_GPU, WIDTHS

from scheduler.domain.intervals import Interval
from scheduler.planning import DEFAULT_POLICY
from scheduler.planning.settings import RESERVED
from scheduler.simulation.forecasters import Perfect
from scheduler.simulation.report import run_now_emissions_g
from scheduler.simulation.run import Simulation, simulate
from scheduler.simulation.world import SimulatedJob, World

GPUS, JOBS_A_WEEK, LOAD = 32, 1000, 0.6
SLACK = timedelta(hours=24)
DEBOUNCE = timedelta(minutes=15)
HORIZON = timedelta(days=7)
YEAR = datetime(2023, 1, 1, tzinfo=UTC)
TO_REACH_S = 120.0
SHORTEST_S = 60.0


def pai_seconds(log: Path) -> np.ndarray:
    with log.open(newline="") as file:
        return np.array([float(row["length"]) for row in csv.DictReader(file)])


def a_year(seconds: np.ndarray, weeks: int, seed: int = 1) -> tuple[SimulatedJob, ...]:
    """In order of arrival."""
    draw = np.random.default_rng(seed)
    count, span_s = JOBS_A_WEEK * weeks, weeks * 7 * 86_400.0
    lengths, widths = draw.choice(seconds, count), draw.choice(WIDTHS, count)
    lengths = np.maximum(np.round(lengths * (LOAD * GPUS * span_s / (lengths * widths).sum())), SHORTEST_S)
    arrivals = np.sort(np.round(draw.uniform(0, span_s, count)))
    made = []
    for n, (at_s, length_s, width) in enumerate(zip(arrivals, lengths, widths, strict=True)):
        submitted, length = YEAR + timedelta(seconds=float(at_s)), timedelta(seconds=float(length_s))
        deadline = submitted + length + SLACK
        made.append(
            SimulatedJob(
                f"j{n}", submitted, length, int(width), float(width) * WATTS_A_GPU, deadline, n % 2 == 0, SWITCH, length
            )
        )
    return tuple(made)


def report(done: Simulation, world: World, took_s: float, weeks: int) -> None:
    plans, planning_s = len(done.plan_seconds), sum(done.plan_seconds)
    outside_s = took_s - planning_s
    a_year_s = took_s * 52 / weeks
    emitted = sum(world.emissions_g(s.job.power_w, tuple(s.held)) for s in done.states)
    late = sum(s.job.deadline is not None and s.end > s.job.deadline for s in done.states)
    print(f"{done.policy}: {len(done.states):,} jobs in {weeks} weeks, {plans:,} plans")
    print(f"  in all         {took_s:8.1f} s   {1000 * took_s / plans:7.2f} ms a plan")
    print(f"  planner        {planning_s:8.1f} s   {1000 * planning_s / plans:7.2f} ms a plan")
    print(f"  outside of it  {outside_s:8.1f} s   {1000 * outside_s / plans:7.2f} ms a plan, {outside_s / took_s:.0%}")
    reached = "reached" if a_year_s <= TO_REACH_S else "not reached"
    print(f"  a year         {a_year_s:8.1f} s   to reach {TO_REACH_S:.0f} s: {reached}")
    print(f"  saved {100 * (1 - emitted / run_now_emissions_g(world)):.1f} %, {late} late")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--policy", default=DEFAULT_POLICY)
    options.add_argument("--weeks", type=int, default=1)
    options.add_argument("--zone", default="DE-LU")
    options.add_argument("--profile", action="store_true")
    chosen = options.parse_args()
    jobs = a_year(pai_seconds(chosen.data / LOG), chosen.weeks)
    whole = grid(chosen.data / f"grids/{chosen.zone}_2021-2024_hourly.csv")
    actual = whole.clipped(Interval(YEAR, YEAR + timedelta(weeks=chosen.weeks + 2)))
    world, profile = World(actual, jobs, GPUS), cProfile.Profile()
    # The first plan compiles, or loads what was compiled.
    simulate(World(actual, jobs[:3], GPUS), chosen.policy, Perfect(actual, horizon=HORIZON), RESERVED, DEBOUNCE)
    began = time.perf_counter()
    if chosen.profile:
        profile.enable()
    done = simulate(world, chosen.policy, Perfect(actual, horizon=HORIZON), RESERVED, DEBOUNCE)
    profile.disable()
    report(done, world, time.perf_counter() - began, chosen.weeks)
    if chosen.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
