"""What is known at an origin, in numbers a linear model can weigh: what is usual, and how far from it things have been.

The usual value is the mean of the same hour over the last 28 days.  Everything is divided by the standard deviation of
those 28 days, so that one prior serves every grid.  Unknown hours count as usual: they deviate by nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.domain.series import Floats
from scheduler.forecasting.history import HourlyHistory

DAY, WEEK = 24, 168
MEMORY = 28 * DAY
"""Hours back that an origin looks."""
HORIZON = WEEK
"""Hours ahead that a model predicts."""
FEATURES = 106
WEEKLY = slice(56, 90)
"""Columns that tell the hour of the week, the constant (55) apart."""
_WAVES_A_WEEK = (1, 2, 3, *range(4, 11), *range(11, 18))
"""The day and its half (7, 14) with up to three neighbours each: a weekend that begins at any hour of UTC."""
_LEAST_SCALE = 0.01
"""Of the mean level: a grid that never changes has no deviations to speak of."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """For each origin i (the hour before which everything is known): row i of each array."""

    features: Floats
    """Shape (n, FEATURES)."""
    usual: Floats
    """Usual values of the 24 hours from the origin on [g/kWh], shape (n, 24)."""
    scale: Floats
    """Standard deviation of the last 28 days [g/kWh], shape (n,)."""
    known: NDArray[np.int64]
    """Hours of the last 28 days that are known, shape (n,)."""


def design(history: HourlyHistory) -> Design:
    """Rows for the origins 0 ... len(history), the last one being the present."""
    origins = len(history) + 1
    padded = _padded(history.values)
    level, scale, known = _last_28_days(padded, origins)
    usual_by_hour = _same_hour_mean(padded, 28)
    usual = _ahead(usual_by_hour, origins)
    usual = np.where(np.isnan(usual), level[:, None], usual)
    lags = _ahead(padded[MEMORY - DAY :], origins) - usual
    days = _day_means(padded, origins) - usual.mean(axis=1, keepdims=True)
    lately = _ahead(_same_hour_mean(padded, 7), origins) - usual
    deviations = np.nan_to_num(np.concatenate((lags, days, lately), axis=1) / scale[:, None])
    calendar = _calendar(history.first_hour + np.arange(origins), deviations)
    return Design(np.concatenate((deviations, calendar), axis=1), usual, scale, known)


def _padded(values: Floats) -> Floats:
    """The history with 28 unknown days before it and one or two after, in whole days: hour i is at MEMORY + i."""
    after = 2 * DAY - values.size % DAY
    return np.concatenate((np.full(MEMORY, np.nan), values, np.full(after, np.nan)))


def _ahead(by_hour: Floats, origins: int) -> Floats:
    """The 24 hours from each origin on."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(by_hour, DAY)[:origins])


def _same_hour_mean(padded: Floats, days: int) -> Floats:
    """For each hour from 0 on: mean of the same hour over the `days` days before it; NaN if never known."""
    rows = padded.reshape(-1, DAY)
    nothing = np.zeros((1, DAY))
    totals = np.cumsum(np.concatenate((nothing, np.nan_to_num(rows))), axis=0)
    counts = np.cumsum(np.concatenate((nothing, ~np.isnan(rows))), axis=0)
    row = np.arange(MEMORY // DAY, len(rows))
    count = counts[row] - counts[row - days]
    mean = (totals[row] - totals[row - days]) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan).ravel()


def _last_28_days(padded: Floats, origins: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Mean, standard deviation and number of known hours before each origin."""
    count, total, squares = (
        _running(part, MEMORY)[MEMORY : MEMORY + origins]
        for part in ((~np.isnan(padded)).astype(np.float64), np.nan_to_num(padded), np.nan_to_num(padded) ** 2)
    )
    mean = total / np.maximum(count, 1)
    spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0.0))
    return mean, np.maximum(spread, np.maximum(_LEAST_SCALE * mean, 1e-3)), count.astype(np.int64)


def _running(values: Floats, length: int) -> Floats:
    """Sum of the `length` values before each index; nonsense for the first `length`."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    return np.asarray(sums - np.concatenate((np.zeros(length), sums[:-length])))


def _day_means(padded: Floats, origins: int) -> Floats:
    """Means of the last seven stretches of 24 hours, the nearest first; NaN where less than half is known."""
    count, total = _running((~np.isnan(padded)).astype(np.float64), DAY), _running(np.nan_to_num(padded), DAY)
    means = np.where(count >= DAY / 2, total / np.maximum(count, 1), np.nan)
    return np.stack([means[MEMORY - DAY * day :][:origins] for day in range(7)], axis=1)


def _calendar(hours: NDArray[np.int64], deviations: Floats) -> Floats:
    """The hour of the week, and how what the latest deviations say depends on the hour of the day, as waves."""
    lags, days = deviations[:, :DAY], deviations[:, DAY : DAY + 7]
    latest = np.stack([lags[:, -1], lags[:, -6:].mean(axis=1), days[:, 0], days[:, 1:].mean(axis=1)], axis=1)
    constant = np.ones((hours.size, 1))
    daily = _products(latest, _waves(hours, (7, 14)))
    return np.concatenate((constant, _waves(hours, _WAVES_A_WEEK), daily), axis=1)


def _waves(hours: NDArray[np.int64], times_a_week: tuple[int, ...]) -> Floats:
    angles = 2 * np.pi * (hours % WEEK)[:, None] / WEEK * np.array(times_a_week)
    return np.concatenate((np.cos(angles), np.sin(angles)), axis=1)


def _products(left: Floats, right: Floats) -> Floats:
    """Every column of one times every column of the other."""
    return np.asarray((left[:, :, None] * right[:, None, :]).reshape(len(left), -1))
