"""A yearly factor: enough to account with, never a reason to wait."""

from __future__ import annotations

from datetime import timedelta

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SourceCapabilities
from scheduler.domain.intervals import Interval
from scheduler.grid import reader, zones
from scheduler.grid.catalogue import STATIC
from scheduler.grid.reader import Row
from scheduler.grid.settings import SourceSettings
from scheduler.ports import CarbonSource, Clock

HOUR = timedelta(hours=1)


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    zone = zones.canonical(settings.zone)
    if settings.g_per_kwh is not None:
        return YearlyAverage(zone, settings.g_per_kwh, "the factor is the one from the settings", clock)
    if not zones.has_yearly_factor(zone):
        raise zones.unknown_zone(settings.zone, STATIC.title)
    factor = zones.yearly_factors()[zones.country(zone)]
    note = f"the mean of {factor.country} in {factor.year}, {factor.g_per_kwh:g} g/kWh ({factor.source})"
    return YearlyAverage(zone, factor.g_per_kwh, note, clock)


class YearlyAverage:
    """The same value for every hour; reported as estimated, for no hour was ever measured."""

    def __init__(self, zone: str, g_per_kwh: float, note: str, clock: Clock) -> None:
        self._key = STATIC.key(zone)
        self._g_per_kwh = g_per_kwh
        self._note = note
        self._clock = clock

    @property
    def capabilities(self) -> SourceCapabilities:
        return STATIC.capabilities(self._key, notes=(self._note, "a constant: jobs run at once, nothing is claimed"))

    async def forecast(self) -> CarbonForecast | None:
        return None

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        """Whole hours up to the one that is running: the value does not depend on what is still to come of it."""
        now = self._clock.now()
        rows = []
        start = reader.floored(interval.start, HOUR)
        while start < interval.end and start <= now:
            rows.append(Row(Interval(start, start + HOUR), self._g_per_kwh, IntensityStatus.ESTIMATED))
            start += HOUR
        return reader.observations_of(self._key, rows, now)

    async def close(self) -> None: ...
