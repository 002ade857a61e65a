"""Prices of power from a file: read whole, or refused with the place of the mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.clock import NOON
from fakes.problems import series

from scheduler.domain.errors import CarbonDataError
from scheduler.grid.series_file import read_prices

HEADING = "start,price_per_kwh\n"
GOOD = "2026-11-23T12:00Z,0.31\n2026-11-23T13:00Z,-0.05\n2026-11-23T14:00Z,0\n"


def written(folder: Path, text: str) -> Path:
    file = folder / "price.csv"
    file.write_text(text)
    return file


def test_prices_may_lie_below_zero(tmp_path: Path) -> None:
    assert read_prices(written(tmp_path, HEADING + GOOD)) == series([0.31, -0.05, 0], start=NOON)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (GOOD.replace("0.31", "cheap"), "line 2, column 'price_per_kwh': 'cheap' is not a number"),
        (GOOD.replace("0.31", "nan"), "line 2, column 'price_per_kwh': 'nan' is outside"),
        (GOOD.replace("-0.05", ""), "line 3, column 'price_per_kwh': '' is no value"),
        (GOOD.replace("T13", "T12"), "line 3, column 'start'"),
        (GOOD + "2026-11-23T17:00Z,0.1\n", "line 5, column 'start'"),
        (GOOD.replace(",0.31", ""), "line 2, column 'price_per_kwh': the cell is missing"),
        (GOOD.splitlines()[0] + "\n", "holds 1 rows"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_column(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(CarbonDataError) as refused:
        read_prices(written(tmp_path, HEADING + text))
    assert "price.csv" in str(refused.value) and mistake in str(refused.value)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CarbonDataError, match="no column 'price_per_kwh'"):
        read_prices(written(tmp_path, "start,carbon_intensity_g_per_kwh\n2026-11-23T12:00Z,300\n"))
