"""Savings online, on real forecasts: the share of what was attainable that each policy reaches.

    python benchmarks/online.py [--data ../shared/data] [--forecast issued|perfect] [--policy NAME]... [--zone ZONE]...

16 GPUs, four weeks, a new 96 h forecast a day, switches paid for. Attainable is the certified bound of the clairvoyant
planner, switches left out. Prints one row for each zone, load and policy, and the mean over zones.
"""

from __future__ import annotations

import argparse
import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from workload import GPUS, HOUR, WEEKS, pai_hours, workload

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.planning import DEFAULT_POLICY
from scheduler.planning.settings import RESERVED
from scheduler.simulation.forecasters import Combined, Perfect, issue
from scheduler.simulation.report import figures, lower_bound_g, run_now_emissions_g
from scheduler.simulation.run import simulate
from scheduler.simulation.world import Forecaster, World

ZONES = ("CISO", "PJM", "DE", "ES", "AUS_QLD")
CELLS = ((0.3, timedelta(hours=24)), (0.5, timedelta(hours=72)))
"""Load, slack."""
FIRST_ISSUE = datetime(2021, 7, 1, tzinfo=UTC)
MONDAY = datetime(2021, 9, 6, tzinfo=UTC)
LEADS_H = 96
SEED = 1


def history(data: Path, zone: str) -> StepSeries:
    with (data / f"forecasts/{zone}_2020-2021_hourly_carboncast.csv").open(newline="") as file:
        rows = [(datetime.fromisoformat(t).replace(tzinfo=UTC), float(v)) for t, v in list(csv.reader(file))[1:]]
    return StepSeries.of((Interval(start, start + HOUR), value) for start, value in rows)


def issues(data: Path, zone: str) -> list[CarbonForecast]:
    """Row k * 96 + h is issue day k, lead h; the file's own time labels are wrong in places."""
    with (data / f"forecasts/carboncast_{zone}_96h_rolling_lifecycle_2021H2.csv").open(newline="") as file:
        values = np.array([float(row[3]) for row in list(csv.reader(file))[1:]]).reshape(-1, LEADS_H)
    made = []
    for day, leads in enumerate(np.clip(values, 0, 2000)):
        issued_at = FIRST_ISSUE + timedelta(days=day)
        starts = issued_at.timestamp() + 3600.0 * np.arange(LEADS_H)
        made.append(issue(issued_at, StepSeries(starts, starts + 3600, leads)))
    return made


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--forecast", choices=("issued", "perfect"), default="issued")
    options.add_argument("--policy", action="append")
    options.add_argument("--zone", action="append")
    chosen = options.parse_args()
    policies, zones = chosen.policy or [DEFAULT_POLICY], chosen.zone or ZONES
    hours = pai_hours(chosen.data / "jobs/gaia_alibaba_pai_1k.csv")
    print("zone      load slack  policy          share  saved %  late  switches/job  plan ms p50")
    for load, slack in CELLS:
        shares: dict[str, list[float]] = {policy: [] for policy in policies}
        for zone in zones:
            past = history(chosen.data, zone)
            end = MONDAY + timedelta(weeks=WEEKS + 2)
            world = World(past.clipped(Interval(MONDAY, end)), workload(hours, MONDAY, load, slack, SEED), GPUS)
            forecaster: Forecaster = Perfect(world.actual)
            if chosen.forecast == "issued":
                forecaster = Combined(past, issues(chosen.data, zone), HOUR)
            baseline = run_now_emissions_g(world), lower_bound_g(world)
            for policy in policies:
                done = simulate(world, policy, forecaster, RESERVED, timedelta(0))
                row = figures(done, world, *baseline)
                shares[policy].append(float(str(row["share_of_attainable"])))
                print(
                    f"{zone:8} {load:5.1f} {slack / HOUR:4.0f} h  {policy:15}{shares[policy][-1]:6.1%}"
                    f"{row['saved_pct']:8.2f}{row['deadline_misses']:6}"
                    f"{row['switches'] / len(world.jobs):10.2f}{row['plan_ms_p50']:14.1f}",
                    flush=True,
                )
        for policy in policies:
            print(f"mean     {load:5.1f} {slack / HOUR:4.0f} h  {policy:15}{np.mean(shares[policy]):6.1%}", flush=True)


if __name__ == "__main__":
    main()
