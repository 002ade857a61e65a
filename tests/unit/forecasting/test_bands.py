"""Bands from past errors: in order, around the expected value, and wide enough while there are few errors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.series import Floats
from scheduler.forecasting.bands import JUDGED_EVERY_H, QUANTILES, error_bands
from scheduler.forecasting.design import DAY, HORIZON

DAYS_AHEAD = HORIZON // DAY


def some_errors(origins: int, seed: int = 1, offset: float = 0.0, unknown: float = 0.0) -> list[Floats]:
    """Of so many origins for the first day ahead and a day of origins less for each day more, as of one history."""
    chance = np.random.default_rng(seed)
    errors = []
    for day in range(DAYS_AHEAD):
        of_day = offset + chance.normal(0, 1, (max(0, origins - day * DAY // JUDGED_EVERY_H), DAY))
        of_day[chance.random(of_day.shape) < unknown] = np.nan
        errors.append(of_day)
    return errors


def bands_of(errors: list[Floats]) -> Floats:
    bands = error_bands(errors)
    assert bands is not None and bands.shape == (len(QUANTILES), HORIZON)
    return bands


@settings(max_examples=60)
@given(st.integers(10, 900), st.integers(0, 2**32 - 1), st.floats(-5, 5), st.sampled_from([0.0, 0.1, 0.5]))
def test_the_expected_value_lies_in_the_band_whatever_the_errors(
    origins: int, seed: int, offset: float, unknown: float
) -> None:
    """Many or few, of one sign or both, with gaps: the quantiles are in order, and known for each hour."""
    bands = error_bands(some_errors(origins, seed, offset, unknown))
    if bands is None:
        assert origins * (1 - unknown) < 12
        return
    assert np.isfinite(bands).all()
    assert (np.diff(bands, axis=0) >= 0).all()
    assert (bands[0] <= 0).all() and (bands[-1] >= 0).all()


def test_under_two_days_of_errors_no_band_is_claimed() -> None:
    """It would be guessed."""
    assert error_bands(some_errors(9)) is None
    assert error_bands(some_errors(10)) is not None


def test_an_unknown_error_is_no_error_seen() -> None:
    """Twenty origins, of whose first day next to nothing came: as if they were not there."""
    errors = some_errors(20)
    errors[0][:, 1:] = np.nan
    assert error_bands(errors) is None


def test_errors_of_one_sign_open_the_band_to_both_sides() -> None:
    """A week that was always above the forecast says by how much one may be wrong, and little of the direction."""
    low, _, high = bands_of([np.abs(of_day) + 1 for of_day in some_errors(30)])
    assert (low < 0).all() and (high > 0).all()


def test_days_without_errors_of_their_own_go_on_from_the_near_ones() -> None:
    """Two days of errors tell of the first day only; a week ahead nobody is surer than tomorrow."""
    low, _, high = bands_of(some_errors(10))
    by_day = (high - low).reshape(-1, DAY).mean(axis=1)
    assert all(nearer < farther for nearer, farther in pairwise(by_day))


def test_a_lead_that_was_never_known_is_told_by_the_others() -> None:
    """A provider that always leaves out an hour leaves no hour without a band."""
    errors = some_errors(864)
    errors[3][:, 7] = np.nan
    low, _, high = bands_of(errors)
    missing = 3 * DAY + 7
    assert high[missing] - low[missing] > 1


def test_months_of_errors_speak_for_themselves() -> None:
    """From 45 days on a band is the errors' quantiles, lead by lead, hardly widened."""
    errors = some_errors(864)
    alone = np.concatenate([np.quantile(of_day, QUANTILES, axis=0) for of_day in errors], axis=1)
    assert bands_of(errors) == pytest.approx(alone, rel=0.02)


def test_what_one_grid_s_errors_are_times_two_makes_bands_twice_as_wide() -> None:
    """Only shape is taken from elsewhere, no size."""
    errors = some_errors(50)
    assert bands_of([2 * of_day for of_day in errors]) == pytest.approx(2 * bands_of(errors))
