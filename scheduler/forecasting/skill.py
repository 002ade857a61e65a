"""How good forecasts have been: by error, by rank, by the honesty of their bands, and by the saving they capture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scheduler.domain.series import Floats

LEADS = ((0, 6), (6, 24), (24, 48), (48, 96))
"""Hours ahead, [first, last), that errors are told by."""


@dataclass(frozen=True, slots=True, order=True)
class JobAndWindow:
    """A job of so many hours that may begin anywhere in so many hours, as long as it ends in them."""

    job_h: int
    window_h: int

    def __str__(self) -> str:
        return f"{self.job_h} h in {self.window_h} h"


CASES = (JobAndWindow(1, 24), JobAndWindow(4, 24), JobAndWindow(8, 48), JobAndWindow(24, 96))


@dataclass(frozen=True, slots=True)
class Captured:
    """Mean intensity saved against starting at once, summed over issues: with the forecast, and with hindsight."""

    saved: float
    possible: float

    def __add__(self, other: Captured) -> Captured:
        return Captured(self.saved + other.saved, self.possible + other.possible)

    @property
    def share(self) -> float:
        """Of the perfect-foresight saving; below zero where waiting did harm."""
        return self.saved / self.possible if self.possible > 0 else 0.0


def captured(actual: Floats, forecast: Floats, case: JobAndWindow) -> Captured:
    """Both of shape (issues, hours) with at least the window's hours; each job begins where the forecast is lowest."""
    truth, believed = (_running_means(values, case) for values in (actual, forecast))
    chosen = truth[np.arange(len(truth)), believed.argmin(axis=1)]
    return Captured(float((truth[:, 0] - chosen).sum()), float((truth[:, 0] - truth.min(axis=1)).sum()))


def mean_absolute_percentage_error(actual: Floats, forecast: Floats) -> float:
    """In per cent, over the hours in which there was any intensity."""
    some = actual > 0
    return float(100 * np.mean(np.abs(forecast[some] - actual[some]) / actual[some]))


def mean_absolute_error(actual: Floats, forecast: Floats) -> float:
    """In g/kWh: where some hours are nearly clean, percentages say nothing."""
    return float(np.mean(np.abs(forecast - actual)))


def band_coverage(actual: Floats, low: Floats, high: Floats) -> float:
    """Share of the hours, 0 to 1, that fell into the band."""
    return float(((actual >= low) & (actual <= high)).mean())


def rank_correlation(actual: Floats, forecast: Floats, hours: int = 24) -> float:
    """Spearman's, within the first `hours` of each issue, averaged over issues: which hours are cleaner?"""
    truth, believed = (_ranks(values[:, :hours]) for values in (actual, forecast))
    spread = np.sqrt((truth**2).sum(axis=1) * (believed**2).sum(axis=1))
    told = spread > 0
    return float(((truth * believed).sum(axis=1)[told] / spread[told]).mean()) if told.any() else 0.0


def total(parts: Iterable[Captured]) -> Captured:
    return sum(parts, Captured(0.0, 0.0))


def _running_means(values: Floats, case: JobAndWindow) -> Floats:
    """Mean over the job's hours for every start inside the window."""
    windows = np.lib.stride_tricks.sliding_window_view(values[:, : case.window_h], case.job_h, axis=1)
    return np.asarray(windows.mean(axis=2))


def _ranks(values: Floats) -> Floats:
    """Centred ranks along each row."""
    ranks = values.argsort(axis=1).argsort(axis=1).astype(np.float64)
    return np.asarray(ranks - ranks.mean(axis=1, keepdims=True))
