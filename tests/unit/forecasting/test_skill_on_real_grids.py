"""The built-in forecaster on real grids: more saving than the strongest simple forecast, and honest bands."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from scheduler.forecasting.backtest import LONGEST_H, OURS, Backtest, backtest
from scheduler.forecasting.baselines import BASELINES
from scheduler.forecasting.history import HOUR_S, HourlyHistory
from scheduler.forecasting.skill import CASES, band_coverage

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
STRONGEST = list(BASELINES)[-1]
YEAR_H = 365 * 24


def read(file: Path) -> HourlyHistory:
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    first = datetime.fromisoformat(rows[0]["utc"]).replace(tzinfo=UTC).timestamp()
    return HourlyHistory(int(first // HOUR_S), np.array([float(row["ci_lca_gco2_kwh"]) for row in rows]))


@pytest.fixture(scope="module")
def last_years(shared_data: Path) -> dict[str, Backtest]:
    """Every grid at hand over its last year, an issue every five hours."""
    files = [
        *(shared_data / "grids").glob("*_hourly.csv"),
        *(shared_data / "forecasts").glob("*_hourly_carboncast.csv"),
    ]
    histories = {file.stem: read(file) for file in files}
    return {name: backtest(h, len(h) - YEAR_H, len(h) - LONGEST_H + 1, 5) for name, h in sorted(histories.items())}


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
