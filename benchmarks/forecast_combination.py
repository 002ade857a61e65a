"""A provider's real forecasts combined with our own, against either alone, over the second half of 2021.

    python benchmarks/forecast_combination.py

181 daily issues of 96 hours for each of five grids (CarbonCast); our prior is made without the grid that is forecast.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from fit_forecast_prior import GRIDS, pooled
from forecast_data import folder
from online import LEADS_H, history, issues

from scheduler.domain.series import Floats
from scheduler.forecasting.baselines import hour_of_day_mean_decaying
from scheduler.forecasting.combination import Combiner
from scheduler.forecasting.history import HourlyHistory
from scheduler.forecasting.skill import CASES, LEADS, JobAndWindow, band_coverage, captured
from scheduler.simulation.forecasters import KEY

EVERY_H = 5
STILL_REACHED_H = 72
LOW, EXPECTED, HIGH = range(3)
BAND_LEADS = ((0, 1), *LEADS[:-1], (LEADS[-1][0], STILL_REACHED_H))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What came, each forecast of it, and the combination's 80 % band; all of shape (moments, hours)."""

    actual: Floats
    forecasts: dict[str, Floats]
    low: Floats
    high: Floats


def main() -> None:
    began = time.perf_counter()
    seen = {grid: judged(grid) for grid in GRIDS}
    between = {grid: views for grid, (_, views) in seen.items()}
    table("At the moment of each issue", {grid: at_issues for grid, (at_issues, _) in seen.items()}, CASES)
    table(
        f"Every {EVERY_H} h beside the newest issue, 0 to 23 h old, in the {STILL_REACHED_H} h that all of them reach",
        between,
        (*CASES[:-1], JobAndWindow(24, STILL_REACHED_H)),
    )
    bands(between)
    print(f"{len(GRIDS)} grids, {time.perf_counter() - began:.0f} s")


def bands(seen: dict[str, Seen]) -> None:
    print("Of the same hours, by hours ahead: in the 80 % band of the combination [%]\n")
    print(f"{'':26s}" + "".join(f"{f'{first} to {last}':>10s}" for first, last in BAND_LEADS))
    rows = {}
    for grid, views in seen.items():
        parts = [[part[:, slice(*leads)] for part in (views.actual, views.low, views.high)] for leads in BAND_LEADS]
        rows[grid] = [100 * band_coverage(*part) for part in parts]
    for name, row in {"mean": list(np.mean(list(rows.values()), axis=0)), **rows}.items():
        print(f"{name:26s}" + "".join(f"{held:10.1f}" for held in row))
    print()


def table(title: str, seen: dict[str, Seen], cases: Sequence[JobAndWindow]) -> None:
    """Means over grids, and each grid's of the combination."""
    shares: dict[str, list[list[float]]] = {}
    for views in seen.values():
        for name, values in views.forecasts.items():
            row = [100 * captured(views.actual, values, case).share for case in cases]
            shares.setdefault(name, []).append([*row, float(np.abs(values - views.actual).mean())])
    print(f"{title}: share of the perfect-foresight saving captured [%]\n")
    print(f"{'':26s}" + "".join(f"{case!s:>16s}" for case in cases) + f"{'error [g/kWh]':>16s}")
    for name, rows in shares.items():
        print(f"{name:26s}" + "".join(f"{value:16.1f}" for value in np.mean(rows, axis=0)))
    print("\nThe combination, by grid")
    for grid, row in zip(seen, shares["combination"], strict=True):
        print(f"{grid:26s}" + "".join(f"{value:16.1f}" for value in row))
    print()


def judged(grid: str) -> tuple[Seen, Seen]:
    """At each issue, of shape (issues, 96), and between issues, of shape (moments, 72)."""
    past, issued = history(folder(), grid), issues(folder(), grid)
    prior = pooled(tuple(name for name in GRIDS if name != grid))
    alone, together = Combiner(KEY, past, (), prior), Combiner(KEY, past, issued, prior)
    hours = HourlyHistory.of(past)
    first = [hours.index_at(issue.issued_at) for issue in issued]

    def seen(origins: Sequence[int], reach_h: int) -> Seen:
        newest = [(origin - first[0]) // 24 for origin in origins]
        rows = [issued[k].expected.values[o - first[k] :][:reach_h] for k, o in zip(newest, origins, strict=True)]
        said = np.stack(rows)
        moments = [hours.hour_at(origin) for origin in origins]
        own, both = (np.stack([ahead(c, moment, reach_h) for moment in moments]) for c in (alone, together))
        simple = np.stack([hour_of_day_mean_decaying(hours.values[:origin], reach_h) for origin in origins])
        forecasts = {
            "7-day hour mean + decay": simple,
            "provider": said,
            "ours alone": own[:, EXPECTED],
            "half and half": (said + own[:, EXPECTED]) / 2,
            "combination": both[:, EXPECTED],
        }
        actual = np.stack([hours.values[origin : origin + reach_h] for origin in origins])
        return Seen(actual, forecasts, both[:, LOW], both[:, HIGH])

    last = len(hours) - LEADS_H
    at_issues = [origin for origin in first if origin <= last]
    return seen(at_issues, LEADS_H), seen(range(first[0], min(first[-1] + 24, last), EVERY_H), STILL_REACHED_H)


def ahead(combiner: Combiner, moment: datetime, reach_h: int) -> Floats:
    """Of shape (3, hours): LOW, EXPECTED, HIGH."""
    forecast = combiner.at(moment)
    if forecast is None or forecast.p10 is None or forecast.p90 is None:
        raise SystemExit(f"too little is known at {moment}")
    kept = forecast.expected.starts >= moment.timestamp()
    return np.stack([side.values[kept][:reach_h] for side in (forecast.p10, forecast.expected, forecast.p90)])


if __name__ == "__main__":
    main()
