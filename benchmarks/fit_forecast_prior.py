"""Makes scheduler/forecasting/prior.npz from the year 2020 of the grids named by CARBONQ_TEST_DATA (or ../shared/data).

    python benchmarks/fit_forecast_prior.py

The later years, and every other grid, stay unseen by it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from forecast_data import carboncast_history

from scheduler.forecasting.design import HORIZON, design
from scheduler.forecasting.history import HourlyHistory
from scheduler.forecasting.linear_model import KNOWN_ENOUGH, Examples, Moments
from scheduler.forecasting.prior import PRIOR_FILE

GRIDS = ("AUS_QLD", "CISO", "DE", "ES", "PJM")
HOURS_OF_2020 = 366 * 24


def moments_of(history: HourlyHistory) -> Moments:
    """Per hour, over 2020; what an origin looks ahead to lies in 2020 as well."""
    year = HourlyHistory(history.first_hour, history.values[:HOURS_OF_2020])
    examples = Examples.of(design(year), year.values)
    last = HOURS_OF_2020 - HORIZON + 1
    hours = int((examples.rows.known[:last] >= KNOWN_ENOUGH).sum())
    return examples.moments(0, last) * (1 / hours)


def pooled(grids: tuple[str, ...]) -> Moments:
    total = Moments.none()
    for grid in grids:
        total = total + moments_of(carboncast_history(grid)) * (1 / len(grids))
    return total


def main() -> None:
    prior = pooled(GRIDS)
    file = Path(__file__).resolve().parent.parent / "scheduler" / "forecasting" / PRIOR_FILE
    np.savez_compressed(file, gram=prior.gram.astype(np.float32), cross=prior.cross.astype(np.float32))
    print(f"{file.name}: {file.stat().st_size / 1024:.0f} KiB from 2020 of {', '.join(GRIDS)}")


if __name__ == "__main__":
    main()
