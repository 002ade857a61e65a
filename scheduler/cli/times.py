"""Times as people write and read them, in the user's zone.

A local time that a clock change makes occur twice, or not at all, has two readings; the earlier one is taken and said.
`zone` is the user's (TZ, else the system's) when None.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from scheduler.cli.failures import Failure
from scheduler.domain.durations import FARTHEST, parse_duration

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
FORMS = '"2026-11-24 09:00", "tomorrow 09:00", "friday 18:00", "18:00", or ISO 8601 with a zone'
SINCE_FORMS = '"2026-11-01", "yesterday", "7d" (ago), or "2026-11-24 09:00"'
"""Of moments to look back to."""


def now() -> datetime:
    from scheduler.daemon.clock import SystemClock

    return SystemClock().now()


def length(text: str, option: str) -> timedelta:
    """The length of time given to `option`."""
    try:
        value = parse_duration(text)
    except ValueError as error:
        raise Failure(f"{option}: {error}") from None
    if value <= timedelta(0):
        raise Failure(f"{option}: '{text}' is no time at all; write it like 90s, 45m, 8h or 1d12h")
    if value > FARTHEST:
        raise Failure(f"{option}: '{text}' is longer than ten years; write it like 90s, 45m, 8h or 1d12h")
    return value


def moment(
    text: str, option: str, now: datetime, zone: tzinfo | None = None, forms: str = FORMS
) -> tuple[datetime, str | None]:
    """The moment meant by `text`, in UTC, and a remark where a clock change made it ambiguous."""
    words = text.strip()
    absolute = _iso(words)
    if absolute is not None and absolute.tzinfo is not None:
        return in_utc(absolute, text, option), None
    local = absolute or _relative(words.lower(), now.astimezone(zone).replace(tzinfo=None))
    if local is None:
        raise Failure(f"{option}: '{text}' is not a time; write it like {forms}")
    with _within_range(text, option):
        return _earlier_reading(local, zone)


def since(text: str, option: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """A moment to look back to: a time, a date (its first moment), or how long ago (`7d`, `12h`)."""
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    today = now.astimezone(zone).date()
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    day = named.get(text.strip().lower()) or _iso_date(text.strip())
    if day is None:
        return moment(text, option, now, zone, SINCE_FORMS)[0]
    with _within_range(text, option):
        return _earlier_reading(datetime.combine(day, time()), zone)[0]


def in_utc(absolute: datetime, text: str, option: str) -> datetime:
    """A moment with a zone."""
    with _within_range(text, option):
        return absolute.astimezone(UTC)


def parse_stamp(stamp: str) -> datetime:
    """A moment as the API writes it."""
    return datetime.fromisoformat(stamp)


def shown(stamp: str | None, now: datetime, zone: tzinfo | None = None) -> str:
    """A moment in few characters: `17:00` today, `Tue 02:30` within six days, else with its date."""
    if stamp is None:
        return "–"
    local, today = parse_stamp(stamp).astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if abs((local.date() - today).days) <= 6 and local.date() > today:
        return f"{local:%a %H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"


def span(start: str, end: str, now: datetime, zone: tzinfo | None = None) -> str:
    """`Tue 02:30 to 06:30`: the day once where it is one, seconds where minutes would say nothing."""
    first, last = parse_stamp(start).astimezone(zone), parse_stamp(end).astimezone(zone)
    clock = "%H:%M:%S" if last - first < timedelta(minutes=10) else "%H:%M"
    day = shown(start, now, zone).removesuffix(f"{first:%H:%M}")
    if first.date() == last.date():
        return f"{day}{first:{clock}} to {last:{clock}}"
    return f"{day}{first:{clock}} to {shown(end, now, zone)}"


def shown_fully(stamp: str | None, zone: tzinfo | None = None) -> str:
    """A moment with date and zone."""
    return "–" if stamp is None else f"{parse_stamp(stamp).astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"


@contextlib.contextmanager
def _within_range(text: str, option: str) -> Iterator[None]:
    """Some zone has another year at either end of what can be counted."""
    try:
        yield
    except (OverflowError, ValueError):
        raise Failure(f"{option}: '{text}' is out of the range of times that can be reckoned with") from None


def _iso(text: str) -> datetime | None:
    """ISO 8601 with a time of day: a date alone is no moment."""
    try:
        return None if _iso_date(text) else datetime.fromisoformat(text)
    except ValueError:
        return None


def _iso_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _relative(text: str, local_now: datetime) -> datetime | None:
    """`18:00` (the next one), `today 18:00`, `tomorrow 09:00`, `fri 18:00` (the next one)."""
    day_word, _, clock_word = text.rpartition(" ")
    clock = _clock(clock_word)
    if clock is None:
        return None
    today = datetime.combine(local_now.date(), clock)
    if not day_word:
        return today if today > local_now else today + timedelta(days=1)
    if day_word in ("today", "tomorrow"):
        return today + timedelta(days=("today", "tomorrow").index(day_word))
    weekday = next((i for i, d in enumerate(_DAYS) if len(day_word) >= 3 and d.startswith(day_word)), None)
    if weekday is None:
        return None
    ahead = today + timedelta(days=(weekday - today.weekday()) % 7)
    return ahead if ahead > local_now else ahead + timedelta(days=7)


def _clock(text: str) -> time | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups())
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _earlier_reading(local: datetime, zone: tzinfo | None) -> tuple[datetime, str | None]:
    readings = sorted(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if readings[0] == readings[1]:
        return readings[0], None
    exists = readings[0].astimezone(zone).replace(tzinfo=None, fold=0) == local
    how = "occurs twice" if exists else "does not occur"
    taken = f"{readings[0].astimezone(zone):%Y-%m-%d %H:%M %Z}"
    return readings[0], f"{local:%Y-%m-%d %H:%M} {how}, for the clocks change; taken as {taken}"
