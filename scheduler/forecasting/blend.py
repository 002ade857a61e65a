"""The provider's forecast, its bias corrected, blended half and half with the series' own profile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.series import Floats, StepSeries
from scheduler.forecasting.profile import from_own_past

_BIAS_OVER_S = 3 * 3_600.0
_BIAS_KEPT_AN_HOUR = 0.97
_PROVIDER_SHARE = 0.5
_OWN = SeriesKey("carbonq", "own")


def blended(
    known: StepSeries, issues: Sequence[CarbonForecast], now: datetime, until: datetime, slot: timedelta
) -> CarbonForecast:
    """Expected intensity from `now` to `until`: what is known of the running slot, then the blend.

    `issues` are the newest last; what none of them reaches is the series' own profile alone.
    """
    starts, ends = _slots(float(known.ends[-1]), until.timestamp(), slot.total_seconds())
    own = from_own_past(known, starts, ends)
    provider = _corrected(known, issues, starts, ends) if issues else np.full(starts.shape, np.nan)
    values = np.where(np.isnan(provider), own, _PROVIDER_SHARE * provider + (1 - _PROVIDER_SHARE) * own)
    present = known.ends > now.timestamp()
    expected = StepSeries(
        np.concatenate((known.starts[present], starts)),
        np.concatenate((known.ends[present], ends)),
        np.concatenate((known.values[present], np.clip(values, 0.0, 2_000.0))),
    )
    key = issues[-1].key if issues else _OWN
    issued_at = issues[-1].issued_at if issues else now
    return CarbonForecast(key, issued_at, now, expected, method="blend")


def _corrected(known: StepSeries, issues: Sequence[CarbonForecast], starts: Floats, ends: Floats) -> Floats:
    """The newest issue, moved by its error over the last three hours, which fades; NaN where it does not reach."""
    last = known.ends[-1]
    recent = known.starts >= last - _BIAS_OVER_S
    promised = np.full(int(recent.sum()), np.nan)
    for issue in issues:
        newer = _values(issue.expected, known.starts[recent], known.ends[recent])
        promised = np.where(np.isnan(newer), promised, newer)
    error = known.values[recent] - promised
    bias = float(np.nanmean(error)) if np.isfinite(error).any() else 0.0
    hours = np.maximum(starts - last, 0.0) / 3_600.0
    moved: Floats = _values(issues[-1].expected, starts, ends) + bias * _BIAS_KEPT_AN_HOUR**hours
    return moved


def _values(series: StepSeries, starts: Floats, ends: Floats) -> Floats:
    """Means over stretches; NaN where any of a stretch is unknown."""
    total, covered = series.integrals(starts, ends)
    lengths = ends - starts
    whole: Floats = np.where(covered >= lengths * (1 - 1e-9), total / lengths, np.nan)
    return whole


def _slots(begin: float, end: float, length: float) -> tuple[Floats, Floats]:
    count = max(1, int(np.ceil((end - begin) / length)))
    edges = begin + np.arange(count + 1, dtype=np.float64) * length
    return edges[:-1], edges[1:]
