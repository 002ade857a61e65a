"""Time: aware, UTC, half-open intervals [start, end)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; a naive datetime is a mistake and raises ValueError."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC)


def from_epoch(seconds: float) -> datetime:
    """The moment `seconds` after 1970-01-01 UTC, rounded to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """[start, end) in UTC; never empty, never backwards."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:
            object.__setattr__(self, "start", utc(self.start))
            object.__setattr__(self, "end", utc(self.end))
        if self.end <= self.start:
            raise ValueError(f"an interval must end after it starts: {self.start} .. {self.end}")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def overlaps(self, other: Interval) -> bool:
        return self.start < other.end and other.start < self.end

    def intersection(self, other: Interval) -> Interval | None:
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    def shifted(self, by: timedelta) -> Interval:
        return Interval(self.start + by, self.end + by)


def total_length(intervals: tuple[Interval, ...]) -> timedelta:
    """Summed lengths; intervals that overlap count twice."""
    return sum((i.length for i in intervals), timedelta(0))
