"""When a final statement's intensity is asked for again, and how many jobs one question serves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval

NEAR = timedelta(hours=6)
"""Spans no further apart than this are asked for together."""
LONGEST = timedelta(days=31)
"""What is asked for together is no longer than this, unless one job alone is."""


def recheck_due(ended_at: datetime, looked_at: datetime | None, ages: Sequence[timedelta], now: datetime) -> bool:
    """Whether one of `ages`, counted from the job's end, has passed since the last look; several make one look."""
    passed = [ended_at + age for age in ages if ended_at + age <= now]
    return bool(passed) and (looked_at is None or looked_at < max(passed))


def stretches(spans: Iterable[Interval]) -> tuple[Interval, ...]:
    """Few questions that cover all of `spans`, in order of time."""
    together: list[Interval] = []
    for span in sorted(spans):
        joined = Interval(together[-1].start, max(together[-1].end, span.end)) if together else span
        if together and span.start - together[-1].end <= NEAR and joined.length <= LONGEST:
            together[-1] = joined
        else:
            together.append(span)
    return tuple(together)
