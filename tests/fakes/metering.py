"""Metered energy and grid history made to order, in hours from noon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from fakes.clock import NOON
from fakes.queue import HOUR

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod
from scheduler.domain.runs import SegmentId
from scheduler.domain.series import StepSeries
from scheduler.domain.units import Energy

KEY = SeriesKey("neso", "GB")
FIVE_MINUTES = timedelta(minutes=5)


def hours(start: float, end: float) -> Interval:
    return Interval(NOON + start * HOUR, NOON + end * HOUR)


def a_slice(seq: int, interval: Interval, joules: float, method: MeterMethod = MeterMethod.NVML_COUNTER) -> EnergySlice:
    return EnergySlice(seq, interval, (ComponentEnergy(Component.GPU, "GPU-0", Energy(joules), method),))


def slices_at(segment: SegmentId, start: float, end: float, watts: float) -> tuple[tuple[SegmentId, EnergySlice], ...]:
    """Five-minute slices of constant power, between two hours from noon."""
    moment, stop, slices = NOON + start * HOUR, NOON + end * HOUR, []
    while moment < stop:
        interval = Interval(moment, min(moment + FIVE_MINUTES, stop))
        slices.append((segment, a_slice(len(slices) + 1, interval, watts * interval.length.total_seconds())))
        moment = interval.end
    return tuple(slices)


def observed(
    values: Sequence[float | None],
    *,
    first: float = 0,
    status: IntensityStatus = IntensityStatus.ACTUAL,
    fetched_at: datetime = NOON + 100 * HOUR,
) -> tuple[IntensityObservation, ...]:
    """Hourly intensity [g/kWh] from `first` hours after noon; None is an hour that nobody published."""
    return tuple(
        IntensityObservation(KEY, hours(first + n, first + n + 1), value, status, fetched_at)
        for n, value in enumerate(values)
        if value is not None
    )


def a_forecast(values: Sequence[float], *, first: float = 0, issued: float = 0) -> CarbonForecast:
    """Hourly forecast from `first` hours after noon, issued `issued` hours after noon."""
    rows = [(hours(first + n, first + n + 1), value) for n, value in enumerate(values)]
    issued_at = NOON + issued * HOUR
    return CarbonForecast(KEY, issued_at, issued_at, StepSeries.of(rows))
