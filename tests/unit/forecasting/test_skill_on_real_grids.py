"""The built-in forecaster on real grids: more saving than the strongest simple forecast, and honest bands."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from scheduler.forecasting.backtest import LONGEST_H, OURS, Backtest, backtest
from scheduler.forecasting.baselines import BASELINES
from scheduler.forecasting.builtin import BuiltinForecaster
from scheduler.forecasting.design import DAY, HORIZON
from scheduler.forecasting.history import HOUR_S, HourlyHistory
from scheduler.forecasting.skill import CASES, band_coverage

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
STRONGEST = list(BASELINES)[-1]
YEAR_H = 365 * 24
FIRST_BACK_FILL_H = 28 * DAY


def read(file: Path) -> HourlyHistory:
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    first = datetime.fromisoformat(rows[0]["utc"]).replace(tzinfo=UTC).timestamp()
    return HourlyHistory(int(first // HOUR_S), np.array([float(row["ci_lca_gco2_kwh"]) for row in rows]))


@pytest.fixture(scope="module")
def last_years(shared_data: Path) -> dict[str, Backtest]:
    """Every grid at hand over its last year, an issue every five hours."""
    histories = grids(shared_data)
    return {name: backtest(h, len(h) - YEAR_H, len(h) - LONGEST_H + 1, 5) for name, h in sorted(histories.items())}


def grids(shared_data: Path) -> dict[str, HourlyHistory]:
    files = [
        *(shared_data / "grids").glob("*_hourly.csv"),
        *(shared_data / "forecasts").glob("*_hourly_carboncast.csv"),
    ]
    return {file.stem: read(file) for file in files}


def held_in_the_first_week(history: HourlyHistory) -> np.ndarray:
    """By day ahead: share of what came that the bands held, every five and a fifth days of the last year."""
    held = []
    for origin in range(len(history) - YEAR_H, len(history) - HORIZON, 5 * DAY + 5):
        begin = origin - FIRST_BACK_FILL_H
        seen = HourlyHistory(history.first_hour + begin, history.values[begin:origin])
        forecast = BuiltinForecaster(seen).view(history.hour_at(origin))
        assert forecast is not None and forecast.quantiles is not None
        low, _, high = forecast.quantiles
        assert (low <= forecast.mean).all() and (forecast.mean <= high).all()
        came = history.values[origin : origin + HORIZON]
        held.append(((low <= came) & (came <= high)).reshape(-1, DAY).mean(axis=1))
    return np.mean(held, axis=0)


def shares(tests: dict[str, Backtest], name: str) -> np.ndarray:
    """Per cent of the perfect-foresight saving; a row for each grid, a column for each case."""
    return np.array([[100 * test.captured(name, case).share for case in CASES] for test in tests.values()])


def test_it_captures_more_than_the_strongest_simple_forecast_in_every_column(last_years: dict[str, Backtest]) -> None:
    """On average over the grids."""
    assert (shares(last_years, OURS).mean(axis=0) > shares(last_years, STRONGEST).mean(axis=0)).all()


def test_it_loses_more_than_two_points_on_no_grid(last_years: dict[str, Backtest]) -> None:
    """In no column."""
    assert (shares(last_years, OURS) - shares(last_years, STRONGEST)).min() > -2


def test_its_80_percent_bands_hold_75_to_85_percent(last_years: dict[str, Backtest]) -> None:
    """On every grid."""
    inside = [band_coverage(test.actual, test.low, test.high) for test in last_years.values()]
    assert min(inside) >= 0.75 and max(inside) <= 0.85


def test_with_28_days_of_history_the_bands_hold_75_to_85_percent_on_each_of_seven_days(shared_data: Path) -> None:
    """What an installation begins with: in the mean over the grids on each day ahead, over the days on each grid."""
    held = np.stack([held_in_the_first_week(history) for history in grids(shared_data).values()])
    by_day, by_grid = held.mean(axis=0), held.mean(axis=1)
    assert by_day.min() >= 0.75 and by_day.max() <= 0.85
    assert by_grid.min() >= 0.75 and by_grid.max() <= 0.85
