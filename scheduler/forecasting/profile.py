"""What the series' own past suggests: the same hour of the last days, and today's departure from it, fading."""

from __future__ import annotations

import numpy as np

from scheduler.domain.series import Floats, StepSeries

_DAY_S = 86_400.0
_HOUR_S = 3_600.0
_LONG, _SHORT = 28, 7
_SHORT_SHARE = 0.6
_RECENT_S = 3 * _HOUR_S
_FADE_S = 12 * _HOUR_S


def profile(known: StepSeries, starts: Floats, ends: Floats) -> Floats:
    """Mean of the same hours on the last 7 and 28 days, for stretches after all that is known; NaN where nothing is."""
    days = np.arange(1, _LONG + 1)[:, None] * _DAY_S
    # A stretch further ahead than a day is compared with the last days that are known.
    ahead = np.ceil(np.maximum(ends - known.ends[-1], 0.0) / _DAY_S)
    shift = days + np.maximum(ahead - 1, 0)[None, :] * _DAY_S
    total, covered = known.integrals((starts - shift).ravel(), (ends - shift).ravel())
    total, covered = total.reshape(shift.shape), covered.reshape(shift.shape)
    short = _mean(total[:_SHORT].sum(axis=0), covered[:_SHORT].sum(axis=0))
    long = _mean(total.sum(axis=0), covered.sum(axis=0))
    return np.where(np.isnan(short), long, _SHORT_SHARE * short + (1 - _SHORT_SHARE) * long)


def from_own_past(known: StepSeries, starts: Floats, ends: Floats) -> Floats:
    """The profile, moved by how far the last three hours lay off it, fading over half a day."""
    usual = profile(known, starts, ends)
    last = known.ends[-1]
    recent = known.starts >= last - _RECENT_S
    before = StepSeries(known.starts[~recent], known.ends[~recent], known.values[~recent])
    if not len(before):
        return np.where(np.isnan(usual), known.values[recent].mean(), usual)
    off = known.values[recent] - profile(before, known.starts[recent], known.ends[recent])
    anomaly = float(np.nanmean(off)) if np.isfinite(off).any() else 0.0
    moved = usual + anomaly * np.exp(-np.maximum(starts - last, 0.0) / _FADE_S)
    return np.maximum(np.where(np.isnan(moved), float(known.values.mean()), moved), 0.0)


def _mean(total: Floats, covered: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(covered > 0, total / covered, np.nan)
    return mean
