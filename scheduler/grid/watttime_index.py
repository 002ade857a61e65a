"""WattTime's index: where the marginal intensity of now stands among those of other times, 0 for clean to 100."""

from __future__ import annotations

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus
from scheduler.domain.intervals import Interval
from scheduler.grid import reader
from scheduler.grid.reader import Row
from scheduler.grid.watttime_signal import RegionSignal

SIGNAL_INDEX = "v3/signal-index"
PERCENTILE = "percentile"
NOTE = "an index has no grams: jobs run at once, and no emissions are reckoned with it"


class WattTimeIndex(RegionSignal):
    """One point, that of now; its values are hundredths and not grams, under a key of their own."""

    PATHS = frozenset({SIGNAL_INDEX})

    async def forecast(self) -> CarbonForecast | None:
        return None

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        if not interval.start <= now or not await self._may(SIGNAL_INDEX):
            return ()
        body = await self._ask(SIGNAL_INDEX, {}, PERCENTILE)
        rows = [self._row(at, value) for at, value, _ in self._points(body) if at.start <= now]
        return reader.observations_of(
            self._capabilities.key, reader.overlapping(self._read.in_order(rows), interval), now
        )

    def _row(self, interval: Interval, value: object) -> Row:
        hundredths = self._read.number("value", value)
        if not 0 <= hundredths <= 100:
            raise self._read.wrong(f"value = {hundredths:g} is no percentile")
        return Row(interval, hundredths, IntensityStatus.ACTUAL, None, hundredths, PERCENTILE)
