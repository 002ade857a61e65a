"""How far the planner's plans are from their own bound on real grids, everything known.

    python benchmarks/planner_gap.py

Seven days in quarter-hours, lengths around four hours, slack up to two days, half of the jobs interruptible, widths 1,
2, 4 or 8. 300 jobs on as many GPUs as make the load; and 20 jobs on 8 GPUs, of these widths and of 1, 3, 5, 6 or 7, the
worst of ten draws and their mean. The bound is certified for any plan in continuous time; it leaves the cost of
switches out, which the plans pay.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from forecast_data import folder, read_hourly
from planner_speed import emitted_g, instance, late_jobs, queue_of

from scheduler.planning.decomposition.arrays import Jobs, Pieces
from scheduler.planning.decomposition.joint import Effort, solve

SLOTS, MINUTES = 672, 15
LOADS = (0.3, 0.5, 0.8)
FEW, FEW_GPUS, DRAWS = 20, 8, 10
OTHER_WIDTHS = (1, 3, 5, 6, 7)
FIRST_HOUR = 24 * (2 * 365 + 151)
"""The first of June of the third year."""


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print("gap (late jobs)" + "".join(f"{f'300 jobs, {load:.0%}':>16}" for load in LOADS), end="")
    print(f"{'20 jobs on 8 GPUs, mean':>26}{'worst':>8}{'of 1 to 7 GPUs, mean':>26}{'worst':>8}")
    for file in sorted((folder() / "grids").glob("*_hourly.csv")):
        rate = week(file)
        many = [gap(*instance(300, SLOTS, MINUTES, 1, load, rate), Effort(0.002, thorough=True)) for load in LOADS]
        print(
            f"{file.name.split('_')[0]:15}" + "".join(f"{f'{share:.2%} ({late})':>16}" for share, late in many)
            + of_few(rate, ()) + of_few(rate, OTHER_WIDTHS), flush=True,
        )  # fmt: skip


def of_few(rate: np.ndarray, widths: tuple[int, ...]) -> str:
    """Two columns: the mean of all draws and the worst; `widths` in place of the usual ones."""
    few = [gap(*few_jobs(rate, seed, widths), Effort(0.002, thorough=True)) for seed in range(DRAWS)]
    gaps = [share for share, _ in few if np.isfinite(share)]
    unproven = f"  {DRAWS - len(gaps)} unproven" if len(gaps) < DRAWS else ""
    return f"{f'{np.mean(gaps):.2%} ({sum(late for _, late in few)})':>26}{max(gaps):8.2%}{unproven}"


def week(file: Path) -> np.ndarray:
    """Intensity of each quarter-hour; a missing hour is as the one before."""
    hours = read_hourly(file).values[FIRST_HOUR : FIRST_HOUR + SLOTS // 4].copy()
    for hour in np.flatnonzero(np.isnan(hours)):
        hours[hour] = hours[hour - 1]
    return np.repeat(hours, 4)


def few_jobs(rate: np.ndarray, seed: int, widths: tuple[int, ...]) -> tuple[Pieces, Jobs, int]:
    pieces, jobs, _ = instance(FEW, SLOTS, MINUTES, seed, rate=rate)
    if widths:
        drawn = np.random.default_rng(seed).choice(widths, FEW)
        jobs = jobs._replace(width=drawn, grams=jobs.grams / jobs.width * drawn)
    return pieces._replace(places=np.vstack((np.full(SLOTS, float(FEW_GPUS)), np.zeros(SLOTS)))), jobs, FEW_GPUS


def gap(pieces: Pieces, jobs: Jobs, gpus: int, effort: Effort) -> tuple[float, int]:
    """(what the plan emits above its bound, as a share of it; late jobs, whose windows the bound leaves open).

    NaN where a late job ends beyond the grid's week, of which no bound says anything.
    """
    queue = queue_of(pieces, jobs, gpus)
    planned = solve(queue, effort)
    proven = planned.bound_g > -np.inf
    return emitted_g(pieces, jobs, planned) / planned.bound_g - 1 if proven else np.nan, late_jobs(queue, planned)


if __name__ == "__main__":
    main()
