"""Simple forecasts that any better one has to beat; each takes the values known so far and gives the next hours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scheduler.domain.series import Floats

DAY, WEEK = 24, 168
_FADES_H = 12.0

Baseline = Callable[[Floats, int], Floats]


def same_hour_yesterday(known: Floats, hours: int) -> Floats:
    return known[-DAY:][np.arange(hours) % DAY]


def same_hour_last_week(known: Floats, hours: int) -> Floats:
    return known[-WEEK:][np.arange(hours) % WEEK]


def hour_of_day_mean_decaying(known: Floats, hours: int) -> Floats:
    """Each hour's mean over seven days, and the last value's distance from it fading over half a day."""
    usual = known[-WEEK:].reshape(-1, DAY).mean(axis=0)
    lead = np.arange(hours)
    anomaly = known[-1] - usual[-1]
    return np.asarray(usual[lead % DAY] + anomaly * np.exp(-(lead + 1) / _FADES_H))


BASELINES: dict[str, Baseline] = {
    "same hour yesterday": same_hour_yesterday,
    "same hour last week": same_hour_last_week,
    "7-day hour mean + decay": hour_of_day_mean_decaying,
}
