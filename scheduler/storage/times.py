"""Moments and lengths of time as whole microseconds, exact both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scheduler.domain.intervals import utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def moment_us(moment: datetime) -> int:
    return (utc(moment) - EPOCH) // MICROSECOND


def moment(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def length_us(length: timedelta) -> int:
    return length // MICROSECOND


def length(us: int) -> timedelta:
    return timedelta(microseconds=us)


def moment_us_or_none(value: datetime | None) -> int | None:
    return None if value is None else moment_us(value)


def moment_or_none(us: int | None) -> datetime | None:
    return None if us is None else EPOCH + timedelta(microseconds=us)


def length_us_or_none(value: timedelta | None) -> int | None:
    return None if value is None else value // MICROSECOND


def length_or_none(us: int | None) -> timedelta | None:
    return None if us is None else timedelta(microseconds=us)
