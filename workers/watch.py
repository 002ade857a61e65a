"""The supervisor's loop: from a process's first instruction to the record of its end."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import selectors
import signal
from collections.abc import Callable
from pathlib import Path

from scheduler.domain.lifecycle import StopReason
from scheduler.domain.readings import LONGEST_SLICE
from scheduler.protocol import ExitRecord, RunSpec, StopRecord
from scheduler.steps import Step, reached
from workers import channel, clock, leftovers
from workers.control import read_orders
from workers.journal import write_durably
from workers.logs import Pump, RotatingLog
from workers.segment_directory import SegmentDirectory
from workers.slices import OpenSampler, SliceRecorder
from workers.stopping import Phase, Stopping
from workers.training_process import TrainingProcess, job_environment
from workers.wakeups import Wakeups

logger = logging.getLogger(__name__)

CHECKPOINT_POLL_S = 0.1
LEFTOVERS_S = 5.0
LEFTOVERS_POLL_S = 0.05
DRAIN_S = 2.0
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0
NOT_CATCHABLE = frozenset({signal.SIGKILL, signal.SIGSTOP})
GAVE_UP = 1
"""Exit status when the last word could not be written before the supervisor itself was told to go."""


class Watch:
    """Runs one process, meters it, obeys orders about it, and records how it ended."""

    def __init__(self, directory: SegmentDirectory, spec: RunSpec, control: int, open_sampler: OpenSampler) -> None:
        self._directory = directory
        self._spec = spec
        self._control = control
        self._open_sampler = open_sampler
        self._wakeups = Wakeups()
        self._stopping: Stopping | None = None
        self._signalled = False

    def run(self) -> int:
        """The supervisor's exit status; the job's is in exit.json."""
        try:
            self._make_ready()
            failure = self._process.execute()
        except OSError as error:
            return self._insist_on_exit(_could_not_start(self._spec, f"cannot prepare the start: {error}"))
        if failure is not None:
            return self._insist_on_exit(_could_not_start(self._spec, failure))
        reached(Step.PROCESS_STARTED)
        self._watch()
        reached(Step.PROCESS_ENDED)
        self._wind_up()
        return self._insist_on_exit(self._last_word())

    # --- before ------------------------------------------------------------------------------------------------
    def _make_ready(self) -> None:
        """Everything but the command itself; its meter runs before its first instruction does."""
        self._directory.channel.mkdir(mode=0o700, exist_ok=True)
        Path(self._spec.checkpoint_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        logs = [RotatingLog(p, self._spec.log_limit_bytes) for p in (self._directory.stdout, self._directory.stderr)]
        self._process = TrainingProcess(self._spec, job_environment(self._spec, self._directory))
        pipes = (self._process.stdout, self._process.stderr)
        self._pumps = {Pump(pipe, log) for pipe, log in zip(pipes, logs, strict=True)}
        self._slices = SliceRecorder(self._directory, self._spec, self._process.pid, self._open_sampler)
        self._started_t = self._slices.since_t
        self._began = clock.monotonic()
        self._next_sample = self._began + self._spec.sample_s
        self._next_cut = self._began + self._slice_s
        self._selector = self._make_selector()

    @property
    def _slice_s(self) -> float:
        return min(self._spec.slice_s, LONGEST_SLICE.total_seconds())

    def _make_selector(self) -> selectors.BaseSelector:
        selector = selectors.DefaultSelector()
        selector.register(self._wakeups, selectors.EVENT_READ, self._hear_signals)
        selector.register(self._control, selectors.EVENT_READ, self._hear_orders)
        for pump in self._pumps:
            selector.register(pump, selectors.EVENT_READ, lambda pump=pump: self._carry(pump))
        return selector

    # --- while it runs -----------------------------------------------------------------------------------------
    def _watch(self) -> None:
        while not self._process.reap():
            self._react(self._patience())
            self._keep_time()

    def _react(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()

    def _patience(self) -> float:
        """Seconds until the clock alone asks for something."""
        now = clock.monotonic()
        moments = [self._next_sample, self._next_cut]
        if self._spec.time_limit_s is not None and self._stopping is None:
            moments.append(self._began + self._spec.time_limit_s)
        if self._stopping is not None and self._stopping.phase is not Phase.KILL:
            moments.append(self._stopping.until)
            if self._stopping.phase is Phase.CHECKPOINT:
                moments.append(now + CHECKPOINT_POLL_S)
        return max(0.0, min(moments) - now)

    def _keep_time(self) -> None:
        now = clock.monotonic()
        if now >= self._next_sample:
            self._slices.sample()
            self._next_sample = now + self._spec.sample_s
        if now >= self._next_cut:
            self._slices.cut()
            self._next_cut = now + self._slice_s
        if self._spec.time_limit_s is not None and now >= self._began + self._spec.time_limit_s:
            self._stop(StopReason.TIME_LIMIT)
        if self._stopping is not None:
            self._take(self._stopping.at(now, self._checkpoint_written()))

    def _hear_signals(self) -> None:
        if {signal.SIGTERM, signal.SIGINT} & self._wakeups.heard():
            self._stop(None)

    def _hear_orders(self) -> None:
        for order in read_orders(self._control):
            with contextlib.suppress(ValueError):
                self._stop(StopReason(order.reason))

    def _carry(self, pump: Pump) -> None:
        if not pump.carry():
            self._selector.unregister(pump)
            self._pumps.discard(pump)
            pump.close()

    # --- stopping ----------------------------------------------------------------------------------------------
    def _stop(self, reason: StopReason | None) -> None:
        """Begin to stop for `reason`, or weigh it against the reason there is."""
        now = clock.monotonic()
        if self._stopping is None:
            self._checkpoint_before = channel.checkpoint(self._directory.channel)
            stopping = Stopping.begin(reason, self._checkpoint_signal() is not None, self._spec.grace_s, now)
        else:
            stopping = self._stopping.asked_again(reason, now)
        if stopping != self._stopping:
            self._record_stop(stopping.reason)
            self._take(stopping)

    def _take(self, stopping: Stopping) -> None:
        """Carry out what entering a phase means; a process that has ended meanwhile is told nothing."""
        entered = self._stopping is None or self._stopping.phase is not stopping.phase
        self._stopping = stopping
        if entered and not self._process.reap():
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
        return channel.checkpoint(self._directory.channel) != self._checkpoint_before

    def _record_stop(self, reason: StopReason | None) -> None:
        try:
            write_durably(self._directory.stop, StopRecord(reason, clock.now()))
        except OSError as error:
            # A stop that is asked for on a full disk must still happen; exit.json will say why.
            logger.warning("stop.json was not written: %s", error)

    # --- after -------------------------------------------------------------------------------------------------
    def _wind_up(self) -> None:
        """End what the process left behind, take in its last output, and close its last slice."""
        deadline = clock.monotonic() + LEFTOVERS_S
        while (left := leftovers.descendants(os.getpid())) and clock.monotonic() < deadline:
            leftovers.kill_all(left)
            self._wakeups.wait(LEFTOVERS_POLL_S)
            self._process.reap()
        self._process.reap()
        deadline = clock.monotonic() + DRAIN_S
        while self._pumps and (patience := deadline - clock.monotonic()) > 0:
            self._react(patience)
        self._slices.finish()

    def _last_word(self) -> ExitRecord:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        checkpoint = channel.checkpoint(self._directory.channel)
        return ExitRecord(
            segment=self._spec.segment,
            started_t=self._started_t,
            ended_t=self._slices.since_t,
            code=self._honest_code(),
            stop_reason=self._stopping.reason if self._stopping else None,
            checkpoint_step=checkpoint.step if checkpoint else None,
            finished=self._finished(),
            last_seq=self._slices.last_seq,
            cpu_s=used.ru_utime + used.ru_stime,
            max_rss_bytes=used.ru_maxrss * 1024,
        )

    def _finished(self) -> bool:
        """Asked to stop, it ended well by itself before any signal, or says that it was done."""
        ended_well = self._stopping is not None and self._process.code == 0
        return ended_well and (not self._signalled or channel.says_done(self._directory.channel))

    def _honest_code(self) -> int | None:
        """The process's own code; SIGTERM's where it went quietly because the machine did, so that nobody
        takes a job that saves on SIGTERM and exits 0 for completed."""
        went_quietly = self._stopping is not None and self._stopping.reason is None and self._process.code == 0
        return -signal.SIGTERM if went_quietly and not self._finished() else self._process.code

    def _insist_on_exit(self, record: ExitRecord) -> int:
        """Write exit.json after every slice, as often as it takes; a full disk may be emptied."""

        def write() -> None:
            if record.last_seq:
                self._slices.write_out()
            write_durably(self._directory.exit, record)

        if not self._insist(write):
            return GAVE_UP
        reached(Step.EXIT_RECORDED)
        return 0

    def _insist(self, write: Callable[[], None]) -> bool:
        """Try until it succeeds; False when the supervisor is told to go first."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                write()
                return True
            except OSError as error:
                logger.warning("the end of %s is not written yet: %s", self._spec.segment, error)
            if {signal.SIGTERM, signal.SIGINT} & self._wakeups.wait(retry_s):
                return False
            retry_s = min(retry_s * 2, LAST_RETRY_S)


def _could_not_start(spec: RunSpec, failure: str) -> ExitRecord:
    now_t = clock.now()
    return ExitRecord(spec.segment, now_t, now_t, code=None, spawn_error=failure)
