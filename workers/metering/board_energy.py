"""From a GPU's readings to its energy: the counter where it holds, power over time where it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scheduler.domain.readings import MeterMethod, ReadingFlag

PERIOD_S = 1.0
"""How often a board is meant to be read."""
LONGEST_TRAPEZOID_S = 3 * PERIOD_S
"""Beyond this two power readings say nothing of what lay between them, and the earlier one is held."""
COUNTER_STEP_S = 1.0
"""Counters move in steps (about 0.1 s on current boards); two quick readings may straddle one."""
LIMIT_OVERSHOOT = 1.5
COMPARED_OVER_S = 60.0
DISAGREEMENT = 0.2


@dataclass(frozen=True, slots=True)
class BoardReading:
    """What one board said at one moment; None where it has no such sensor."""

    counter_j: float | None = None
    counter_t: float | None = None
    """The driver's own time of the counter [s], where it gives one."""
    power_w: float | None = None
    limit_w: float | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    joules: float
    method: MeterMethod
    flags: tuple[ReadingFlag, ...] = ()

    def flagged(self, *flags: ReadingFlag) -> Amount:
        return replace(self, flags=self.flags + flags)


class Agreement:
    """Watches whether counter and polled power tell the same story; says once when they do not."""

    def __init__(self) -> None:
        self._counted_j = self._polled_j = self._span_s = 0.0
        self._told = False

    def broken_by(self, counted_j: float, polled_j: float, elapsed_s: float) -> bool:
        """True the first time a minute or more differs by over a fifth."""
        self._counted_j += counted_j
        self._polled_j += polled_j
        self._span_s += elapsed_s
        if self._told or self._span_s < COMPARED_OVER_S:
            return False
        larger = max(self._counted_j, self._polled_j)
        self._told = abs(self._counted_j - self._polled_j) > DISAGREEMENT * larger
        self._counted_j = self._polled_j = self._span_s = 0.0
        return self._told


class BoardEnergy:
    """One board's energy, reading by reading: never negative, and nothing lost that the counter still knows.

    What is estimated while the counter is silent is set off against the counter when it speaks again.
    """

    def __init__(self) -> None:
        self._counter: BoardReading | None = None
        self._unread_s = 0.0
        """Time since the counter was last read."""
        self._estimated_j = 0.0
        """Booked since then without it."""
        self._power_w: float | None = None
        self._agreement = Agreement()

    def advance(self, reading: BoardReading | None, elapsed_s: float) -> Amount:
        """Energy since the last call, `elapsed_s` ago; `reading` is None while the board cannot be reached."""
        integrated = self._integrated(reading.power_w if reading else None, elapsed_s)
        if reading is None or reading.counter_j is None:
            self._unread_s += elapsed_s
            self._estimated_j += integrated.joules
            return integrated
        return self._counted(reading, integrated, elapsed_s)

    def _integrated(self, power_w: float | None, elapsed_s: float) -> Amount:
        before_w, self._power_w = self._power_w, self._power_w if power_w is None else power_w
        if power_w is None:
            held_w, flags = before_w or 0.0, (ReadingFlag.METER_LOST,)
            return Amount(held_w * elapsed_s, MeterMethod.NVML_POWER, flags)
        if before_w is None:
            return Amount(power_w * elapsed_s, MeterMethod.NVML_POWER)
        if elapsed_s > LONGEST_TRAPEZOID_S:
            return Amount(before_w * elapsed_s, MeterMethod.NVML_POWER, (ReadingFlag.INTERPOLATED,))
        return Amount((before_w + power_w) / 2 * elapsed_s, MeterMethod.NVML_POWER)

    def _counted(self, reading: BoardReading, integrated: Amount, elapsed_s: float) -> Amount:
        before, self._counter = self._counter, reading
        silent_s, self._unread_s = self._unread_s, 0.0
        estimated_j, self._estimated_j = self._estimated_j, 0.0
        if before is None:
            return integrated
        gained_j = _gained_j(before, reading, silent_s + elapsed_s)
        if gained_j is None:
            return integrated.flagged(ReadingFlag.COUNTER_RESET)
        self._estimated_j = max(0.0, estimated_j - gained_j)
        counted = Amount(max(0.0, gained_j - estimated_j), MeterMethod.NVML_COUNTER)
        comparable = not silent_s and not integrated.flags
        if comparable and self._agreement.broken_by(gained_j, integrated.joules, elapsed_s):
            return counted.flagged(ReadingFlag.COUNTER_DISAGREES)
        return counted


def _gained_j(before: BoardReading, now: BoardReading, elapsed_s: float) -> float | None:
    """What the counter gained; None when it cannot have counted through: the driver or the board was reset."""
    assert before.counter_j is not None and now.counter_j is not None
    gained_j = now.counter_j - before.counter_j
    if before.counter_t is not None and now.counter_t is not None:
        elapsed_s = max(elapsed_s, now.counter_t - before.counter_t)
    if gained_j < 0:
        return None
    if now.limit_w and gained_j > LIMIT_OVERSHOOT * now.limit_w * (elapsed_s + COUNTER_STEP_S):
        return None
    return gained_j
