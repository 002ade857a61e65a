"""A carbon source that says what a test tells it to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from scheduler.domain.carbon import (
    CarbonForecast,
    IntensityObservation,
    IntensityStatus,
    SeriesKey,
    SourceCapabilities,
)
from scheduler.domain.errors import CarbonDataError
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.ports import Clock

KEY = SeriesKey("fake", "GB")
HOUR = timedelta(hours=1)


def hourly(start: datetime, values: Iterable[float]) -> StepSeries:
    """One value an hour from `start` on."""
    return StepSeries.of(
        (Interval(start + n * HOUR, start + (n + 1) * HOUR), float(value)) for n, value in enumerate(values)
    )


class FakeCarbonSource:
    """Forecasts the part of `ahead` that is still to come, and has observed the part of `past` that is over.

    `ahead` None: this provider publishes no forecast. `error` set: every question ends in it.
    """

    def __init__(
        self,
        clock: Clock,
        ahead: StepSeries | None,
        past: StepSeries | None = None,
        key: SeriesKey = KEY,
        settle_after: timedelta = timedelta(0),
        status: IntensityStatus = IntensityStatus.ACTUAL,
        claims_savings: bool = True,
        recheck_after: tuple[timedelta, ...] = (),
        needs_key: bool = False,
    ) -> None:
        self.clock = clock
        self.ahead = ahead
        self.past = past if past is not None else (ahead or StepSeries.empty())
        self.key = key
        self.settle_after = settle_after
        self.status = status
        self.claims_savings = claims_savings
        self.recheck_after = recheck_after
        self.needs_key = needs_key
        self.error: CarbonDataError | None = None
        self.issued_at: datetime | None = None
        """When the forecast was issued; just now unless a test says otherwise."""
        self.forecasts_asked = 0
        self.asked: list[Interval] = []
        """Every stretch that was asked for."""
        self.closed = False

    @property
    def capabilities(self) -> SourceCapabilities:
        return SourceCapabilities(
            source=self.key.source,
            title="Fake grid",
            key=self.key,
            has_forecast=self.ahead is not None,
            has_actuals=True,
            forecast_horizon=timedelta(days=7) if self.ahead is not None else timedelta(0),
            resolution=HOUR,
            min_poll=timedelta(seconds=1),
            settle_after=self.settle_after,
            needs_key=self.needs_key,
            licence="none",
            attribution="made up for a test",
            claims_savings=self.claims_savings,
            recheck_after=self.recheck_after,
        )

    async def forecast(self) -> CarbonForecast | None:
        self.forecasts_asked += 1
        if self.error is not None:
            raise self.error
        if self.ahead is None:
            return None
        now = self.clock.now()
        horizon = now + self.capabilities.forecast_horizon
        still_to_come = [(slot, value) for slot, value in self.ahead.rows() if slot.end > now and slot.start < horizon]
        return CarbonForecast(self.key, self.issued_at or now, now, StepSeries.of(still_to_come))

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        self.asked.append(interval)
        if self.error is not None:
            raise self.error
        now = self.clock.now()
        return tuple(
            IntensityObservation(self.key, slot, value, self.status, now)
            for slot, value in self.past.rows()
            if slot.overlaps(interval) and slot.end <= now
        )

    async def close(self) -> None:
        self.closed = True
