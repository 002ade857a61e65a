"""Real series for the forecast benchmarks, from the folder named by CARBONQ_TEST_DATA (or ../shared/data)."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from scheduler.forecasting.history import HOUR_S, HourlyHistory

ROOT = Path(__file__).resolve().parent.parent
VALUE = "ci_lca_gco2_kwh"
SAME_GRID = {"DE-LU": "DE", "US-CAL-CISO": "CISO"}
"""Grids that are in both collections, under two names."""


def folder() -> Path:
    place = Path(os.environ.get("CARBONQ_TEST_DATA") or ROOT.parent / "shared" / "data").resolve()
    if not place.is_dir():
        raise SystemExit(f"no data at {place}; set CARBONQ_TEST_DATA to the folder that holds grids/ and forecasts/")
    return place


def carboncast_history(grid: str) -> HourlyHistory:
    return read_hourly(folder() / "forecasts" / f"{grid}_2020-2021_hourly_carboncast.csv")


def all_grids() -> Iterator[tuple[str, HourlyHistory]]:
    """Name and lifecycle intensity of every hourly series at hand; a star marks CarbonCast's."""
    for file in sorted((folder() / "grids").glob("*_hourly.csv")):
        yield file.name.split("_2021")[0], read_hourly(file)
    for file in sorted((folder() / "forecasts").glob("*_hourly_carboncast.csv")):
        yield file.name.split("_2020")[0] + "*", read_hourly(file)


def read_hourly(file: Path) -> HourlyHistory:
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    first = datetime.fromisoformat(rows[0]["utc"]).replace(tzinfo=UTC)
    return HourlyHistory(int(first.timestamp() // HOUR_S), np.array([float(row[VALUE]) for row in rows]))
