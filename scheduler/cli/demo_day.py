"""The day that the demonstration replays: a provider's yesterday, or a sample day of our own making."""

from __future__ import annotations

import asyncio
import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scheduler.domain.errors import CarbonqError

SLOT = timedelta(minutes=30)
LENGTH = timedelta(hours=36)
LIVE_ANSWER_WITHIN = timedelta(seconds=2)
SAMPLE_START = datetime(2026, 3, 10, 12, tzinfo=UTC)

Rows = Sequence[tuple[datetime, float]]


@dataclass(frozen=True, slots=True)
class DemoDay:
    """Half-hourly (start, g/kWh) rows; `said` names where they come from, in words for the screen."""

    said: str
    zone: str
    actual: Rows
    forecast: Rows

    def best_origin(self) -> datetime:
        """A dirty half hour with a clean one about nine hours later: where the replay is worth watching."""
        values = [value for _, value in self.actual]
        reach, back = int(timedelta(hours=9) / SLOT), int(timedelta(hours=2) / SLOT)
        usable = range(back, len(values) - 2 * reach)
        best = max(usable, key=lambda n: values[n] - min(values[n + reach - 4 : n + reach + 4]))
        return self.actual[best][0]


def sample_day() -> DemoDay:
    """An evening peak and a windy night, with a forecast that is a little wrong; made up, and said to be."""
    slots = [SAMPLE_START + n * SLOT for n in range(int(LENGTH / SLOT))]
    actual = [(at, _sample_intensity(at)) for at in slots]
    forecast = [(at, value * (1 + 0.06 * math.sin(n / 3))) for n, (at, value) in enumerate(actual)]
    return DemoDay("a sample day of our own making (not a real grid)", "GB", actual, forecast)


def _sample_intensity(at: datetime) -> float:
    hour = at.hour + at.minute / 60
    evening = 160 * math.exp(-(((hour - 18) / 2.2) ** 2))
    morning = 70 * math.exp(-(((hour - 8) / 2.0) ** 2))
    night = -110 * math.exp(-((((hour - 3 + 12) % 24 - 12) / 2.6) ** 2))
    return 225 + evening + morning + night


def live_day(zone: str, base_url: str | None) -> DemoDay:
    """What the zone's keyless provider says of the last day and a half; CarbonqError when it does not answer."""
    from scheduler.daemon.clock import SystemClock
    from scheduler.grid.past_day import past_day
    from scheduler.grid.settings import SourceSettings

    settings = SourceSettings(zone=zone, base_url=base_url, timeout=LIVE_ANSWER_WITHIN)
    day = asyncio.run(past_day(settings, SystemClock(), LENGTH, LIVE_ANSWER_WITHIN))
    actual = _half_hours([(interval.start, value) for interval, value in day.actual])
    if len(actual) < 48:
        raise CarbonqError(f"{day.title} gave {len(actual)} half hours of the last day and a half, too few to replay")
    forecast = _half_hours([(interval.start, value) for interval, value in day.forecast])
    return DemoDay(f"the last day and a half of zone {zone}, from {day.title}", zone, actual, forecast or actual)


def _half_hours(rows: Rows) -> Rows:
    """Means of half hours, so that every provider's day replays in steps of one length; holes take the last value."""
    by_slot: dict[datetime, list[float]] = {}
    for at, value in rows:
        by_slot.setdefault(datetime.fromtimestamp(at.timestamp() // 1800 * 1800, UTC), []).append(value)
    if not by_slot:
        return []
    means = {at: sum(values) / len(values) for at, values in by_slot.items()}
    filled, at, last = [], min(means), 0.0
    while at <= max(means):
        last = means.get(at, last)
        filled.append((at, last))
        at += SLOT
    return filled


def choose_day(zone: str | None, base_url: str | None) -> tuple[DemoDay, str | None]:
    """The live day of the zone (the machine's own unless one is named), else the sample; and why not the live one."""
    wanted = zone or _zone_of_this_machine() or "GB"
    try:
        return live_day(wanted, base_url), None
    except (CarbonqError, ValueError) as error:
        return sample_day(), f"zone {wanted} cannot be replayed now ({error})"


def _zone_of_this_machine() -> str | None:
    from scheduler.grid.time_zone import country_of_time_zone, machine_time_zone

    time_zone = machine_time_zone(os.environ)
    return country_of_time_zone(time_zone) if time_zone else None


def write_day(day: DemoDay, folder: Path) -> tuple[Path, Path]:
    """The files that the `recorded` provider replays: series and forecast."""
    series, forecast = folder / "series.csv", folder / "forecast.csv"
    value = "carbon_intensity_g_per_kwh"
    _write(series, ["start", value], [[at.isoformat(), f"{g:.2f}"] for at, g in day.actual])
    issued = min(at for at, _ in day.actual)
    rows = [[issued.isoformat(), at.isoformat(), f"{g:.2f}"] for at, g in day.forecast]
    _write(forecast, ["issued_at", "start", value], rows)
    return series, forecast


def _write(file: Path, header: list[str], rows: list[list[str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)
