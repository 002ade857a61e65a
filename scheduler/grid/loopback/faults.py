"""What can go wrong with a provider, to be switched on one by one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from scheduler.grid.loopback.grid import Slot


class Fault(StrEnum):
    """A fault of the whole answer, of its zone, or of its rows."""

    SERVER_ERROR = "server-error"
    RATE_LIMITED = "rate-limited"
    UNAUTHORISED = "unauthorised"
    """401, to a good key: how one provider limits requests."""
    FORBIDDEN_HTML = "forbidden-html"
    STALL = "stall"
    DRIP = "drip"
    """The body comes, but never ends in time."""
    HANG_UP = "hang-up"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    OVERSIZED = "oversized"
    REDIRECT = "redirect"
    """To another host."""
    CONTENT_TYPE = "content-type"
    """The right answer, said to be HTML."""
    CLOCK_SKEW = "clock-skew"
    """The service's clock is two hours ahead, by its `Date`."""

    WRONG_ZONE = "wrong-zone"

    NAN = "nan"
    NEGATIVE = "negative"
    IMPLAUSIBLE = "implausible"
    NOT_A_NUMBER = "not-a-number"
    OUT_OF_ORDER = "out-of-order"
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"
    MISSING_SLOT = "missing-slot"
    NULL = "null"
    """Every fifth value is null, where a dialect has a null."""
    LATE = "late"
    """What was observed in the last six hours is not published yet."""
    REVISED = "revised"
    """Every value that was observed is a tenth higher than it was said to be before."""
    MODEL_SWITCH = "model-switch"
    """As `REVISED`, and said to be of a new model by whom names one."""


LATE_BY = timedelta(hours=6)
REVISED_BY = 1.1
BAD_VALUES: dict[Fault, float | str] = {
    Fault.NAN: float("nan"),
    Fault.NEGATIVE: -5,
    Fault.IMPLAUSIBLE: 987_654,
    Fault.NOT_A_NUMBER: "about 200",
}


@dataclass(frozen=True, slots=True)
class Switched:
    fault: Fault
    times: int | None = None
    """How many answers it spoils; None: all."""
    retry_after: str | None = None
    """`RATE_LIMITED`, `SERVER_ERROR`: the header's value, seconds or an HTTP date."""


class Switchboard:
    """The faults that are on. Threads of the server read it while a test turns them on and off."""

    def __init__(self) -> None:
        self._on: dict[Fault, Switched] = {}
        self._lock = threading.Lock()

    def turn_on(self, fault: Fault, times: int | None = None, retry_after: str | None = None) -> None:
        with self._lock:
            self._on[fault] = Switched(fault, times, retry_after)

    def turn_off(self) -> None:
        with self._lock:
            self._on.clear()

    def take(self) -> dict[Fault, Switched]:
        """The faults of one answer; each is counted."""
        with self._lock:
            taken = dict(self._on)
            for fault, switched in taken.items():
                if switched.times is not None:
                    self._count_down(fault, switched.times)
        return taken

    def _count_down(self, fault: Fault, times: int) -> None:
        if times <= 1:
            del self._on[fault]
        else:
            self._on[fault] = Switched(fault, times - 1, self._on[fault].retry_after)


def bent(slots: list[Slot], faults: Mapping[Fault, Switched]) -> list[Slot]:
    """The rows with the faults of rows done to them; the first row stays good."""
    rows = list(slots)
    if Fault.REVISED in faults or Fault.MODEL_SWITCH in faults:
        rows = [row.with_actual(round(row.actual * REVISED_BY, 1)) if row.actual is not None else row for row in rows]
    for fault, value in BAD_VALUES.items():
        if fault in faults:
            rows = rows[:1] + [row.with_value(value) for row in rows[1:]]
    if Fault.OUT_OF_ORDER in faults:
        rows = rows[:1] + rows[:0:-1]
    if Fault.DUPLICATE in faults:
        rows = [row for row in rows for _ in range(2)]
    if Fault.CONTRADICTION in faults:
        rows = [version for row in rows for version in (row, row.with_value(row.forecast + 1))]
    if Fault.MISSING_SLOT in faults:
        rows = [row for number, row in enumerate(rows) if number % 5 != 1]
    if Fault.NULL in faults:
        rows = [row.without_value() if number % 5 == 1 else row for number, row in enumerate(rows)]
    return rows
