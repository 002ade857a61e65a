"""A provider's real forecasts combined with our own, against either alone, over the second half of 2021.

    python benchmarks/forecast_combination.py

181 daily issues of 96 hours for each of five grids (CarbonCast); our prior is made without the grid that is forecast.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from fit_forecast_prior import GRIDS, pooled
from forecast_data import folder
from online import LEADS_H, history, issues

from scheduler.domain.series import Floats
from scheduler.forecasting.baselines import hour_of_day_mean_decaying
from scheduler.forecasting.combination import Combiner
from scheduler.forecasting.history import HourlyHistory
from scheduler.forecasting.skill import CASES, JobAndWindow, captured
from scheduler.simulation.forecasters import KEY

EVERY_H = 5
STILL_REACHED_H = 72
Views = tuple[Floats, dict[str, Floats]]
"""What came, and each forecast of it; all of shape (moments, hours)."""


def main() -> None:
    began = time.perf_counter()
    views = {grid: judged(grid) for grid in GRIDS}
    table("At the moment of each issue", {grid: at_issues for grid, (at_issues, _) in views.items()}, CASES)
    table(
        f"Every {EVERY_H} h beside the newest issue, 0 to 23 h old, in the {STILL_REACHED_H} h that all of them reach",
        {grid: between for grid, (_, between) in views.items()},
        (*CASES[:-1], JobAndWindow(24, STILL_REACHED_H)),
    )
    print(f"{len(GRIDS)} grids, {time.perf_counter() - began:.0f} s")


def table(title: str, views: dict[str, Views], cases: Sequence[JobAndWindow]) -> None:
    """Means over grids, and each grid's of the combination."""
    shares: dict[str, list[list[float]]] = {}
    for actual, forecasts in views.values():
        for name, values in forecasts.items():
            row = [100 * captured(actual, values, case).share for case in cases]
            shares.setdefault(name, []).append([*row, float(np.abs(values - actual).mean())])
    print(f"{title}: share of the perfect-foresight saving captured [%]\n")
    print(f"{'':26s}" + "".join(f"{case!s:>16s}" for case in cases) + f"{'error [g/kWh]':>16s}")
    for name, rows in shares.items():
        print(f"{name:26s}" + "".join(f"{value:16.1f}" for value in np.mean(rows, axis=0)))
    print("\nThe combination, by grid")
    for grid, row in zip(views, shares["combination"], strict=True):
        print(f"{grid:26s}" + "".join(f"{value:16.1f}" for value in row))
    print()


def judged(grid: str) -> tuple[Views, Views]:
    """At each issue, of shape (issues, 96), and between issues, of shape (moments, 72)."""
    past, issued = history(folder(), grid), issues(folder(), grid)
    prior = pooled(tuple(name for name in GRIDS if name != grid))
    alone, together = Combiner(KEY, past, (), prior), Combiner(KEY, past, issued, prior)
    hours = HourlyHistory.of(past)
    first = [hours.index_at(issue.issued_at) for issue in issued]

    def seen(origins: Sequence[int], reach_h: int) -> Views:
        newest = [(origin - first[0]) // 24 for origin in origins]
        rows = [issued[k].expected.values[o - first[k] :][:reach_h] for k, o in zip(newest, origins, strict=True)]
        said = np.stack(rows)
        moments = [hours.hour_at(origin) for origin in origins]
        own, both = (np.stack([values_at(c, moment, reach_h) for moment in moments]) for c in (alone, together))
        simple = np.stack([hour_of_day_mean_decaying(hours.values[:origin], reach_h) for origin in origins])
        return np.stack([hours.values[origin : origin + reach_h] for origin in origins]), {
            "7-day hour mean + decay": simple,
            "provider": said,
            "ours alone": own,
            "half and half": (said + own) / 2,
            "combination": both,
        }

    last = len(hours) - LEADS_H
    at_issues = [origin for origin in first if origin <= last]
    return seen(at_issues, LEADS_H), seen(range(first[0], min(first[-1] + 24, last), EVERY_H), STILL_REACHED_H)


def values_at(combiner: Combiner, moment: datetime, reach_h: int) -> Floats:
    forecast = combiner.at(moment)
    if forecast is None:
        raise SystemExit(f"nothing is known at {moment}")
    ahead = forecast.expected.starts >= moment.timestamp()
    return forecast.expected.values[ahead][:reach_h]


if __name__ == "__main__":
    main()
