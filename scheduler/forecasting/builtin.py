"""Our own forecast from past intensity alone: expected value and quantiles for each hour of the coming week."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from scheduler.domain.carbon import IMPLAUSIBLE_G_PER_KWH
from scheduler.domain.series import Floats, StepSeries
from scheduler.forecasting.bands import JUDGED_EVERY_H, error_bands
from scheduler.forecasting.design import DAY, HORIZON, design
from scheduler.forecasting.history import HOUR_S, HourlyHistory
from scheduler.forecasting.linear_model import KNOWN_ENOUGH, Examples, Moments, weights
from scheduler.forecasting.prior import shipped_prior

_JUDGED_ON = 180 * DAY
"""Bands, and the trust in weekdays, come from the errors of these last hours, by weights that had not seen them."""
_TRUST_LEADS = slice(DAY, 4 * DAY)
_BELIEF = 0.1
"""Weight of the belief that weekdays matter, beside the evidence."""
_ANOMALY_FADES_H = 12.0
_LEAST_KNOWN = DAY


@dataclass(frozen=True, slots=True, eq=False)
class HourlyForecast:
    """Values [g/kWh] of consecutive hours; `quantiles`, a row for each of bands.QUANTILES, None while unknown."""

    first_hour: int
    mean: Floats
    quantiles: Floats | None = None

    def starts(self) -> Floats:
        return np.arange(self.first_hour, self.first_hour + self.mean.size, dtype=np.float64) * HOUR_S

    def series(self, values: Floats) -> StepSeries:
        return StepSeries(self.starts(), self.starts() + HOUR_S, values)

    def first(self, hours: int) -> HourlyForecast:
        quantiles = None if self.quantiles is None else self.quantiles[:, :hours]
        return replace(self, mean=self.mean[:hours], quantiles=quantiles)


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """What had been learnt by one day: weights, weights that had not seen the last half year, and their errors."""

    day: int
    weights: Floats
    held_back: Floats
    bands: Floats | None
    """Error quantiles in scales, around the expected value, shape (3, HORIZON)."""


class BuiltinForecaster:
    """Sees one history from any of its moments, each time only what had wholly ended by then.

    Learning is done once a day of the history, so the view from a moment does not depend on what was asked before.
    """

    def __init__(self, history: HourlyHistory, prior: Moments | None = None) -> None:
        self._history = history
        self._prior = prior or shipped_prior()
        self._examples = Examples.of(design(history), history.values)
        self._last_known = _last_known(history.values)
        self._sums = [_Growing(self._examples), _Growing(self._examples)]
        self._lesson: _Lesson | None = None

    def view(self, moment: datetime) -> HourlyForecast | None:
        """From the hour of `moment` on; a week less the time since the last known hour. None if too little is known."""
        present = self._history.index_at(moment)
        origin = int(self._last_known[min(max(present, 0), len(self._history))])
        late = present - origin
        if origin < 1 or not 0 <= late < HORIZON or self._known(origin) < _LEAST_KNOWN:
            return None
        forecast = self._model(origin) if self._known(origin) >= KNOWN_ENOUGH else self._usual(origin)
        quantiles = None if forecast.quantiles is None else forecast.quantiles[:, late:]
        return HourlyForecast(self._history.first_hour + present, forecast.mean[late:], quantiles)

    def seen_then(self, moments: list[datetime], now: datetime) -> list[HourlyForecast | None]:
        """What it would have said at past `moments`, with weights that had not seen the last half year."""
        held_back = self._learnt(min(self._history.index_at(now), len(self._history))).held_back
        return [self._seen_from(self._history.index_at(moment), held_back) for moment in moments]

    def _seen_from(self, origin: int, held_back: Floats) -> HourlyForecast | None:
        if not 0 <= origin <= len(self._history) or self._known(origin) < KNOWN_ENOUGH:
            return None
        return HourlyForecast(self._history.first_hour + origin, self._mean(origin, held_back))

    def _known(self, origin: int) -> int:
        return int(self._examples.rows.known[origin])

    def _usual(self, origin: int) -> HourlyForecast:
        """With less than two weeks: each hour's mean so far, and the last anomaly fading over half a day."""
        rows = self._examples.rows
        lead = np.arange(HORIZON)
        anomaly = self._history.values[origin - 1] - rows.usual[origin, -1]
        mean = rows.usual[origin, lead % DAY] + anomaly * np.exp(-(lead + 1) / _ANOMALY_FADES_H)
        return HourlyForecast(self._history.first_hour + origin, _plausible(mean))

    def _model(self, origin: int) -> HourlyForecast:
        lesson, scale = self._learnt(origin), self._examples.rows.scale[origin]
        mean = self._mean(origin, lesson.weights)
        quantiles = None if lesson.bands is None else _plausible(mean + scale * lesson.bands)
        return HourlyForecast(self._history.first_hour + origin, mean, quantiles)

    def _mean(self, origin: int, learnt: Floats) -> Floats:
        rows = self._examples.rows
        usual = rows.usual[origin, np.arange(HORIZON) % DAY]
        return _plausible(usual + rows.scale[origin] * (rows.features[origin] @ learnt))

    def _learnt(self, origin: int) -> _Lesson:
        day = origin // DAY
        if self._lesson is None or self._lesson.day != day:
            seen = day * DAY - HORIZON + 1
            own, before = (sums.up_to(last) for sums, last in zip(self._sums, (seen, seen - _JUDGED_ON), strict=True))
            blind_then, seeing_then = self._blind_and_seeing(before)
            trust = self._trust_in_weekdays(day * DAY, blind_then, seeing_then)
            held_back = blind_then + trust * (seeing_then - blind_then)
            blind, seeing = self._blind_and_seeing(own)
            learnt = blind + trust * (seeing - blind)
            self._lesson = _Lesson(day, learnt, held_back, error_bands(self._errors(day * DAY, held_back)))
        return self._lesson

    def _blind_and_seeing(self, own: Moments) -> tuple[Floats, Floats]:
        """Weights without and with the weekday."""
        return weights(self._prior, own, weekly=False), weights(self._prior, own)

    def _trust_in_weekdays(self, present: int, blind: Floats, seeing: Floats) -> float:
        """0 to 1: how much of what the weekday adds came true lately. On some grids a weekend is only noise."""
        last = present - _TRUST_LEADS.stop + 1
        features, targets = self._examples.judged(last - _JUDGED_ON, last, JUDGED_EVERY_H, _TRUST_LEADS)
        added = features @ (seeing - blind)[:, _TRUST_LEADS]
        missing = np.nan_to_num(targets - features @ blind[:, _TRUST_LEADS])
        size = float((added**2).sum())
        share = float((added * missing).sum()) / size if size else 1.0
        return min(1.0, max(0.0, (share + _BELIEF) / (1 + _BELIEF)))

    def _errors(self, present: int, held_back: Floats) -> list[Floats]:
        """Shape (origins, DAY) for each day ahead: of near ones newer origins can be judged."""
        errors = []
        for first_lead in range(0, HORIZON, DAY):
            leads = slice(first_lead, first_lead + DAY)
            last = present - leads.stop + 1
            features, targets = self._examples.judged(last - _JUDGED_ON, last, JUDGED_EVERY_H, leads)
            errors.append(targets - features @ held_back[:, leads])
        return errors


class _Growing:
    """Training sums up to an origin, grown from the last ones asked for."""

    def __init__(self, examples: Examples) -> None:
        self._examples, self._last, self._sum = examples, 0, Moments.none()

    def up_to(self, last: int) -> Moments:
        if last < self._last:
            self._last, self._sum = 0, Moments.none()
        if last > self._last:
            self._sum = self._sum + self._examples.moments(self._last, last)
            self._last = last
        return self._sum


def _last_known(values: Floats) -> Floats:
    """For each origin: the nearest origin at or before it whose last hour is known; -1 if there is none."""
    origins = np.where(np.isnan(values), -1, np.arange(1, values.size + 1))
    return np.concatenate(([-1], np.maximum.accumulate(origins))) if values.size else np.array([-1])


def _plausible(values: Floats) -> Floats:
    return np.clip(values, 0.0, IMPLAUSIBLE_G_PER_KWH)
