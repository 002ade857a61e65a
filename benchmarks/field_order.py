"""GAIA's own comparison with the policies as they are here: do they come out in GAIA's order?

    python benchmarks/field_order.py [--data ../shared/data] [--starts 4] [--jobs 1000] [--zone ZONE]...

GAIA's setting (Hanafy et al., ASPLOS 2024, and the code beside it): the week of 1,000 jobs of the Alibaba PAI log, GPUs
without end, no cost of a switch, the future known; jobs of less than two hours may wait 6 h, the others 24 h. So every
job is alone, and is planned once, when it comes. `carbon-time` is told what GAIA's proposal is told: not the job's own
length, only the mean of its queue; with `carbon-time*` it knows the length. The jobs are begun at hours spread evenly
over the last two years of each grid. Prints the saving in per cent against starting at once.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from scheduler.domain.intervals import Interval, from_epoch
from scheduler.domain.series import StepSeries
from scheduler.planning.settings import PLAIN
from scheduler.simulation.forecasters import Perfect
from scheduler.simulation.report import run_now_emissions_g
from scheduler.simulation.run import simulate
from scheduler.simulation.world import SimulatedJob, World

ORDER = ("lowest-slot", "carbon-time", "threshold", "exact-window", "wait-awhile")
"""From the least saved to the most, as GAIA has it."""
WITH_THE_LENGTH = "carbon-time*"
GRIDS = "*_2021-2024_hourly.csv"
LOG = "jobs/gaia_alibaba_pai_1k.csv"
VALUE = "ci_lca_gco2_kwh"
SHORT = timedelta(hours=2)
LONGEST_WAIT = {True: timedelta(hours=6), False: timedelta(hours=24)}
"""Of short jobs, and of long ones."""
FIRST_YEAR = datetime(2023, 1, 1, tzinfo=UTC)
ROOM = timedelta(days=12)
"""Of the series behind the first job: the week, the longest job and its wait."""
LONGEST_PLAN = timedelta(days=5)
WATTS = 1000.0


def grid(file: Path) -> StepSeries:
    """Life-cycle intensity by the hour."""
    with file.open(newline="") as rows:
        values = np.array([float(row[VALUE]) for row in csv.DictReader(rows)])
    starts = datetime(2021, 1, 1, tzinfo=UTC).timestamp() + 3600.0 * np.arange(values.size)
    return StepSeries(starts, starts + 3600, values)


def pai_jobs(log: Path, start: datetime) -> list[SimulatedJob]:
    """The log from `start` on; the estimate is the mean of the job's queue, as GAIA's."""
    with log.open(newline="") as file:
        rows = [(float(r["arrival_time"]), timedelta(seconds=float(r["length"])), int(r["cpus"]))
                for r in csv.DictReader(file)]  # fmt: skip
    mean = {short: _mean([length for _, length, _ in rows if (length < SHORT) is short]) for short in (True, False)}
    return [
        SimulatedJob(f"j{n}", submitted, length, 1, width * WATTS,
                     submitted + LONGEST_WAIT[length < SHORT] + length, True, timedelta(0), mean[length < SHORT])
        for n, (arrival_s, length, width) in enumerate(rows)
        for submitted in [start + timedelta(seconds=arrival_s)]
    ]  # fmt: skip


def starts(series: StepSeries, count: int) -> Iterator[datetime]:
    """Whole hours, evenly over the last two years."""
    last = from_epoch(float(series.ends[-1])) - ROOM
    for n in range(count):
        yield FIRST_YEAR + timedelta(hours=round((last - FIRST_YEAR) / timedelta(hours=1) * (n + 0.5) / count))


def saved_pct(series: StepSeries, jobs: Sequence[SimulatedJob]) -> Mapping[str, float]:
    """By policy, of all the jobs together."""
    emitted, at_once = dict.fromkeys((*ORDER, WITH_THE_LENGTH), 0.0), 0.0
    for job in jobs:
        ahead = series.clipped(Interval(job.submitted_at, job.submitted_at + LONGEST_PLAN))
        at_once += run_now_emissions_g(World(ahead, (job,), gpus=1))
        for name in emitted:
            emitted[name] += _emitted_g(ahead, job, name)
    return {name: 100 * (1 - grams / at_once) for name, grams in emitted.items()}


def _emitted_g(ahead: StepSeries, job: SimulatedJob, name: str) -> float:
    told = _told(job, name)
    world = World(ahead, (told,), gpus=1)
    (state,) = simulate(world, name.rstrip("*"), Perfect(ahead), PLAIN, timedelta(0)).states
    return world.emissions_g(job.power_w, tuple(state.held))


def _told(job: SimulatedJob, name: str) -> SimulatedJob:
    """The job as the policy may know it; by its estimate alone, it may still wait as long."""
    if name == "carbon-time":
        waits_until = job.submitted_at + LONGEST_WAIT[job.duration < SHORT]
        return SimulatedJob(job.name, job.submitted_at, job.duration, job.gpus, job.power_w,
                            waits_until + job.expected, job.interruptible, job.switch, job.expected)  # fmt: skip
    return SimulatedJob(job.name, job.submitted_at, job.duration, job.gpus, job.power_w,
                        job.deadline, job.interruptible, job.switch, job.duration)  # fmt: skip


def _mean(lengths: Sequence[timedelta]) -> timedelta:
    return sum(lengths, timedelta(0)) / len(lengths)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--starts", type=int, default=4)
    options.add_argument("--jobs", type=int, default=1000, help="Only so many of the log, evenly.")
    options.add_argument("--zone", action="append")
    chosen = options.parse_args()
    print("zone          " + "".join(f"{name:>14}" for name in (*ORDER, WITH_THE_LENGTH)))
    rows = []
    for file in sorted((chosen.data / "grids").glob(GRIDS)):
        zone, series = file.name.split("_")[0], grid(file)
        if chosen.zone and zone not in chosen.zone:
            continue
        found = []
        for start in starts(series, chosen.starts):
            jobs = pai_jobs(chosen.data / LOG, start)
            found.append(saved_pct(series, jobs[:: max(1, len(jobs) // chosen.jobs)]))
        rows.append({name: float(np.mean([each[name] for each in found])) for name in found[0]})
        print(f"{zone:14}" + "".join(f"{value:14.1f}" for value in rows[-1].values()), flush=True)
    means = [float(np.mean([row[name] for row in rows])) for name in ORDER]
    print(f"{'mean':14}" + "".join(f"{value:14.1f}" for value in means))
    print("GAIA's order " + ("holds" if means == sorted(means) else "does NOT hold"))


if __name__ == "__main__":
    main()
