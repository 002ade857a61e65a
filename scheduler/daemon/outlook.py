"""The forecast to plan on: the provider's newest issue, corrected and carried on by our own forecaster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.carbon import CarbonForecast, SeriesKey, SourceCapabilities
from scheduler.domain.intervals import Interval
from scheduler.forecasting.combination import ISSUES_APART, Combiner
from scheduler.forecasting.linear_model import KNOWN_ENOUGH
from scheduler.ports import Store

LEARN_FROM = timedelta(days=365)
JUDGE_FROM = timedelta(days=60)
_SHORTEST_STEP = timedelta(minutes=1)
"""A series with shorter steps is a replay at speed: it has no hours of the day to learn from."""
_STILL_TRUE = timedelta(hours=1)
"""Whether there is enough to go on from changes slowly: that much older learning still tells."""
_FORESIGHT = "perfect"
"""A forecast made of the series itself; nothing can be added to it."""


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A combiner, when it was made, and the issue that was the newest then."""

    at: datetime
    newest: CarbonForecast | None
    combiner: Combiner


class Outlook:
    """Learns anew when something new is known, once a quarter of an hour at most; on the writer thread."""

    def __init__(self, store: Store, learn_every: timedelta = timedelta(minutes=15)) -> None:
        self._store, self._learn_every = store, learn_every
        self._learnt: dict[SeriesKey, _Learnt] = {}

    def forecast(self, source: SourceCapabilities, now: datetime) -> CarbonForecast | None:
        """None where nothing lies ahead of `now`, or where the source is a constant that nothing can be claimed on."""
        if not source.claims_savings:
            return None
        newest = self._store.latest_forecast(source.key)
        ahead = newest if newest is not None and newest.horizon is not None and newest.horizon > now else None
        if source.resolution < _SHORTEST_STEP or (ahead is not None and ahead.method == _FORESIGHT):
            return ahead
        return self._combiner(source.key, newest, now, self._learn_every).at(now)

    def sees_ahead(self, source: SourceCapabilities, now: datetime) -> bool:
        """Whether the built-in forecaster can go on from what is recorded of `source`, which now gives no forecast."""
        if source.resolution < _SHORTEST_STEP:
            return False
        newest = self._store.latest_forecast(source.key)
        return self._combiner(source.key, newest, now, _STILL_TRUE).own(now) is not None

    def _combiner(
        self, key: SeriesKey, newest: CarbonForecast | None, now: datetime, at_most_old: timedelta
    ) -> Combiner:
        known = self._learnt.get(key)
        young = known is not None and known.newest == newest and timedelta(0) <= now - known.at < at_most_old
        # While little is known each poll may double it, and learning is quick.
        if known is not None and young and known.combiner.hours >= KNOWN_ENOUGH:
            return known.combiner
        series = self._store.intensity(key, Interval(now - LEARN_FROM, now))
        judged = Interval(now - JUDGE_FROM, now + timedelta(microseconds=1))
        issues = self._store.forecasts(key, judged, one_in=ISSUES_APART)
        if newest is not None and newest not in issues:
            issues = (*issues, newest)
        combiner = Combiner(key, series, issues)
        self._learnt[key] = _Learnt(now, newest, combiner)
        return combiner
