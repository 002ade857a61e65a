"""What is known of past intensity: the part that is settled, and the best there is for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SignalKind
from scheduler.domain.series import StepSeries


@dataclass(frozen=True, slots=True)
class IntensityHistory:
    """Intensity [gCO2eq/kWh] of one series key."""

    final: StepSeries
    """Published, and old enough that the provider no longer revises it."""
    known: StepSeries
    """`final`, then what is published and may yet be revised, then the newest forecast of each moment."""


def intensity_history(
    observations: Iterable[IntensityObservation],
    forecasts: Iterable[CarbonForecast],
    now: datetime,
    settle_after: timedelta,
    estimates_settle_after: timedelta,
) -> IntensityHistory:
    """All of one series key; where two observations have one start, the one fetched last holds.

    An index has no grams, so nothing is known from it.
    """
    observations = [o for o in observations if o.key.kind is not SignalKind.INDEX]
    forecasts = [f for f in forecasts if f.key.kind is not SignalKind.INDEX]
    newest: dict[datetime, IntensityObservation] = {}
    for observation in sorted(observations, key=lambda o: o.fetched_at):
        newest[observation.interval.start] = observation
    final = _series(
        o for o in newest.values() if now - o.interval.end >= _patience(o, settle_after, estimates_settle_after)
    )
    known = _series(newest.values())
    for forecast in sorted(forecasts, key=lambda f: f.issued_at, reverse=True):
        known = known.filled_from(forecast.expected)
    return IntensityHistory(final, known)


def _series(observations: Iterable[IntensityObservation]) -> StepSeries:
    return StepSeries.of((o.interval, o.g_per_kwh) for o in observations)


def _patience(observation: IntensityObservation, actual: timedelta, estimate: timedelta) -> timedelta:
    """Age from which the value is no longer expected to change."""
    if observation.status is IntensityStatus.FORECAST:
        return timedelta.max
    return actual if observation.status is IntensityStatus.ACTUAL else max(actual, estimate)
