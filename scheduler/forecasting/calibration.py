"""How far to believe a provider's forecast beside our own, by lead, from how both have done lately.

truth - own = offset + share x (provider - own) + what the provider's errors of the last hour, six hours and day say of
the next ones: a ridge regression for each range of leads, over the origins of the last weeks. The share is drawn
towards one half and the rest towards nothing, as if some days of such origins had been seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scheduler.domain.series import Floats
from scheduler.forecasting.design import HORIZON

LEAD_EDGES = (0, 1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96, HORIZON)
ERROR_SPANS_H = (1, 6, 24)
_SHARE_WITHOUT_EVIDENCE = 0.5
_BELIEF_DAYS = 8.0
"""Weight of that, and of no error going on, in days of origins."""
_OFFSET_BELIEF_DAYS = 10.0
_LEAST_VARIANCE = 1e-3
"""Of a regressor, as a share of that of the others together: one that never moved is not to be believed."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """For each lead hour: forecast = own + offset + share x (provider - own) + persistence x errors."""

    offset: Floats
    """[g/kWh], shape (HORIZON,)."""
    share: Floats
    """Shape (HORIZON,)."""
    persistence: Floats
    """Shape (HORIZON, len(ERROR_SPANS_H))."""
    spread: Floats
    """Error of the combination over the error of our own, 0 to 1, shape (HORIZON,)."""

    def moved(self, own: Floats, provider: Floats, errors: Floats) -> Floats:
        """The combination, for as many leads as are given; NaN where either is unknown."""
        leads = own.size
        apart = self.share[:leads] * (provider - own)
        return own + self.offset[:leads] + apart + self.persistence[:leads] @ errors


@dataclass(frozen=True, slots=True, eq=False)
class PastViews:
    """What was said at past origins, and what came: by lead hour, shape (origins, HORIZON), NaN where unknown."""

    provider: Floats
    own: Floats
    actual: Floats
    errors: Floats
    """Truth less provider, means over the last ERROR_SPANS_H hours before each origin; 0 where unknown."""
    days_each: float
    """How many days each origin stands for."""


def calibrated(past: PastViews) -> Calibration:
    """One set of figures for each range of leads; without evidence half and half."""
    offset, share, spread = np.zeros(HORIZON), np.full(HORIZON, _SHARE_WITHOUT_EVIDENCE), np.ones(HORIZON)
    persistence = np.zeros((HORIZON, len(ERROR_SPANS_H)))
    for first, last in pairwise(LEAD_EDGES):
        leads = slice(first, last)
        added = past.provider[:, leads] - past.own[:, leads]
        missing = past.actual[:, leads] - past.own[:, leads]
        origin, lead = np.nonzero(np.isfinite(added) & np.isfinite(missing))
        if not origin.size:
            continue
        regressors = np.column_stack((added[origin, lead], past.errors[origin], np.ones(origin.size)))
        weights, spread[leads] = _fitted(regressors, missing[origin, lead], past.days_each / (last - first))
        share[leads], persistence[leads], offset[leads] = weights[0], weights[1:-1], weights[-1]
    return Calibration(offset, share, persistence, spread)


def _fitted(regressors: Floats, missing: Floats, days_a_row: float) -> tuple[Floats, float]:
    """(weights, error with them over error without); the last regressor is the constant."""
    believed = np.zeros(regressors.shape[1])
    believed[0] = _SHARE_WITHOUT_EVIDENCE
    variances = (regressors[:, :-1] ** 2).mean(axis=0)
    least = _LEAST_VARIANCE * max(float(variances.sum()), 1e-9)
    ridge = np.append(_BELIEF_DAYS * np.maximum(variances, least), _OFFSET_BELIEF_DAYS)
    gram = days_a_row * regressors.T @ regressors + np.diag(ridge)
    weights = believed + np.linalg.solve(gram, days_a_row * regressors.T @ (missing - regressors @ believed))
    before, after = float((missing**2).sum()), float(((missing - regressors @ weights) ** 2).sum())
    return weights, min(1.0, float(np.sqrt(after / before))) if before > 0 else 1.0
