"""Reads a provider's answer: what it documents, or CarbonDataInvalid naming provider, field and value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduler.domain.carbon import (
    IMPLAUSIBLE_G_PER_KWH,
    CarbonForecast,
    IntensityObservation,
    IntensityStatus,
    SeriesKey,
)
from scheduler.domain.errors import CarbonDataInvalid
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries


@dataclass(frozen=True, slots=True)
class Row:
    """One interval of an answer, already in gCO2eq/kWh, with what the provider said beside the number."""

    interval: Interval
    g_per_kwh: float
    status: IntensityStatus = IntensityStatus.ACTUAL
    updated_at: datetime | None = None
    raw_value: float | None = None
    raw_unit: str = "gCO2eq/kWh"


@dataclass(frozen=True, slots=True)
class Reader:
    provider: str

    def wrong(self, what: str) -> CarbonDataInvalid:
        return CarbonDataInvalid(f"{self.provider}: {what}; nothing was stored and it will be asked again")

    def mapping(self, field: str, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self.wrong(f"{field} is {_shown(value)}, not an object")
        return value

    def items(self, field: str, value: object) -> list[object]:
        if not isinstance(value, list):
            raise self.wrong(f"{field} is {_shown(value)}, not a list")
        return value

    def member(self, body: object, *path: str) -> object:
        """What lies under `path`; a missing step is named whole."""
        for depth, name in enumerate(path):
            here = self.mapping(".".join(path[:depth]) or "the answer", body)
            if name not in here:
                raise self.wrong(f"the answer has no '{'.'.join(path[: depth + 1])}'")
            body = here[name]
        return body

    def number(self, field: str, value: object) -> float:
        """A finite number; `true` is none, text is none."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(f"{field} = {_shown(value)} is not a number")
        return float(value)

    def amount(self, field: str, value: object) -> float:
        """An amount of power or energy [MW, MWh], as a number or as text; no grid on Earth has a million."""
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self.wrong(f"{field} = {_shown(value)} is not a number") from None
        amount = self.number(field, value)
        if abs(amount) > 1e6:
            raise self.wrong(f"{field} = {_shown(value)} is more than any grid generates")
        return amount

    def count(self, field: str, value: object) -> int:
        """A whole number, as a number or as text."""
        text = str(value)
        if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 10):
            raise self.wrong(f"{field} = {_shown(value)} is not a count")
        return int(text)

    def intensity(self, field: str, value: object, factor: float = 1.0) -> float:
        """A plausible intensity [gCO2eq/kWh]; `factor` turns the provider's unit into ours."""
        g_per_kwh = self.number(field, value) * factor
        if not 0 <= g_per_kwh <= IMPLAUSIBLE_G_PER_KWH:
            raise self.wrong(f"{field} = {_shown(value)} is outside 0 to {IMPLAUSIBLE_G_PER_KWH:,.0f} g/kWh")
        return g_per_kwh

    def moment(self, field: str, value: object, naive: timedelta | None = None) -> datetime:
        """An ISO 8601 moment; without an offset it is refused, unless `naive` says which offset it has."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise self.wrong(f"{field} = {_shown(value)} is not an ISO 8601 time") from None
        if moment.tzinfo is None:
            if naive is None:
                raise self.wrong(f"{field} = {_shown(value)} has no time zone")
            return (moment - naive).replace(tzinfo=UTC)
        return moment.astimezone(UTC)

    def same_zone(self, field: str, asked: object, echoed: object) -> None:
        if echoed != asked:
            raise self.wrong(f"asked for {field} {_shown(asked)}, it answered for {_shown(echoed)}")

    def in_order(self, rows: Iterable[Row]) -> list[Row]:
        """The rows, repeated ones once; out of order, overlapping or contradictory ones are refused."""
        ordered: list[Row] = []
        for row in rows:
            last = ordered[-1] if ordered else None
            if last is None or row.interval.start >= last.interval.end:
                ordered.append(row)
            elif row.interval != last.interval:
                raise self.wrong(f"rows are out of order or overlap: {_at(row)} comes after {_at(last)}")
            elif row.g_per_kwh != last.g_per_kwh:
                raise self.wrong(f"{_at(row)} has two values, {last.g_per_kwh:g} and {row.g_per_kwh:g} g/kWh")
        return ordered


def overlapping(rows: Sequence[Row], interval: Interval) -> list[Row]:
    """The rows that reach into `interval`, whole: providers like to send a slot more than was asked for."""
    return [row for row in rows if row.interval.overlaps(interval)]


def merged(*chunks: Sequence[Row]) -> list[Row]:
    """Rows of several answers by start; where two hold the same slot, the later answer knows better."""
    by_start = {row.interval.start: row for chunk in chunks for row in chunk}
    return [by_start[start] for start in sorted(by_start)]


def forecast_of(
    key: SeriesKey, rows: Sequence[Row], issued_at: datetime, fetched_at: datetime, method: str = "provider"
) -> CarbonForecast:
    expected = StepSeries.of((row.interval, row.g_per_kwh) for row in rows)
    return CarbonForecast(key, issued_at, fetched_at, expected, method=method)


def observations_of(key: SeriesKey, rows: Sequence[Row], fetched_at: datetime) -> tuple[IntensityObservation, ...]:
    return tuple(
        IntensityObservation(
            key,
            row.interval,
            row.g_per_kwh,
            row.status,
            fetched_at,
            row.updated_at,
            row.g_per_kwh if row.raw_value is None else row.raw_value,
            row.raw_unit,
        )
        for row in rows
    )


def floored(moment: datetime, step: timedelta) -> datetime:
    """The last multiple of `step` (counted from 1970) at or before `moment`."""
    seconds = step.total_seconds()
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def past_chunks(interval: Interval, now: datetime, longest: timedelta) -> list[Interval]:
    """What of `interval` can have been observed, in pieces that a provider answers in one request."""
    pieces = []
    start, end = interval.start, min(interval.end, now)
    while start < end:
        pieces.append(Interval(start, min(start + longest, end)))
        start += longest
    return pieces


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _at(row: Row) -> str:
    return f"{row.interval.start:%Y-%m-%d %H:%M} UTC"
