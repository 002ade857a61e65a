"""The built-in forecaster against simple ones, on every grid at hand, over the last year of each.

    python benchmarks/forecast_skill.py [--days 28]

Each grid is forecast with a prior made without it (leave one grid out, from 2020 of the others).  Shares are of the
saving that perfect foresight would get; an issue every 5 hours.  With `--days`
the forecaster has seen only so much at the beginning of each week, and a week more at its end.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from fit_forecast_prior import GRIDS, pooled
from forecast_data import SAME_GRID, all_grids

from scheduler.forecasting.backtest import LONGEST_H, OURS, Backtest, backtest
from scheduler.forecasting.baselines import BASELINES
from scheduler.forecasting.history import HourlyHistory
from scheduler.forecasting.skill import (
    CASES,
    LEADS,
    band_coverage,
    mean_absolute_percentage_error,
    rank_correlation,
    total,
)

YEAR_H, EVERY_H = 365 * 24, 5
NAMES = (OURS, *BASELINES)


def prior_without(grid: str):
    bare = grid.rstrip("*")
    return pooled(tuple(name for name in GRIDS if name != SAME_GRID.get(bare, bare)))


def last_year(grid: str, history: HourlyHistory) -> Backtest:
    return backtest(history, len(history) - YEAR_H, len(history) - LONGEST_H + 1, EVERY_H, prior_without(grid))


def with_short_memory(grid: str, history: HourlyHistory, days: int) -> Backtest:
    """Every week starts from nothing but the last `days`."""
    prior, parts = prior_without(grid), []
    for first in range(len(history) - YEAR_H, len(history) - LONGEST_H - 168, 168):
        begin, end = first - days * 24, first + 168 + LONGEST_H
        part = HourlyHistory(history.first_hour + begin, history.values[begin:end])
        parts.append(backtest(part, days * 24, days * 24 + 168, EVERY_H, prior))
    forecasts = {name: np.concatenate([part.forecasts[name] for part in parts]) for name in NAMES}
    return Backtest(*(np.concatenate(x) for x in ([p.actual for p in parts],)), forecasts,
                    np.concatenate([p.low for p in parts]), np.concatenate([p.high for p in parts]))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, help="history that the forecaster may see")
    days = parser.parse_args().days
    began = time.perf_counter()
    tests = {
        grid: with_short_memory(grid, history, days) if days else last_year(grid, history)
        for grid, history in all_grids()
    }
    issues = sum(len(test.actual) for test in tests.values())
    print(f"{len(tests)} grids, {issues} issues in {time.perf_counter() - began:.1f} s\n")
    print_shares(tests)
    print_errors(tests)


def print_shares(tests: dict[str, Backtest]) -> None:
    print("Share of the perfect-foresight saving captured [%]: ours / 7-day hour mean + decay\n")
    strongest = list(BASELINES)[-1]
    print(f"{'':14s}" + "".join(f"{case!s:>18s}" for case in CASES))
    for grid, test in tests.items():
        cells = (
            f"{100 * test.captured(OURS, c).share:6.1f} / {100 * test.captured(strongest, c).share:5.1f}" for c in CASES
        )
        print(f"{grid:14s}" + "".join(f"{cell:>18s}" for cell in cells))
    print()
    for name in NAMES:
        means = (100 * np.mean([test.captured(name, c).share for test in tests.values()]) for c in CASES)
        sums = (100 * total(test.captured(name, c) for test in tests.values()).share for c in CASES)
        print(f"{name:26s} mean of grids " + " ".join(f"{x:6.1f}" for x in means), end="")
        print("   ratio of sums " + " ".join(f"{x:6.1f}" for x in sums))


def print_errors(tests: dict[str, Backtest]) -> None:
    print(
        f"\n{'':14s}" + "".join(f"MAPE {a:>2}-{b:<2} h " for a, b in LEADS) + "  in 80 % band   rank correlation (24 h)"
    )
    for grid, test in tests.items():
        ours = test.forecasts[OURS]
        errors = (mean_absolute_percentage_error(test.actual[:, a:b], ours[:, a:b]) for a, b in LEADS)
        inside = 100 * band_coverage(test.actual, test.low, test.high)
        print(f"{grid:14s}" + "".join(f"{e:10.1f} % " for e in errors), end="")
        print(f"{inside:12.1f} % {rank_correlation(test.actual, ours):12.2f}")


if __name__ == "__main__":
    main()
