"""How a process is brought to an end: ask for a checkpoint, then SIGTERM, then SIGKILL. Pure; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from scheduler.domain.lifecycle import StopReason


class Phase(IntEnum):
    """What the process has been told so far; a stop only ever moves down this list."""

    CHECKPOINT = 1
    TERMINATE = 2
    KILL = 3


SAVES_FIRST = frozenset({StopReason.SUSPEND, None})
"""Reasons that wait for a checkpoint. None: the machine is going down, where saved work is worth most."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """A stop under way: why, how far, and until when (monotonic seconds) this phase has."""

    reason: StopReason | None
    phase: Phase
    until: float
    grace_s: float

    @classmethod
    def begin(cls, reason: StopReason | None, can_checkpoint: bool, grace_s: float, now: float) -> Stopping:
        saves = can_checkpoint and reason in SAVES_FIRST
        return cls(reason, Phase.CHECKPOINT if saves else Phase.TERMINATE, now + grace_s, grace_s)

    def asked_again(self, reason: StopReason | None, now: float) -> Stopping:
        """Changes nothing, but for a suspend that becomes a cancel and no longer waits for a checkpoint."""
        if self.reason is not None and (self.reason, reason) != (StopReason.SUSPEND, StopReason.CANCEL):
            return self
        named = replace(self, reason=reason)
        return named._next(now) if self.phase is Phase.CHECKPOINT and reason not in SAVES_FIRST else named

    def at(self, now: float, checkpoint_written: bool) -> Stopping:
        """The stop as it stands at `now`."""
        if self.phase is Phase.CHECKPOINT and checkpoint_written:
            return self._next(now)
        return self._next(now) if self.phase is not Phase.KILL and now >= self.until else self

    def _next(self, now: float) -> Stopping:
        return replace(self, phase=Phase(self.phase + 1), until=now + self.grace_s)
