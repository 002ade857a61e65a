"""How far to believe a provider's forecast beside our own, by lead, from how both have done lately.

truth - own = offset + share x (provider - own), by least squares over past issues, for each range of leads; the share
is drawn towards one half and the offset towards nothing, as if some weeks of such issues had been seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scheduler.domain.series import Floats
from scheduler.forecasting.design import HORIZON

LEAD_EDGES = (0, 6, 12, 24, 48, 96, HORIZON)
_SHARE_WITHOUT_EVIDENCE = 0.5
_BELIEF_DAYS = 20.0
"""Weight of that, in days of issues."""
_OFFSET_BELIEF_DAYS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """For each lead hour, shape (HORIZON,): forecast = own + offset + share x (provider - own)."""

    offset: Floats
    share: Floats
    spread: Floats
    """Error of the combination over the error of our own, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class PastIssues:
    """What was said and what came, by lead hour, each of shape (issues, HORIZON), NaN where unknown."""

    provider: Floats
    own: Floats
    actual: Floats
    days: Floats
    """How many days each issue stands for: one of four a day stands for a quarter; shape (issues,)."""


def calibrated(past: PastIssues) -> Calibration:
    """One set of figures for each range of leads; without evidence half and half."""
    offset, share, spread = np.zeros(HORIZON), np.zeros(HORIZON), np.ones(HORIZON)
    for first, last in pairwise(LEAD_EDGES):
        leads = slice(first, last)
        added = past.provider[:, leads] - past.own[:, leads]
        missing = past.actual[:, leads] - past.own[:, leads]
        weight = np.where(np.isnan(added) | np.isnan(missing), 0.0, past.days[:, None])
        offset[leads], share[leads], spread[leads] = _fitted(np.nan_to_num(added), np.nan_to_num(missing), weight)
    return Calibration(offset, share, spread)


def _fitted(added: Floats, missing: Floats, weight: Floats) -> tuple[float, float, float]:
    total = float(weight.sum())
    if total <= 0:
        return 0.0, _SHARE_WITHOUT_EVIDENCE, 1.0
    days = total / added.shape[1]
    believed = days / (days + _OFFSET_BELIEF_DAYS)
    mean_added, mean_missing = (float((weight * x).sum()) / total * believed for x in (added, missing))
    d, e = added - mean_added, missing - mean_missing
    size, together = float((weight * d * d).sum()) / total, float((weight * d * e).sum()) / total
    belief = _BELIEF_DAYS * size
    share = (days * together + belief * _SHARE_WITHOUT_EVIDENCE) / (days * size + belief) if size > 0 else 0.0
    share = min(1.0, max(0.0, share))
    before, after = float((weight * missing**2).sum()), float((weight * (e - share * d) ** 2).sum())
    return mean_missing - share * mean_added, share, min(1.0, np.sqrt(after / before)) if before > 0 else 1.0
