"""The dialect of Energy-Charts: parallel arrays with null tails, tomorrow's forecast from seven in the evening."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduler.domain.intervals import Interval
from scheduler.grid import zones
from scheduler.grid.loopback.dialect import Reply, Request, bent_slots, json_reply, text_reply
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

SLOT = timedelta(minutes=15)
LOCAL = ZoneInfo("Europe/Berlin")
PUBLISHED_AT = time(19, 0)


class EnergyChartsDialect:
    name = "energy-charts"

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply:
        if request.path != "co2eq":
            return json_reply({"detail": "Not Found"}, 404)
        country = request.param("country")
        if country.upper() not in zones.ENERGY_CHARTS_COUNTRIES:
            return text_reply(f"'{country}' is not the code for an available country.", 400)
        slots = bent_slots(request, grid, self._window(request, grid.now()), SLOT)
        if not slots:
            return json_reply({"detail": "no content available"}, 404)
        cutoff = self._forecast_until(grid.now())
        return json_reply(
            {
                "unix_seconds": [int(slot.interval.start.timestamp()) for slot in slots],
                "co2eq": [slot.shown_actual for slot in slots],
                "co2eq_forecast": [self._forecast(slot, cutoff) for slot in slots],
                "deprecated": False,
            }
        )

    def _window(self, request: Request, now: datetime) -> Interval:
        """What was asked for, or local midnight to the end of tomorrow."""
        if request.param("start"):
            return Interval(
                datetime.fromisoformat(request.param("start")), datetime.fromisoformat(request.param("end"))
            )
        return Interval(_midnight(now, 0), _midnight(now, 2))

    def _forecast_until(self, now: datetime) -> datetime:
        """Half an hour into the next local day; into the day after it once tomorrow is published."""
        published = now.astimezone(LOCAL).time() >= PUBLISHED_AT
        return _midnight(now, 2 if published else 1) + timedelta(minutes=30)

    def _forecast(self, slot: Slot, cutoff: datetime) -> float | str | None:
        return slot.shown_forecast if slot.actual is None and slot.interval.start < cutoff else None


def _midnight(now: datetime, days: int) -> datetime:
    """Local midnight `days` after today's: days of 23 and 25 hours included."""
    return datetime.combine(now.astimezone(LOCAL).date() + timedelta(days=days), time(0), LOCAL)
