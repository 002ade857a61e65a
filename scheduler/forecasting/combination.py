"""The forecast to plan on: the provider's, corrected by what it lately got wrong, and our own where it is silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.carbon import BUILT_IN_METHOD, IMPLAUSIBLE_G_PER_KWH, CarbonForecast, SeriesKey
from scheduler.domain.series import Floats, StepSeries
from scheduler.forecasting.builtin import BuiltinForecaster, HourlyForecast
from scheduler.forecasting.calibration import Calibration, Views, calibrated
from scheduler.forecasting.design import HORIZON
from scheduler.forecasting.history import HOUR_S, HourlyHistory
from scheduler.forecasting.linear_model import Moments
from scheduler.forecasting.provider_record import ProviderRecord

_JUDGED_OVER = timedelta(days=60)
ISSUES_APART = timedelta(hours=6)
"""Of issues nearer to each other the newest is judged: half an hour apart they say nearly the same."""
_ORIGINS_APART_H = 3
"""Of past moments at which provider and our own are compared."""
_JUDGED_EVERY_H = 6
_SEAM_FADES_S = 12 * HOUR_S


class Combiner:
    """Sees one series and its provider's issues from any moment, each time only what was there by then."""

    def __init__(
        self,
        key: SeriesKey,
        observed: StepSeries,
        issues: Sequence[CarbonForecast] = (),
        prior: Moments | None = None,
    ) -> None:
        """ValueError where an issue is of another series than `key`: their levels differ."""
        if strange := next((issue.key for issue in issues if issue.key != key), None):
            raise ValueError(f"a forecast of {strange} cannot be judged by the values of {key}")
        self._key = key
        self._history = HourlyHistory.of(observed)
        self._builtin = BuiltinForecaster(self._history, prior)
        self._issues = sorted(issues, key=lambda issue: issue.issued_at)
        self._calibration: tuple[int, Calibration] | None = None
        self._by_lead: dict[datetime, tuple[CarbonForecast, Floats]] = {}

    @property
    def hours(self) -> int:
        """Past hours that are known."""
        return int(np.count_nonzero(~np.isnan(self._history.values)))

    def at(self, now: datetime, known_until: datetime | None = None) -> CarbonForecast | None:
        """A week from the hour of `now` on; `method` says what went into it. None where neither side knows anything.

        `known_until`: the end of the running slot, where its value is published already; our own then begins there.
        """
        issued = [issue for issue in self._issues if max(issue.issued_at, issue.fetched_at) <= now]
        own = self._builtin.view(max(now, known_until or now))
        if not issued or issued[-1].horizon is None or issued[-1].horizon <= now:
            return None if own is None else self._from_history(own, now)
        if own is None:
            return issued[-1]
        if own.quantiles is None:
            return _joined(issued[-1], own, now, issued[-1].expected, judged=None)
        return self._blended(issued, own, now)

    def own(self, now: datetime) -> CarbonForecast | None:
        """From the history alone; None where too little of it is known, or nothing of the last week."""
        own = self._builtin.view(now)
        return None if own is None else self._from_history(own, now)

    def _from_history(self, own: HourlyForecast, now: datetime) -> CarbonForecast:
        low, high = (None, None) if own.quantiles is None else (own.series(own.quantiles[i]) for i in (0, -1))
        return CarbonForecast(self._key, now, now, own.series(own.mean), low, high, method=BUILT_IN_METHOD)

    def _blended(self, issued: list[CarbonForecast], own: HourlyForecast, now: datetime) -> CarbonForecast:
        record = self._record(issued, now)
        present = own.first_hour - self._history.first_hour
        calibration = self._calibrated(record, now, present)
        provider = issued[-1].expected
        hourly = hourly_by_lead(provider, own.first_hour)[: own.mean.size]
        views = Views(
            np.array([own.first_hour]), hourly[None], own.mean[None], record.errors_before(np.array([present]))
        )
        change = _hour_values(own.first_hour, calibration.combined(views)[0] - hourly, provider.starts)
        values = np.where(np.isnan(change), provider.values, provider.values + change)
        corrected = StepSeries(provider.starts, provider.ends, np.clip(values, 0.0, IMPLAUSIBLE_G_PER_KWH))
        return _joined(issued[-1], own, now, corrected, calibration)

    def _calibrated(self, record: ProviderRecord, now: datetime, present: int) -> Calibration:
        """From past origins, at each with the newest issue of that time: judged anew every few hours."""
        turn = self._history.index_at(now) // _JUDGED_EVERY_H
        if self._calibration is None or self._calibration[0] != turn:
            self._calibration = turn, self._judged(record, now, present)
        return self._calibration[1]

    def _judged(self, record: ProviderRecord, now: datetime, present: int) -> Calibration:
        first = max(record.first, present - int(_JUDGED_OVER / timedelta(hours=1)), 1)
        origins = np.arange(present - 1, first - 1, -_ORIGINS_APART_H)[::-1]
        seen = self._builtin.seen_then([self._history.hour_at(int(origin)) for origin in origins], now)
        own = [view.mean for view in seen if view is not None]
        there = origins[[view is not None for view in seen]]
        views = Views(
            self._history.first_hour + there,
            provider=_rows([record.from_origin(int(origin)) for origin in there]),
            own=_rows(own),
            errors=record.errors_before(there),
        )
        known = self._history.values[:present]
        return calibrated(views, _rows([_week_after(known, int(origin)) for origin in there]), _ORIGINS_APART_H / 24)

    def _record(self, issued: list[CarbonForecast], now: datetime) -> ProviderRecord:
        begin = now - _JUDGED_OVER - timedelta(days=1)
        kept = _thinned([issue for issue in issued if begin <= issue.issued_at])
        hours = [self._history.index_at(issue.issued_at) for issue in kept]
        return ProviderRecord(
            np.array(hours, dtype=np.int64),
            _rows([self._hourly(issue) for issue in kept]),
            self._history.values[: max(self._history.index_at(now + timedelta(hours=1)), 0)],
        )

    def _hourly(self, issue: CarbonForecast) -> Floats:
        """By lead from the hour of its issue on; reckoned once for each issue."""
        known = self._by_lead.get(issue.issued_at)
        if known is None or known[0] is not issue:
            first_hour = self._history.first_hour + self._history.index_at(issue.issued_at)
            known = issue, hourly_by_lead(issue.expected, first_hour)
            self._by_lead[issue.issued_at] = known
        return known[1]


def _joined(
    issue: CarbonForecast, own: HourlyForecast, now: datetime, provider: StepSeries, judged: Calibration | None
) -> CarbonForecast:
    """The provider's stretch, then our own, moved at the seam to meet it; the move fades over half a day."""
    mine = own.series(own.mean)
    end = float(provider.ends[-1])
    last = StepSeries(provider.starts[-1:], provider.ends[-1:], provider.values[-1:])
    step = last.values[0] - _hour_values(own.first_hour, own.mean, last.starts)[0]
    after = np.maximum(mine.starts - end, 0.0)
    moved = mine.values + np.nan_to_num(step) * np.exp(-after / _SEAM_FADES_S)
    mine = StepSeries(mine.starts, mine.ends, np.clip(moved, 0.0, IMPLAUSIBLE_G_PER_KWH))
    expected = provider.filled_from(mine)
    method = f"{issue.method}+{BUILT_IN_METHOD}"
    if judged is None or own.quantiles is None:
        return CarbonForecast(issue.key, issue.issued_at, now, expected, method=method)
    low, high = (
        _band(expected, own, judged.distance(own.quantiles[row] - own.mean, side)) for row, side in ((0, -1), (-1, 1))
    )
    return CarbonForecast(issue.key, issue.issued_at, now, expected, low, high, method)


def _band(expected: StepSeries, own: HourlyForecast, distance: Floats) -> StepSeries:
    away = np.nan_to_num(_hour_values(own.first_hour, distance, expected.starts))
    return StepSeries(expected.starts, expected.ends, np.clip(expected.values + away, 0.0, IMPLAUSIBLE_G_PER_KWH))


def _hour_values(first_hour: int, values: Floats, moments: Floats) -> Floats:
    """The hourly value that holds at each moment; NaN outside."""
    row = (moments // HOUR_S - first_hour).astype(np.int64)
    inside = (row >= 0) & (row < values.size)
    return np.where(inside, values[np.clip(row, 0, values.size - 1)], np.nan)


def hourly_by_lead(expected: StepSeries, first_hour: int) -> Floats:
    """Hourly means of an issue over its first week; NaN where it is silent."""
    edges = np.arange(first_hour, first_hour + HORIZON + 1, dtype=np.float64) * HOUR_S
    totals, covered = expected.integrals(edges[:-1], edges[1:])
    return np.where(covered > HOUR_S / 2, totals / np.maximum(covered, 1.0), np.nan)


def _week_after(values: Floats, origin: int) -> Floats:
    week = values[origin : origin + HORIZON]
    return np.concatenate((week, np.full(HORIZON - week.size, np.nan)))


def _thinned(issues: list[CarbonForecast]) -> list[CarbonForecast]:
    """At most one in six hours, the newest."""
    seconds = ISSUES_APART.total_seconds()
    newest = {issue.issued_at.timestamp() // seconds: issue for issue in issues}
    return list(newest.values())


def _rows(rows: list[Floats]) -> Floats:
    return np.stack(rows) if rows else np.empty((0, HORIZON))
