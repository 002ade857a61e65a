"""The bands of the built-in forecaster while it has seen little: what they hold by day ahead, and their interval score.

    python benchmarks/forecast_first_weeks.py

On every grid at hand, from its second year on, each time with nothing but the last so many days of history and a prior
made without that grid.  The score of a band is its width, and ten times what lies outside: the less, the better.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from forecast_data import all_grids
from forecast_skill import prior_without

from scheduler.forecasting.builtin import BuiltinForecaster
from scheduler.forecasting.design import DAY, HORIZON
from scheduler.forecasting.history import HourlyHistory

KNOWN_DAYS = (20, 28, 35, 45, 60, 90, 120, 365)
FIRST_H = 366 * DAY
ISSUES = 70
"""On each grid, at all hours of the day."""


def origins(history: HourlyHistory) -> range:
    apart_h = (len(history) - HORIZON - FIRST_H) // ISSUES
    return range(FIRST_H, len(history) - HORIZON, apart_h // DAY * DAY + 5)


def bands(history: HourlyHistory, prior, known_days: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Low and high end, and what came."""
    for origin in origins(history):
        begin = origin - known_days * DAY
        seen = HourlyHistory(history.first_hour + begin, history.values[begin:origin])
        forecast = BuiltinForecaster(seen, prior).view(history.hour_at(origin))
        if forecast is not None and forecast.quantiles is not None:
            yield forecast.quantiles[0], forecast.quantiles[-1], history.values[origin : origin + HORIZON]


def held_and_score(history: HourlyHistory, prior, known_days: int) -> list[float]:
    """Per cent held on each day ahead and over all of them, and the score [g/kWh]."""
    low, high, came = (np.stack(part) for part in zip(*bands(history, prior, known_days), strict=True))
    held = 100 * ((low <= came) & (came <= high)).reshape(-1, HORIZON // DAY, DAY).mean(axis=(0, 2))
    outside = np.maximum(low - came, 0) + np.maximum(came - high, 0)
    return [*held, float(held.mean()), float((high - low + 10 * outside).mean())]


def main() -> None:
    began = time.perf_counter()
    rows = {}
    for grid, history in all_grids():
        prior = prior_without(grid)
        for days in KNOWN_DAYS:
            rows[days, grid] = held_and_score(history, prior, days)
    grids = list(dict.fromkeys(grid for _, grid in rows))
    print("In the 80 % band by day ahead, on all days [%], interval score [g/kWh]\n")
    for days in KNOWN_DAYS:
        of_grids = {grid: rows[days, grid] for grid in grids}
        for name, row in {"mean": list(np.mean(list(of_grids.values()), axis=0)), **of_grids}.items():
            print(f"{days:4d} days  {name:14s}" + "".join(f"{value:8.1f}" for value in row))
        print()
    print(f"{len(grids)} grids, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
