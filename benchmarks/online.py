"""Savings online, on real forecasts: the share of what was attainable that each policy reaches.

    python benchmarks/online.py [--data ../shared/data] [--forecast issued|perfect|builtin] [--policy NAME]...
                                [--zone ZONE]...

16 GPUs, four weeks, a new 96 h forecast a day, switches paid for. `builtin` is our own forecast from history alone, on
four weeks of 2023 and four of 2024 of other series. Attainable is the certified bound of the clairvoyant planner,
switches left out. Prints one row for each zone, load and policy, and the mean over zones.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from forecast_data import read_hourly
from workload import GPUS, HOUR, WEEKS, pai_hours, workload

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.forecasting.history import HOUR_S
from scheduler.planning import DEFAULT_POLICY
from scheduler.planning.settings import RESERVED
from scheduler.simulation.forecasters import Combined, Perfect, issue
from scheduler.simulation.report import figures, lower_bound_g, run_now_emissions_g
from scheduler.simulation.run import simulate
from scheduler.simulation.world import Forecaster, World

ZONES = ("CISO", "PJM", "DE", "ES", "AUS_QLD")
CELLS = ((0.3, timedelta(hours=24)), (0.5, timedelta(hours=72)))
"""Load, slack."""
RECENT_ZONES = ("AU-NSW", "DE-LU", "GB", "US-CAL-CISO")
RECENT_MONDAYS = (datetime(2023, 3, 6, tzinfo=UTC), datetime(2024, 9, 2, tzinfo=UTC))
FIRST_ISSUE = datetime(2021, 7, 1, tzinfo=UTC)
MONDAY = datetime(2021, 9, 6, tzinfo=UTC)
LEADS_H = 96
SEED = 1


def history(data: Path, zone: str) -> StepSeries:
    """2020 and 2021, of the grids that forecasts are at hand for."""
    return _hourly(data / f"forecasts/{zone}_2020-2021_hourly_carboncast.csv")


def recent_history(data: Path, zone: str) -> StepSeries:
    """2021 to 2024, of grids that no forecasts are at hand for."""
    return _hourly(data / f"grids/{zone}_2021-2024_hourly.csv")


def _hourly(file: Path) -> StepSeries:
    known = read_hourly(file)
    starts = HOUR_S * (known.first_hour + np.flatnonzero(np.isfinite(known.values)))
    return StepSeries(starts, starts + HOUR_S, known.values[np.isfinite(known.values)])


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
    options.add_argument("--forecast", choices=("issued", "perfect", "builtin"), default="issued")
    options.add_argument("--policy", action="append")
    options.add_argument("--zone", action="append")
    chosen = options.parse_args()
    builtin = chosen.forecast == "builtin"
    zones = chosen.zone or (RECENT_ZONES if builtin else ZONES)
    series = {zone: (recent_history if builtin else history)(chosen.data, zone) for zone in zones}
    issued = {zone: issues(chosen.data, zone) if chosen.forecast == "issued" else [] for zone in zones}
    hours = pai_hours(chosen.data / "jobs/gaia_alibaba_pai_1k.csv")
    for monday in RECENT_MONDAYS if builtin else (MONDAY,):
        print(f"four weeks from {monday:%Y-%m-%d}")
        print("zone         load slack  policy          share  saved %  late  switches/job  plan ms p50")
        for load, slack in CELLS:
            shares: dict[str, list[float]] = {}
            for zone, past in series.items():
                world = four_weeks(past, hours, monday, load, slack)
                perfect = chosen.forecast == "perfect"
                forecaster = Perfect(world.actual) if perfect else Combined(past, issued[zone], HOUR)
                for policy, share in shown(zone, world, forecaster, load, slack, chosen.policy or [DEFAULT_POLICY]):
                    shares.setdefault(policy, []).append(share)
            for policy, reached in shares.items():
                print(f"{'mean':11} {load:5.1f} {slack / HOUR:4.0f} h  {policy:15}{np.mean(reached):6.1%}", flush=True)


def four_weeks(past: StepSeries, hours: np.ndarray, monday: datetime, load: float, slack: timedelta) -> World:
    """Jobs of four weeks, drawn from lengths in `hours`, on the grid as it was then and in the two weeks after."""
    actual = past.clipped(Interval(monday, monday + timedelta(weeks=WEEKS + 2)))
    return World(actual, workload(hours, monday, load, slack, SEED), GPUS)


def shown(
    zone: str, world: World, forecaster: Forecaster, load: float, slack: timedelta, policies: Sequence[str]
) -> Iterator[tuple[str, float]]:
    """Each policy and the share of the attainable that it reached, its row printed."""
    baseline = run_now_emissions_g(world), lower_bound_g(world)
    for policy in policies:
        row = figures(simulate(world, policy, forecaster, RESERVED, timedelta(0)), world, *baseline)
        share = float(str(row["share_of_attainable"]))
        print(
            f"{zone:11} {load:5.1f} {slack / HOUR:4.0f} h  {policy:15}{share:6.1%}"
            f"{row['saved_pct']:8.2f}{row['deadline_misses']:6}"
            f"{row['switches'] / len(world.jobs):10.2f}{row['plan_ms_p50']:14.1f}",
            flush=True,
        )
        yield policy, share


if __name__ == "__main__":
    main()
