"""The supervisor's loop: from a process's first instruction to the record of its end."""

from __future__ import annotations

import logging
import os
import resource
import selectors
import signal
from collections.abc import Callable
from pathlib import Path

from scheduler.domain.errors import ExecutorError
from scheduler.domain.lifecycle import StopReason
from scheduler.domain.readings import LONGEST_SLICE
from scheduler.protocol import ExitRecord, RunSpec
from scheduler.steps import Step, reached
from workers import channel, clock, leftovers
from workers.control import read_orders
from workers.identity import identity_of
from workers.job_directories import make_job_directories
from workers.journal import write_durably
from workers.logs import Pump, RotatingLog
from workers.segment_directory import SegmentDirectory
from workers.slices import OpenSampler, SliceRecorder
from workers.stop_conduct import StopConduct
from workers.training_process import TrainingProcess, job_environment
from workers.wakeups import Wakeups

logger = logging.getLogger(__name__)

LEFTOVERS_S = 5.0
LEFTOVERS_POLL_S = 0.05
DRAIN_S = 2.0
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0
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

    def run(self) -> int:
        """The supervisor's exit status; the job's is in exit.json."""
        try:
            self._make_ready()
            failure = self._process.execute()
        except (OSError, ExecutorError) as error:
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
        owner = None if self._spec.run_as_uid is None else identity_of(self._spec.run_as_uid)
        make_job_directories(self._directory.channel, Path(self._spec.checkpoint_dir), owner)
        logs = [RotatingLog(p, self._spec.log_limit_bytes) for p in (self._directory.stdout, self._directory.stderr)]
        self._process = TrainingProcess(self._spec, job_environment(self._spec, self._directory), owner)
        self._stop = StopConduct(self._process, self._directory, self._spec)
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
        if self._spec.time_limit_s is not None and not self._stop.is_asked:
            moments.append(self._began + self._spec.time_limit_s)
        return max(0.0, min(*moments, self._stop.next_look(now)) - now)

    def _keep_time(self) -> None:
        now = clock.monotonic()
        if now >= self._next_sample:
            self._slices.sample()
            self._next_sample = now + self._spec.sample_s
        if now >= self._next_cut:
            self._slices.cut()
            self._next_cut = now + self._slice_s
        if self._spec.time_limit_s is not None and now >= self._began + self._spec.time_limit_s:
            self._stop.ask(StopReason.TIME_LIMIT)
        self._stop.proceed()

    def _hear_signals(self) -> None:
        if {signal.SIGTERM, signal.SIGINT} & self._wakeups.heard():
            self._stop.ask(None)

    def _hear_orders(self) -> None:
        for reason in read_orders(self._control):
            self._stop.ask(reason)

    def _carry(self, pump: Pump) -> None:
        if not pump.carry():
            self._selector.unregister(pump)
            self._pumps.discard(pump)
            pump.close()

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
        self._ran_s = clock.monotonic() - self._began
        self._slices.finish()

    def _last_word(self) -> ExitRecord:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        checkpoint = channel.checkpoint(self._directory.channel)
        return ExitRecord(
            segment=self._spec.segment,
            started_t=self._started_t,
            ended_t=self._slices.since_t,
            code=self._stop.honest_code,
            stop_reason=self._stop.reason,
            asked_by_machine=self._stop.is_asked_by_machine,
            checkpoint_step=checkpoint.step if checkpoint else None,
            finished=self._stop.finished,
            last_seq=self._slices.last_seq,
            cpu_s=used.ru_utime + used.ru_stime,
            max_rss_bytes=used.ru_maxrss * 1024,
            ran_s=self._ran_s,
        )

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
