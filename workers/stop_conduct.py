"""A stop carried out on the real process: the phases of `stopping` told by signals, and what the end then means."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal

from scheduler.domain.lifecycle import StopReason
from scheduler.protocol import RunSpec, StopRecord
from workers import channel, clock, leftovers
from workers.journal import write_durably
from workers.segment_directory import SegmentDirectory
from workers.stopping import Phase, Stopping
from workers.training_process import TrainingProcess

logger = logging.getLogger(__name__)

CHANNEL_POLL_S = 0.1
NOT_CATCHABLE = frozenset({signal.SIGKILL, signal.SIGSTOP})


class StopConduct:
    """Idle until the first `ask`; then `proceed`, as often as there is time, brings the process to its end."""

    def __init__(self, process: TrainingProcess, directory: SegmentDirectory, spec: RunSpec) -> None:
        self._process = process
        self._directory = directory
        self._spec = spec
        self._stopping: Stopping | None = None
        self._signalled = False

    @property
    def is_asked(self) -> bool:
        return self._stopping is not None

    @property
    def reason(self) -> StopReason | None:
        """Why it was stopped; None also where it was let go on to its end, which is then its own."""
        was_stopped = self._stopping is not None and self._stopping.phase is not Phase.NOTHING
        return self._stopping.reason if self._stopping and was_stopped else None

    @property
    def is_asked_by_machine(self) -> bool:
        return self.is_asked and self.reason is None

    def ask(self, reason: StopReason | None) -> None:
        """Begin to stop for `reason`, or weigh it against the one there is. None: the machine goes down."""
        now, done = clock.monotonic(), channel.says_done(self._directory.channel)
        if self._stopping is None:
            self._checkpoint_before = channel.checkpoint(self._directory.channel)
            stopping = Stopping.begin(reason, self._checkpoint_signal() is not None, self._spec.grace_s, now, done)
        else:
            stopping = self._stopping.asked_again(reason, now, done)
        if stopping != self._stopping:
            self._record(stopping.reason)
            self._enter(stopping)

    def proceed(self) -> None:
        """Go on to the next phase where its time has come."""
        if self._stopping is not None:
            # In this order: a job that is done says so before it says that its last checkpoint is written.
            written = self._checkpoint_written()
            done = channel.says_done(self._directory.channel)
            self._enter(self._stopping.at(clock.monotonic(), written, done))

    def next_look(self, now: float) -> float:
        """When `proceed` may have something to do next (monotonic seconds)."""
        if self._stopping is None or self._stopping.phase is Phase.KILL:
            return math.inf
        # What the job says decides, or its time is over and it goes on all the same: it is done.
        if self._stopping.phase is not Phase.TERMINATE or self._stopping.until <= now:
            return now + CHANNEL_POLL_S
        return self._stopping.until

    @property
    def finished(self) -> bool:
        """Asked to stop, it ended well by itself before any signal, or says that it was done."""
        ended_well = self.is_asked and self._process.code == 0
        return ended_well and (not self._signalled or channel.says_done(self._directory.channel))

    @property
    def honest_code(self) -> int | None:
        """The process's own code; SIGTERM's where it went quietly because the machine did, so that nobody
        takes a job that saves on SIGTERM and exits 0 for completed."""
        went_quietly = self.is_asked_by_machine and self._process.code == 0
        return -signal.SIGTERM if went_quietly and not self.finished else self._process.code

    def _enter(self, stopping: Stopping) -> None:
        """Tell the process what a new phase means; one that has ended meanwhile is told nothing."""
        is_new = self._stopping is None or self._stopping.phase is not stopping.phase
        self._stopping = stopping
        if is_new and stopping.phase is not Phase.NOTHING and not self._process.reap():
            self._signalled = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                self._tell(stopping.phase)

    def _tell(self, phase: Phase) -> None:
        if phase is Phase.CHECKPOINT:
            self._process.signal_main(self._checkpoint_signal() or signal.SIGTERM)
        elif phase is Phase.TERMINATE:
            self._process.signal_group(signal.SIGTERM)
        else:
            leftovers.kill_all(leftovers.descendants(os.getpid()))

    def _checkpoint_signal(self) -> signal.Signals | None:
        """The signal by which the job can be asked for a checkpoint; None where it handles none."""
        announced = channel.announcement(self._directory.channel)
        name = self._spec.checkpoint_signal or (announced.checkpoint_signal if announced else None)
        number = signal.Signals.__members__.get(name or "")
        return None if number in NOT_CATCHABLE else number

    def _checkpoint_written(self) -> bool:
        """Whether a checkpoint was completed since the stop began."""
        said = channel.checkpoint(self._directory.channel)
        return said is not None and said != self._checkpoint_before

    def _record(self, reason: StopReason | None) -> None:
        try:
            write_durably(self._directory.stop, StopRecord(reason, clock.now()))
        except OSError as error:
            # A stop that is asked for on a full disk must still happen; exit.json will say why.
            logger.warning("stop.json was not written: %s", error)
