"""How near a clairvoyant who pays for switches can come to what `online.py` counts as attainable: exactly, by HiGHS.

    python benchmarks/clairvoyant_optimum.py [--data ../shared/data] [--seconds 600] [--zone ZONE]...

Every job and the grid are known from the beginning; whole jobs run or wait hour by hour, and each resumption costs
120 s at the job's power in that hour or the one before, whichever is cleaner, but takes no places. Load 0.3, 24 h of
slack. Attainable is, as in `online.py`, the certified bound of the same jobs where switches are free.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import highspy
import numpy as np
from online import CELLS, MONDAY, ZONES, four_weeks, history
from scipy.sparse import csc_array
from workload import GPUS, HOUR, SWITCH, WATTS_A_GPU, pai_hours

from scheduler.domain.series import Floats
from scheduler.simulation.report import lower_bound_g, run_now_emissions_g

_LEAST_SHARE = 0.02
"""Of the time, that the smallest part of a queue is given."""


class HourlyJob(NamedTuple):
    first: int
    """Hour of arrival, counted from the first."""
    end: int
    """Of the last hour it may run in."""
    hours: int
    gpus: int


class Program(NamedTuple):
    """Least cost @ x where lower <= rows @ x <= upper and 0 <= x <= 1, some x whole."""

    cost: Floats
    whole: list[bool]
    rows: csc_array
    lower: Floats
    upper: Floats


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--seconds", type=float, default=600.0, help="for one grid")
    options.add_argument("--zone", action="append")
    chosen = options.parse_args()
    hours = pai_hours(chosen.data / "jobs/gaia_alibaba_pai_1k.csv")
    load, slack = CELLS[0]
    print("share of the attainable saving [%]\nzone       found  at most  seconds")
    shares = []
    for zone in chosen.zone or ZONES:
        began = time.perf_counter()
        world = four_weeks(history(chosen.data, zone), hours, MONDAY, load, slack)
        queue = [
            HourlyJob(
                *(round((t - MONDAY) / HOUR) for t in (job.submitted_at, job.deadline)), job.duration // HOUR, job.gpus
            )
            for job in world.jobs
            if job.deadline is not None
        ]
        emitted = np.array(list(solved(queue, world.actual.values, chosen.seconds))).sum(axis=0)
        usual, attainable = run_now_emissions_g(world), lower_bound_g(world)
        assert attainable is not None
        shares.append(100 * (usual - emitted) / (usual - attainable))
        print(f"{zone:10}{shares[-1][0]:6.1f}{shares[-1][1]:9.1f}{time.perf_counter() - began:9.0f}", flush=True)
    print(f"{'mean':10}{np.mean(shares, axis=0)[0]:6.1f}{np.mean(shares, axis=0)[1]:9.1f}")


def solved(queue: list[HourlyJob], intensity: Floats, seconds: float) -> Iterator[tuple[float, float]]:
    """(emitted by the best plan found, by no plan less) [g] of each part of the queue that no other competes with."""
    for part in apart(queue):
        program = hourly_program(part, intensity)
        model = highspy.Highs()
        for name, value in {
            "output_flag": False,
            "time_limit": seconds * max(len(part) / len(queue), _LEAST_SHARE),
            "threads": 1,
            "mip_rel_gap": 1e-5,
        }.items():
            model.setOptionValue(name, value)
        model.passModel(_as_model(program))
        model.run()
        info = model.getInfo()
        yield info.objective_function_value, info.mip_dual_bound


def apart(queue: list[HourlyJob]) -> list[list[HourlyJob]]:
    """Jobs that share no hour in which there may be too few GPUs, nor are linked by others that do."""
    wanted = np.zeros(max(job.end for job in queue))
    for job in queue:
        wanted[job.first : job.end] += job.gpus
    group = list(range(len(queue)))
    for hour in np.flatnonzero(wanted > GPUS).tolist():
        here = {group[j] for j, job in enumerate(queue) if job.first <= hour < job.end}
        group = [min(here) if each in here else each for each in group]
    return [[job for j, job in enumerate(queue) if group[j] == each] for each in sorted(set(group))]


def hourly_program(queue: list[HourlyJob], intensity: Floats) -> Program:
    """Per job and hour: does it run (whole), does it resume, does it start for the first time."""
    cost: list[float] = []
    whole: list[bool] = []
    entries: list[tuple[int, int, float]] = []
    bounds: list[tuple[float, float]] = []

    def row(terms: list[tuple[int, float]], lower: float, upper: float) -> None:
        entries.extend((len(bounds), column, factor) for column, factor in terms)
        bounds.append((lower, upper))

    running: dict[int, list[tuple[int, float]]] = {}
    for job in queue:
        span, power_kw = job.end - job.first, job.gpus * WATTS_A_GPU / 1000
        runs, resumes, starts = (range(len(cost) + span * part, len(cost) + span * (part + 1)) for part in range(3))
        emitted = power_kw * intensity[job.first : job.end]
        before = power_kw * intensity[np.maximum(np.arange(job.first, job.end) - 1, 0)]
        cost += [*emitted, *(np.minimum(emitted, before) * (SWITCH / HOUR)), *([0.0] * span)]
        whole += [True] * span + [False] * (2 * span)
        row([(x, 1.0) for x in runs], job.hours, job.hours)
        row([(x, 1.0) for x in starts], 1, 1)
        for h in range(span):
            previous = [(runs[h - 1], -1.0)] if h else []
            row([(runs[h], 1.0), *previous, (resumes[h], -1.0), (starts[h], -1.0)], -np.inf, 0)
            row([(resumes[h], 1.0), *((x, -1.0) for x in starts[:h])], -np.inf, 0)
            running.setdefault(job.first + h, []).append((runs[h], float(job.gpus)))
    for terms in running.values():
        if sum(gpus for _, gpus in terms) > GPUS:
            row(terms, -np.inf, GPUS)
    at, column, factor = zip(*entries, strict=True)
    lower, upper = np.array(bounds).T
    rows = csc_array((factor, (at, column)), shape=(len(bounds), len(cost)))
    return Program(np.array(cost), whole, rows, lower, upper)


def _as_model(program: Program) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = program.rows.shape
    model.col_cost_ = program.cost
    model.col_lower_, model.col_upper_ = np.zeros(program.cost.size), np.ones(program.cost.size)
    model.row_lower_, model.row_upper_ = program.lower, program.upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = program.rows.indptr, program.rows.indices
    model.a_matrix_.value_ = program.rows.data
    kinds = highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger
    model.integrality_ = [kinds[whole] for whole in program.whole]
    return model


if __name__ == "__main__":
    main()
