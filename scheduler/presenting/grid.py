"""What is known of the grid just now, how fresh it is, and from whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.carbon import (
    CarbonForecast,
    IntensityObservation,
    IntensityStatus,
    SignalKind,
    SourceCapabilities,
)
from scheduler.presenting.chain import Answer, answer
from scheduler.presenting.plan import intensity_slots
from scheduler.service_views.grid import Freshness, GridForecastView, GridNow


@dataclass(frozen=True, slots=True)
class GridCase:
    """One source and what it has said; None where it has said nothing."""

    capabilities: SourceCapabilities
    forecast: CarbonForecast | None
    newest: IntensityObservation | None
    """The observation that covers now, or else the last one published."""
    last_error: str | None
    failing: bool
    next_poll_at: datetime | None
    notes: tuple[str, ...]
    now: datetime
    stale_after: timedelta


def freshness(case: GridCase) -> Freshness:
    """Fresh while the provider answers and its forecast is not old; stale with its age after that; none without one."""
    forecast, horizon = case.forecast, case.forecast.horizon if case.forecast else None
    if forecast is None or horizon is None or horizon <= case.now:
        return Freshness.NONE
    old = case.now - forecast.fetched_at > case.stale_after
    return Freshness.STALE if case.failing or old else Freshness.FRESH


def case_answer(case: GridCase) -> Answer:
    """Who is planned with: nobody where the newest forecast has run out."""
    ahead = case.forecast if freshness(case) is not Freshness.NONE else None
    return answer(case.capabilities, ahead, case.last_error)


def grid_now(case: GridCase) -> GridNow:
    key, answered = case.capabilities.key, case_answer(case)
    value, status, start, end, fetched = _present_value(case)
    return GridNow(
        zone=key.zone,
        source=key.source,
        kind=key.kind,
        accounting=key.accounting,
        basis=key.basis,
        g_per_kwh=value,
        status=status,
        start=start,
        end=end,
        age_s=(case.now - fetched).total_seconds() if fetched else None,
        freshness=freshness(case),
        forecast_issued_at=case.forecast.issued_at if case.forecast else None,
        forecast_age_s=case.forecast.age(case.now).total_seconds() if case.forecast else None,
        last_error=case.last_error,
        next_poll_at=case.next_poll_at,
        link=answered.link,
        forecast_by=answered.words,
        because=answered.because,
        links=answered.links,
        observed_until=case.newest.interval.end if case.newest else None,
        attribution=case.capabilities.attribution,
        licence=case.capabilities.licence,
        notes=(*case.notes, *answered.because, *_index_note(case)),
    )


def grid_forecast(case: GridCase) -> GridForecastView:
    key, forecast, answered = case.capabilities.key, case.forecast, case_answer(case)
    return GridForecastView(
        zone=key.zone,
        source=key.source,
        kind=key.kind,
        accounting=key.accounting,
        basis=key.basis,
        method=forecast.method if forecast else None,
        issued_at=forecast.issued_at if forecast else None,
        fetched_at=forecast.fetched_at if forecast else None,
        age_s=forecast.age(case.now).total_seconds() if forecast else None,
        freshness=freshness(case),
        link=answered.link,
        forecast_by=answered.words,
        because=answered.because,
        slots=intensity_slots(forecast),
        attribution=case.capabilities.attribution,
    )


_Present = tuple[float | None, IntensityStatus | None, datetime | None, datetime | None, datetime | None]


def _present_value(case: GridCase) -> _Present:
    """The published value that covers now, else the forecast's, else the last published one."""
    newest, forecast = case.newest, case.forecast
    if case.capabilities.key.kind is SignalKind.INDEX:
        return None, None, None, None, newest.fetched_at if newest else None  # Its values are no grams.
    if newest is not None and case.now in newest.interval:
        return newest.g_per_kwh, newest.status, newest.interval.start, newest.interval.end, newest.fetched_at
    if forecast is not None:
        for interval, value in forecast.expected.rows():
            if case.now in interval:
                return value, IntensityStatus.FORECAST, interval.start, interval.end, forecast.fetched_at
    if newest is not None:
        return newest.g_per_kwh, newest.status, newest.interval.start, newest.interval.end, newest.fetched_at
    return None, None, None, None, None


def _index_note(case: GridCase) -> tuple[str, ...]:
    """An index in words: it must not stand where grams are read."""
    newest = case.newest
    if newest is None or newest.key.kind is not SignalKind.INDEX:
        return ()
    at = newest.interval.start
    return (f"index at {at:%Y-%m-%d %H:%M} UTC: {newest.g_per_kwh:g} (0 is clean, 100 is not)",)
