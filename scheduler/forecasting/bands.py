"""How far off our own forecast may be: quantiles of its past errors at each lead.

While there are few at a lead they lean on those of all leads together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scheduler.domain.series import Floats
from scheduler.forecasting.design import DAY, HORIZON

QUANTILES = (0.1, 0.5, 0.9)
JUDGED_EVERY_H = 5
"""Hours between the origins whose errors are told."""
_BAND = 0.8
"""The share of errors that a band is to hold."""
_ERRORS_NEEDED = 10
"""At each lead of the first day, in the mean: two days of them."""
_WIDENED_BY_DAYS = 2.0
_ENOUGH_DAYS = 45.0
"""Of errors at a far lead, to go by them alone: those of a week are of its weather, and may all be of one sign."""
_ERRORS_GROW_OVER_H = 30.0


def error_bands(errors: Sequence[Floats]) -> Floats | None:
    """To be added to the expected value, which lies among them: shape (3, HORIZON). None while hardly any are known.

    `errors`: truth less expected value for each day ahead, shape (origins, DAY); NaN where unknown.
    """
    if np.isfinite(errors[0]).sum() < _ERRORS_NEEDED * DAY:
        return None
    own = np.concatenate([_quantiles(of_day) for of_day in errors], axis=1)
    days = np.concatenate([np.isfinite(of_day).sum(axis=0) for of_day in errors]) * JUDGED_EVERY_H / DAY
    # What makes a near lead wrong is over sooner, so that as many days say more of it.
    share = np.minimum(1.0, days / (_ENOUGH_DAYS * _growth()))
    return own if share.min() == 1 else np.asarray(share * own + (1 - share) * _of_all_leads(errors))


def _quantiles(errors: Floats) -> Floats:
    """Of each lead by itself, on either side of the expected value; 0 where the lead was never known."""
    quantiles = np.zeros((len(QUANTILES), errors.shape[1]))
    known = np.isfinite(errors).any(axis=0)
    if known.any():
        quantile = np.nanquantile if np.isnan(errors).any() else np.quantile
        quantiles[:, known] = quantile(errors[:, known], QUANTILES, axis=0) * _widening(len(errors))
    quantiles[0], quantiles[-1] = np.minimum(quantiles[0], 0.0), np.maximum(quantiles[-1], 0.0)
    return quantiles


def _widening(errors: int) -> float:
    """Few errors have not seen the worst: a fortnight of them is widened by a seventh, half a year hardly."""
    return 1 + _WIDENED_BY_DAYS * DAY / (errors * JUDGED_EVERY_H)


def _of_all_leads(errors: Sequence[Floats]) -> Floats:
    """As far to either side as four fifths of all errors, each measured by what is usual at its lead."""
    growth = _growth()
    by_day = growth.reshape(len(errors), DAY)
    measured = [np.abs(of_day / usual).ravel() for of_day, usual in zip(errors, by_day, strict=True)]
    level = np.nanquantile(np.concatenate(measured), _BAND)
    return np.outer((-1.0, 0.0, 1.0), level * growth)


def _growth() -> Floats:
    """How errors grow with the lead: as those about weather that fades, little in the first hour, whole after days."""
    return np.asarray(np.sqrt(1 - np.exp(-np.arange(1, HORIZON + 1) / _ERRORS_GROW_OVER_H)))
