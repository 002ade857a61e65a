"""What a dialect is asked and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from scheduler.domain.intervals import Interval
from scheduler.grid.loopback.faults import LATE_BY, Fault, Switched, bent
from scheduler.grid.loopback.grid import LoopbackGrid, Slot

KEY = "loopback-key"
"""Opens everything that needs a key here."""
FREE_KEY = "loopback-free-key"
"""Opens what a free plan would."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came, with the faults its answer is to have."""

    method: str
    path: str
    """Below the dialect's own prefix, without a leading slash."""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    faults: Mapping[Fault, Switched] = field(default_factory=dict)

    def param(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Dialect(Protocol):
    """One provider's way of speaking, mounted under its name."""

    @property
    def name(self) -> str: ...

    def reply(self, request: Request, grid: LoopbackGrid) -> Reply: ...


def json_reply(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def text_reply(text: str, status: int) -> Reply:
    return Reply(status, text.encode(), "text/plain; charset=utf-8")


def bent_slots(request: Request, grid: LoopbackGrid, interval: Interval, step: timedelta) -> list[Slot]:
    """The slots of `interval`, spoiled by the row faults of this answer."""
    if Fault.LATE in request.faults:
        grid = replace(grid, lag=grid.lag + LATE_BY)
    return bent(grid.slots(interval, step), request.faults)
