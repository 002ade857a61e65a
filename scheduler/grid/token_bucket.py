"""How often one provider is asked: a bucket of tokens that fills evenly, one token a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests at once, and after them so many in every such stretch of time."""

    requests: int
    per: timedelta

    @property
    def refill(self) -> timedelta:
        """Time in which one token comes back."""
        return self.per / self.requests


class TokenBucket:
    """Full at first. Tokens may be taken before they are there: then the taker waits for its own."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._empty_at: datetime | None = None
        """The moment at which it was, or will have been, refilled from nothing: its level is the time since then."""

    def wait(self, now: datetime) -> timedelta:
        """How long until there is a token."""
        return max(timedelta(0), self._since(now) + self._limit.refill - now)

    def take(self, now: datetime) -> timedelta:
        """Take one, and say how long to wait before it may be used."""
        wait = self.wait(now)
        self._empty_at = self._since(now) + self._limit.refill
        return wait

    def _since(self, now: datetime) -> datetime:
        full = now - self._limit.per
        return full if self._empty_at is None else max(self._empty_at, full)
