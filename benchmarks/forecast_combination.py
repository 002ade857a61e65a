"""A provider's real forecasts combined with our own, against either alone, over the second half of 2021.

    python benchmarks/forecast_combination.py

181 daily issues of 96 hours for each of five grids (CarbonCast); our prior is made without the grid that is forecast.
"""

from __future__ import annotations

import csv
import time
from datetime import timedelta

import numpy as np
from fit_forecast_prior import GRIDS, pooled
from forecast_data import carboncast_history, folder

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.intervals import from_epoch
from scheduler.domain.series import Floats, StepSeries
from scheduler.forecasting.baselines import hour_of_day_mean_decaying
from scheduler.forecasting.combination import Combiner
from scheduler.forecasting.history import HOUR_S, HourlyHistory
from scheduler.forecasting.skill import CASES, captured

KEY = SeriesKey("carboncast", "any")
REACH_H = 96
FIRST_ISSUE_H = (366 + 181) * 24
"""1 July 2021 in a series that begins with 2020."""
REACH = timedelta(hours=REACH_H)


def main() -> None:
    shares: dict[str, list[list[float]]] = {}
    began = time.perf_counter()
    for grid in GRIDS:
        actual, forecasts = judged(grid)
        for name, values in forecasts.items():
            row = [100 * captured(actual, values, case).share for case in CASES]
            shares.setdefault(name, []).append([*row, float(np.abs(values - actual).mean())])
    print(
        f"Share of the perfect-foresight saving captured [%], {len(GRIDS)} grids, {time.perf_counter() - began:.0f} s\n"
    )
    print(f"{'':26s}" + "".join(f"{case!s:>16s}" for case in CASES) + f"{'error [g/kWh]':>16s}")
    for name, rows in shares.items():
        print(f"{name:26s}" + "".join(f"{value:16.1f}" for value in np.mean(rows, axis=0)))
    print("\nThe combination, by grid")
    for grid, row in zip(GRIDS, shares["combination"], strict=True):
        print(f"{grid:26s}" + "".join(f"{value:16.1f}" for value in row))


def judged(grid: str) -> tuple[Floats, dict[str, Floats]]:
    """What came, and each forecast of it; all of shape (issues, 96)."""
    history, (actual, provider) = carboncast_history(grid), read_pairs(grid)
    origins = [FIRST_ISSUE_H + 24 * day for day in range(len(actual))]
    issues = [issued(history, origin, values) for origin, values in zip(origins, provider, strict=True)]
    starts = np.arange(history.first_hour, history.first_hour + len(history), dtype=np.float64) * HOUR_S
    observed = StepSeries(starts, starts + HOUR_S, history.values)
    prior = pooled(tuple(name for name in GRIDS if name != grid))
    alone, together = Combiner(KEY, observed, (), prior), Combiner(KEY, observed, issues, prior)
    own, both = (np.stack([values_at(c, issue) for issue in issues]) for c in (alone, together))
    simple = np.stack([hour_of_day_mean_decaying(history.values[:origin], REACH_H) for origin in origins])
    half = (provider + own) / 2
    return actual, {
        "7-day hour mean + decay": simple,
        "provider": provider,
        "ours alone": own,
        "half and half": half,
        "combination": both,
    }


def values_at(combiner: Combiner, issue: CarbonForecast) -> Floats:
    forecast = combiner.at(issue.issued_at, REACH)
    if forecast is None:
        raise SystemExit(f"nothing is known at {issue.issued_at}")
    return forecast.expected.values


def issued(history: HourlyHistory, origin: int, values: Floats) -> CarbonForecast:
    starts = np.arange(history.first_hour + origin, history.first_hour + origin + REACH_H, dtype=np.float64) * HOUR_S
    moment = from_epoch(float(starts[0]))
    return CarbonForecast(KEY, moment, moment, StepSeries(starts, starts + HOUR_S, values))


def read_pairs(grid: str) -> tuple[Floats, Floats]:
    """(actual, forecast); row k x 96 + h of the file is issue k, lead h."""
    file = folder() / "forecasts" / f"carboncast_{grid}_96h_rolling_lifecycle_2021H2.csv"
    with file.open(newline="") as lines:
        rows = np.array([[float(cell) for cell in row[2:4]] for row in list(csv.reader(lines))[1:]])
    return rows[:, 0].reshape(-1, REACH_H), rows[:, 1].reshape(-1, REACH_H)


if __name__ == "__main__":
    main()
