"""How far to believe a provider's forecast beside our own, by lead, from how both have done lately.

truth - own = what `regressors` tell, weighed: a ridge regression for each range of leads, over the origins of the last
weeks. The weight of (provider - own) is drawn towards one half and the rest towards nothing, as if some days of such
origins had been seen. What the last days show to be wrong all the same, in their mean, is added: a level that is wrong
for weeks costs a joint plan more than wrong hours do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scheduler.domain.series import Floats
from scheduler.forecasting.design import DAY, HORIZON

_LEAD_EDGES = (0, 1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96, HORIZON)
ERROR_SPANS_H = (1, 6, 24)
_AROUND_H = 12
"""Hours before and after a lead over which the level of a forecast is taken."""
_WAVES_A_DAY = (1, 2, 3)
_TOLD = 3 + len(ERROR_SPANS_H)
"""Regressors that are intensities [g/kWh]; the others, the hour of the day, have no unit."""
_SHARE_WITHOUT_EVIDENCE = 0.5
_BELIEF_DAYS = 8.0
"""Weight of that, and of nothing else to be told, in days of origins."""
_DRIFT_H = 14 * DAY
_DRIFT_AROUND_H = 24
"""Hours before and after a lead over which what was wrong lately is taken together."""
_DRIFT_BELIEF_DAYS = 3.5
"""Weight, beside the last fortnight's errors, of the belief that they do not go on: four fifths of their mean do."""
_BAND = 0.8
"""The share of errors that a band is to hold."""
_LEAST_VARIANCE = 1e-3
"""Of a regressor, as a share of that of the others together: one that never moved is not to be believed."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What was said at some origins: by lead hour, shape (origins, leads), NaN where nothing was."""

    first_hours: NDArray[np.int64]
    """The first hour foretold of each, counted in UTC from any midnight."""
    provider: Floats
    own: Floats
    errors: Floats
    """Truth less provider [g/kWh], means over the last ERROR_SPANS_H hours before each origin; 0 where unknown."""

    def regressors(self) -> Floats:
        """What the truth may differ from our own by, shape (origins, leads, weights).

        By how much the provider differs, hour by hour and in the mean of the hours around; our own shape, which may be
        too lively or too tame; what the provider lately got wrong; and the hour of the day.
        """
        apart = self.provider - self.own
        shape = self.own - np.nanmean(self.own, axis=1, keepdims=True)
        errors = np.broadcast_to(self.errors[:, None, :], (*apart.shape, self.errors.shape[1]))
        return np.concatenate(
            (np.stack((apart, _levels(apart), shape), axis=-1), errors, self._hours_of_day()), axis=-1
        )

    def _hours_of_day(self) -> Floats:
        angles = 2 * np.pi * np.arange(DAY)[:, None] / DAY * np.array(_WAVES_A_DAY)
        waves = np.concatenate((np.ones((DAY, 1)), np.cos(angles), np.sin(angles)), axis=1)
        return np.asarray(waves[(self.first_hours[:, None] + np.arange(self.own.shape[1])) % DAY])


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """For each lead hour: forecast = own + regressors @ weights + drift."""

    weights: Floats
    """Shape (HORIZON, weights)."""
    drift: Floats
    """[g/kWh], shape (HORIZON,)."""
    error: Floats
    """Of the combination, where four fifths of its errors end [g/kWh], shape (HORIZON,)."""
    known: Floats
    """How much is known of that error: 0, nothing, to 1; shape (HORIZON,)."""

    def distance(self, own: Floats, side: int) -> Floats:
        """From the combination to the lower (`side` -1) or upper (1) end of its band, below it negative [g/kWh].

        `own`: that of our own band, by lead; it counts as long as little is known of the combination's errors.
        """
        known, error = self.known[: own.size], self.error[: own.size]
        return np.asarray((1 - known) * own + known * side * error)

    def combined(self, views: Views) -> Floats:
        """For as many leads as are given; NaN where either forecast is unknown."""
        weights = self.weights[: views.own.shape[1]]
        return np.asarray(views.own + (views.regressors() * weights).sum(axis=-1) + self.drift[: views.own.shape[1]])


def calibrated(past: Views, actual: Floats, days_each: float) -> Calibration:
    """One set of weights for each range of leads; without evidence half and half.

    `actual`: what came, of the same shape, NaN where unknown; `days_each`: how many days each origin stands for.
    """
    told, missing = past.regressors(), actual - past.own
    believed = np.zeros(told.shape[-1])
    believed[0] = _SHARE_WITHOUT_EVIDENCE
    weights = np.tile(believed, (HORIZON, 1))
    error, evidence_days = np.zeros(HORIZON), np.zeros(HORIZON)
    for first, last in pairwise(_LEAD_EDGES):
        leads = slice(first, last)
        known = np.isfinite(told[:, leads, 0]) & np.isfinite(missing[:, leads])
        if known.any():
            rows, target, days_a_row = told[:, leads][known], missing[:, leads][known], days_each / (last - first)
            weights[leads] = _fitted(rows, target, believed, days_a_row)
            error[leads] = _error(rows, target, believed, days_a_row)
            evidence_days[leads] = len(rows) * days_a_row
    left = missing - (told * weights).sum(axis=-1)
    drift = _drift(left, past.first_hours, days_each)
    return Calibration(weights, drift, error, evidence_days / (evidence_days + _BELIEF_DAYS))


def _drift(left: Floats, first_hours: NDArray[np.int64], days_each: float) -> Floats:
    """What goes on of what was `left` of the errors of the last days, from the leads around each [g/kWh]."""
    targets = first_hours[:, None] + np.arange(left.shape[1])
    known = np.isfinite(left)
    if not known.any():
        return np.zeros(HORIZON)
    recent = known & (targets >= targets[known].max() - _DRIFT_H)
    by_lead = np.where(recent, left, 0.0).sum(axis=0), recent.sum(axis=0), np.ones(HORIZON)
    sums, counts, leads = (_summed_around(part, _DRIFT_AROUND_H) for part in by_lead)
    days = counts * days_each / leads
    return sums / np.maximum(counts, 1.0) * days / (days + _DRIFT_BELIEF_DAYS)


def _fitted(rows: Floats, missing: Floats, believed: Floats, days_a_row: float) -> Floats:
    """The weights; what is believed where there are no rows."""
    variances = (rows**2).sum(axis=0) / max(len(rows), 1)
    least = _LEAST_VARIANCE * max(float(variances[:_TOLD].sum()), 1e-9)
    variances[:_TOLD] = np.maximum(variances[:_TOLD], least)
    gram = days_a_row * rows.T @ rows + np.diag(_BELIEF_DAYS * np.maximum(variances, _LEAST_VARIANCE))
    return believed + np.linalg.solve(gram, days_a_row * rows.T @ (missing - rows @ believed))


def _error(rows: Floats, missing: Floats, believed: Floats, days_a_row: float) -> float:
    """Of each half of the past, told by what the other taught: where it was learnt any combination looks too good."""
    middle = len(rows) // 2
    halves = slice(middle), slice(middle, None)
    left = [
        missing[judged] - rows[judged] @ _fitted(rows[learnt], missing[learnt], believed, days_a_row)
        for judged, learnt in zip(halves, reversed(halves), strict=True)
    ]
    return float(np.quantile(np.abs(np.concatenate(left)), _BAND))


def _levels(values: Floats) -> Floats:
    """Mean over the known hours around each lead; NaN where the value itself is."""
    known = np.isfinite(values)
    totals, counts = (_summed_around(part, _AROUND_H) for part in (np.nan_to_num(values), known))
    return np.where(known, totals / np.maximum(counts, 1.0), np.nan)


def _summed_around(values: NDArray[Any], hours: int) -> Floats:
    """By lead, the last axis: the sum from so many hours before it to as many after, as far as there are any."""
    leads = np.arange(values.shape[-1])
    sums = np.concatenate((np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)), axis=-1)
    return np.asarray(sums[..., np.minimum(leads + hours + 1, leads.size)] - sums[..., np.maximum(leads - hours, 0)])
