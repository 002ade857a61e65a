"""What other grids have taught: the moments that a grid's own history is added to.

Made by benchmarks/fit_forecast_prior.py from the year 2020 of five grids (CarbonCast, Apache-2.0).
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np

from scheduler.forecasting.linear_model import Moments

PRIOR_FILE = "prior.npz"


@cache
def shipped_prior() -> Moments:
    """Mean over hours of features x features and features x targets."""
    with files("scheduler.forecasting").joinpath(PRIOR_FILE).open("rb") as file, np.load(file) as arrays:
        return Moments(arrays["gram"].astype(np.float64), arrays["cross"].astype(np.float64))
