"""The yardsticks themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scheduler.forecasting.skill import (
    CASES,
    Captured,
    JobAndWindow,
    band_coverage,
    captured,
    mean_absolute_percentage_error,
    rank_correlation,
)

days = arrays(np.float64, (3, 96), elements=st.floats(0, 1000, width=16))


def test_a_job_begins_where_the_forecast_is_lowest_and_is_judged_by_what_came() -> None:
    """Told that hour 2 is clean, it meets 30 g instead of 50 g at once; 10 g was to be had."""
    actual, forecast = np.array([[50.0, 10.0, 30.0]]), np.array([[9.0, 8.0, 1.0]])
    assert captured(actual, forecast, JobAndWindow(1, 3)) == Captured(20.0, 40.0)


def test_the_job_ends_inside_its_window() -> None:
    """Two hours in three: the last start is the second hour."""
    actual = np.array([[50.0, 40.0, 20.0, 0.0]])
    assert captured(actual, actual, JobAndWindow(2, 3)) == Captured(15.0, 15.0)


@given(days, st.sampled_from(CASES))
def test_hindsight_captures_everything_and_nobody_more(actual: np.ndarray, case: JobAndWindow) -> None:
    """The share is one for the truth itself, and at most one for anything else."""
    perfect, reversed_time = captured(actual, actual, case), captured(actual, actual[:, ::-1], case)
    assert perfect.saved == pytest.approx(perfect.possible)
    assert reversed_time.saved <= reversed_time.possible + 1e-6


def test_a_forecast_that_harms_has_a_share_below_zero() -> None:
    """Waiting for a clean hour that is the dirtiest."""
    assert captured(np.array([[10.0, 5.0, 90.0]]), np.array([[3.0, 2.0, 1.0]]), JobAndWindow(1, 3)).share < 0


def test_error_coverage_and_rank_are_what_their_names_say() -> None:
    """10 % off, two of four hours inside, hours ranked as they came."""
    actual = np.array([[100.0, 200.0, 300.0, 400.0]])
    assert mean_absolute_percentage_error(actual, actual * 1.1) == pytest.approx(10)
    assert band_coverage(actual, actual - 1, np.array([[150.0, 250.0, 0.0, 0.0]])) == 0.5
    assert rank_correlation(actual, actual**2) == pytest.approx(1)
    assert rank_correlation(actual, -actual) == pytest.approx(-1)
