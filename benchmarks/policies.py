"""carbonq against every other policy on the same instances: saved, late, switches, for each grid, load and slack.

    python benchmarks/policies.py [--data ../shared/data] [--forecast issued|perfect] [--weeks 4] [--zone ZONE]...
                                  [--load L]... [--slack H]... [--policy NAME]... [--processes 2] [--markdown]

The online benchmark's jobs (benchmarks/workload.py; those of the first weeks), 16 GPUs, whole jobs, switches paid for.
`issued` is the provider's forecast of each day as the daemon uses it, `perfect` the future. Against another policy
carbonq is ahead where it emits less and has no more late jobs; wherever it is not, that is listed. `--markdown` prints
what docs/comparison.md keeps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from online import MONDAY, ZONES, history, issues
from workload import GPUS, HOUR, pai_hours, workload

from scheduler.domain.intervals import Interval
from scheduler.planning import POLICIES
from scheduler.planning.settings import RESERVED
from scheduler.simulation.forecasters import Combined, Perfect
from scheduler.simulation.report import figures, run_now_emissions_g
from scheduler.simulation.run import simulate
from scheduler.simulation.world import Forecaster, World

OURS = "carbonq"
LOADS, SLACKS_H = (0.3, 0.5), (24, 72)
SEED = 1
LAST_JOB = timedelta(weeks=2)
"""Room in the series for what comes last."""


@dataclass(frozen=True)
class Cell:
    zone: str
    load: float
    slack_h: float


@dataclass(frozen=True)
class Result:
    cell: Cell
    policy: str
    emissions_g: float
    saved_pct: float
    late: int
    switches_a_job: float


def instance(data: Path, cell: Cell, weeks: int) -> World:
    end = MONDAY + timedelta(weeks=weeks)
    drawn = workload(
        pai_hours(data / "jobs/gaia_alibaba_pai_1k.csv"), MONDAY, cell.load, timedelta(hours=cell.slack_h), SEED
    )
    past = history(data, cell.zone)
    return World(past.clipped(Interval(MONDAY, end + LAST_JOB)), tuple(j for j in drawn if j.submitted_at < end), GPUS)


def results(data: Path, cell: Cell, policies: Sequence[str], forecast: str, weeks: int) -> list[Result]:
    """Of every policy on one instance."""
    world = instance(data, cell, weeks)
    forecaster: Forecaster = Perfect(world.actual)
    if forecast == "issued":
        forecaster = Combined(history(data, cell.zone), issues(data, cell.zone), HOUR)
    usual_g, found = run_now_emissions_g(world), []
    for policy in policies:
        row = figures(simulate(world, policy, forecaster, RESERVED, timedelta(0)), world, usual_g, None)
        numbers = [float(str(row[name])) for name in ("emissions_g", "saved_pct", "deadline_misses", "switches")]
        emitted, saved, late, switches = numbers
        found.append(Result(cell, policy, emitted, saved, int(late), switches / len(world.jobs)))
    return found


def not_ahead(found: Sequence[Result]) -> Iterator[str]:
    """Comparisons in which carbonq does not emit less with no more late jobs."""
    ours = {result.cell: result for result in found if result.policy == OURS}
    for other in found:
        mine = ours.get(other.cell)
        if mine is None or other.policy == OURS or (mine.emissions_g < other.emissions_g and mine.late <= other.late):
            continue
        cell = other.cell
        yield (
            f"{cell.zone}, load {cell.load:g}, slack {cell.slack_h:g} h: {other.policy} saves {other.saved_pct:.2f} % "
            f"with {other.late} late, {OURS} {mine.saved_pct:.2f} % with {mine.late}"
        )


def table(found: Sequence[Result], policies: Sequence[str], zones: Sequence[str], begin: str, between: str) -> str:
    """One load and slack: a policy a line, its saving on each grid (late jobs in brackets), the means."""
    by = {(result.policy, result.cell.zone): result for result in found}
    lines = [["policy", *zones, "mean", "late", "switches a job"]]
    for policy in policies:
        row = [by[policy, zone] for zone in zones]
        saved = [f"{each.saved_pct:.1f}" + (f" ({each.late})" if each.late else "") for each in row]
        mean, switches = np.mean([each.saved_pct for each in row]), np.mean([each.switches_a_job for each in row])
        lines.append([policy, *saved, f"{mean:.1f}", str(sum(each.late for each in row)), f"{switches:.2f}"])
    if begin:
        lines.insert(1, ["---"] * len(lines[0]))
        return "\n".join(f"{begin}{between.join(line)} |" for line in lines)
    return "\n".join(f"{line[0]:17}" + "".join(f"{cell:>14}" for cell in line[1:]) for line in lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--forecast", choices=("issued", "perfect"), default="issued")
    options.add_argument("--weeks", type=int, default=4)
    options.add_argument("--zone", action="append")
    options.add_argument("--load", type=float, action="append")
    options.add_argument("--slack", type=float, action="append", help="Hours.")
    options.add_argument("--policy", action="append")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--markdown", action="store_true")
    chosen = options.parse_args()
    policies, zones = chosen.policy or list(POLICIES), chosen.zone or ZONES
    pairs = [(load, slack) for load in chosen.load or LOADS for slack in chosen.slack or SLACKS_H]
    cells = [Cell(zone, load, slack) for load, slack in pairs for zone in zones]
    with ProcessPoolExecutor(chosen.processes) as pool:
        asked = [pool.submit(results, chosen.data, cell, policies, chosen.forecast, chosen.weeks) for cell in cells]
        for done, _ in enumerate(as_completed(asked), start=1):
            print(f"{done} of {len(cells)} instances", end="\r", file=sys.stderr, flush=True)
    found = [each for future in asked for each in future.result()]
    _say(found, policies, zones, pairs, chosen.markdown)


def _say(
    found: Sequence[Result], policies: Sequence[str], zones: Sequence[str], pairs: Sequence[tuple[float, float]],
    markdown: bool,
) -> None:  # fmt: skip
    for load, slack in pairs:
        here = [each for each in found if (each.cell.load, each.cell.slack_h) == (load, slack)]
        heading = f"Load {load:g}, slack {slack:g} h: saved %, (late jobs)"
        print(f"### {heading}\n" if markdown else f"{heading}\n")
        print(table(here, policies, zones, "| " if markdown else "", " | "), end="\n\n")
    behind = list(not_ahead(found))
    count = sum(each.policy != OURS for each in found)
    print(f"{OURS} emits less, with no more late jobs, in {count - len(behind)} of {count} comparisons.")
    for line in behind:
        print(f"* not: {line}")


if __name__ == "__main__":
    main()
