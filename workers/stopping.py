"""How a process is brought to an end: ask for a checkpoint, then SIGTERM, then SIGKILL. Pure; time is an argument.

A suspend waits while the job is `done`, which is: while it says that no step of its training is left. To stop it would
save no energy, only cost what it does last; so it goes on to its end, unless another reason comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from scheduler.domain.lifecycle import StopReason


class Phase(IntEnum):
    """What the process has been told so far; a stop only ever moves down this list."""

    NOTHING = 0
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
    def begin(
        cls, reason: StopReason | None, can_checkpoint: bool, grace_s: float, now: float, done: bool = False
    ) -> Stopping:
        if done and reason is StopReason.SUSPEND:
            return cls(reason, Phase.NOTHING, now, grace_s)
        saves = can_checkpoint and reason in SAVES_FIRST
        return cls(reason, Phase.CHECKPOINT if saves else Phase.TERMINATE, now + grace_s, grace_s)

    def asked_again(self, reason: StopReason | None, now: float, done: bool = False) -> Stopping:
        """Changes nothing, but for a suspend that becomes a cancel and no longer waits for a checkpoint; one that lets
        the job finish gives way to every other reason."""
        if not self._gives_way(reason, done):
            return self
        named = replace(self, reason=reason)
        if reason in SAVES_FIRST:
            return named._next(now) if self.phase is Phase.NOTHING else named
        ends = replace(named, phase=Phase.TERMINATE, until=now + self.grace_s)
        return ends if self.phase < Phase.TERMINATE else named

    def _gives_way(self, reason: StopReason | None, done: bool) -> bool:
        if self.reason is StopReason.SUSPEND:
            return reason is StopReason.CANCEL or (done and reason is not StopReason.SUSPEND)
        # Where the machine goes down, a suspend must not become a reason to stay.
        return self.reason is None and not (done and reason is StopReason.SUSPEND)

    def at(self, now: float, checkpoint_written: bool, done: bool = False) -> Stopping:
        """The stop as it stands at `now`."""
        if done and self.reason is StopReason.SUSPEND:
            return self
        if self.phase is Phase.CHECKPOINT and checkpoint_written:
            return self._next(now)
        return self._next(now) if self.phase is not Phase.KILL and now >= self.until else self

    def _next(self, now: float) -> Stopping:
        return replace(self, phase=Phase(self.phase + 1), until=now + self.grace_s)
