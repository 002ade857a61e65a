"""How long and how often one request may try, and how long a provider asks us to stay away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from scheduler.domain.intervals import utc
from scheduler.grid.answer import Answer

LONGEST_RETRY_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often one request may try."""

    attempts: int = 3
    timeout: timedelta = timedelta(seconds=10)
    """Of one attempt as a whole, however slowly its body drips."""
    first_backoff: timedelta = timedelta(milliseconds=500)
    longest_sit: timedelta = timedelta(seconds=5)
    """The longest `Retry-After` that is waited out inside the request."""
    most_bytes: int = 16 * 1024 * 1024


def told_to_wait(answer: Answer, now: datetime) -> timedelta | None:
    """How long we are asked to stay away; a date counts from the provider's own clock, for ours may differ."""
    said = answer.headers.get("retry-after", "").strip()
    if not said:
        return None
    if said.isascii() and said.isdigit():
        wait = timedelta(seconds=int(said[:9]))
    else:
        until = _http_date(said)
        if until is None:
            return None
        wait = until - (_http_date(answer.headers.get("date", "")) or now)
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)


def _http_date(text: str) -> datetime | None:
    try:
        return utc(parsedate_to_datetime(text))
    except (ValueError, TypeError):
        return None
