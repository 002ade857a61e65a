"""Tries a source once, so that a person who sets one up sees at once what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.errors import CarbonDataError
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.ports import CarbonSource, Clock

LOOK_BACK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. None: that part was not there, or was never reached."""

    source: str
    zone: str
    works: bool
    error: str | None
    """Why it does not work, with the next step."""
    forecast_until: datetime | None
    observed_until: datetime | None
    observed_slots: int
    notes: tuple[str, ...]
    no_forecast: str | None = None
    """Why it publishes none, where more is known than that."""

    def sentences(self) -> tuple[str, ...]:
        """For a person."""
        if self.error is not None:
            return (f"{self.source} does not work for {self.zone}: {self.error}",)
        lacks = self.no_forecast or "it publishes no forecast"
        return (
            f"{self.source} works for {self.zone}",
            f"forecast until {_shown(self.forecast_until)}" if self.forecast_until else lacks,
            f"{self.observed_slots} values of the last day, up to {_shown(self.observed_until)}"
            if self.observed_until
            else "no values of the last day",
            *self.notes,
        )


async def try_source(settings: SourceSettings, clock: Clock) -> Trial:
    """Ask for the forecast and for the last day. Never raises for the provider's sake."""
    try:
        source = open_source(settings, clock)
    except CarbonDataError as error:
        return Trial(settings.provider, settings.zone, False, str(error), None, None, 0, ())
    try:
        return await _asked(source, clock.now())
    except CarbonDataError as error:
        said = source.capabilities
        return Trial(said.source, said.key.zone, False, str(error), None, None, 0, said.notes)
    finally:
        await source.close()


async def _asked(source: CarbonSource, now: datetime) -> Trial:
    forecast = await source.forecast()
    observed = await source.observations(Interval(now - LOOK_BACK, now))
    said = source.capabilities
    return Trial(
        source=said.source,
        zone=said.key.zone,
        works=forecast is not None or bool(observed),
        error=None if forecast is not None or observed else "it has neither a forecast nor a value of the last day",
        forecast_until=forecast.horizon if forecast else None,
        observed_until=observed[-1].interval.end if observed else None,
        observed_slots=len(observed),
        notes=said.notes,
        no_forecast=said.no_forecast,
    )


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
