"""What a stated confidence for deadlines does, and what it costs, where running times are only estimated.

    python benchmarks/deadline_confidence.py [--data ../shared/data] [--policy NAME] [--zone ZONE]... [--slack HOURS]

The online benchmark's jobs and grids with the future grid known, so that lengths are all that is uncertain: each runs
its estimate times a log-normal error (median 1, standard deviation of the logarithm 0.3), and its deadline leaves it
the slack beyond its estimate. Counted are the jobs whose true length fits between submission and deadline at all.
Prints one row for each zone and confidence, and the whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from online import MONDAY, ZONES, history
from workload import GPUS, HOUR, WEEKS, pai_hours, workload

from scheduler.domain.intervals import Interval
from scheduler.planning import DEFAULT_POLICY
from scheduler.planning.settings import RESERVED
from scheduler.simulation.forecasters import Perfect
from scheduler.simulation.job_state import JobState
from scheduler.simulation.report import run_now_emissions_g
from scheduler.simulation.run import simulate
from scheduler.simulation.world import SimulatedJob, World

CONFIDENCES = (0.5, 0.8, 0.9, 0.95)
LOAD = 0.3
ERROR = 0.3
"""Standard deviation of ln(length / estimate)."""
SEED = 1


def misjudged(jobs: Sequence[SimulatedJob], seed: int) -> tuple[SimulatedJob, ...]:
    """The same jobs with the same estimates and deadlines, and other true lengths."""
    draw = np.random.default_rng(seed)
    return tuple(replace(job, duration=job.expected * float(np.exp(ERROR * draw.standard_normal()))) for job in jobs)


def possible(states: Sequence[JobState]) -> list[JobState]:
    """Those that alone could have been in time."""
    return [s for s in states if s.job.deadline is not None and s.job.submitted_at + s.job.duration <= s.job.deadline]


def in_time(states: Sequence[JobState]) -> int:
    return sum(s.job.deadline is not None and s.end <= s.job.deadline for s in states)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--policy", default=DEFAULT_POLICY)
    options.add_argument("--zone", action="append")
    options.add_argument("--slack", type=float, default=24.0, metavar="HOURS")
    chosen = options.parse_args()
    hours = pai_hours(chosen.data / "jobs/gaia_alibaba_pai_1k.csv")
    met: dict[float, list[int]] = {confidence: [0, 0] for confidence in CONFIDENCES}
    saved: dict[float, list[float]] = {confidence: [] for confidence in CONFIDENCES}
    print("zone      confidence  in time  of  share  emissions kg  saved %  switches/job")
    for zone in chosen.zone or ZONES:
        span = Interval(MONDAY, MONDAY + timedelta(weeks=WEEKS + 2))
        jobs = misjudged(workload(hours, MONDAY, LOAD, chosen.slack * HOUR, SEED), SEED)
        world = World(history(chosen.data, zone).clipped(span), jobs, GPUS)
        run_now_g = run_now_emissions_g(world)
        for confidence in CONFIDENCES:
            done = simulate(
                world, chosen.policy, Perfect(world.actual, HOUR), RESERVED, timedelta(0), confidence=confidence
            )
            fitting = possible(done.states)
            met[confidence][0] += in_time(fitting)
            met[confidence][1] += len(fitting)
            emitted_g = sum(world.emissions_g(s.job.power_w, tuple(s.held)) for s in done.states)
            saved[confidence].append(100 * (1 - emitted_g / run_now_g))
            print(
                f"{zone:8}{confidence:12.0%}{in_time(fitting):9}{len(fitting):4}{in_time(fitting) / len(fitting):7.1%}"
                f"{emitted_g / 1000:14,.1f}{saved[confidence][-1]:9.2f}"
                f"{sum(s.switches for s in done.states) / len(done.states):14.2f}",
                flush=True,
            )
    for confidence, (kept, count) in met.items():
        print(
            f"all     {confidence:12.0%}{kept:9}{count:4}{kept / count:7.1%}{'':14}{np.mean(saved[confidence]):9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
