"""What can be done with a segment's directory: start it, stop it, report it, read its logs, forget it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from scheduler.domain.errors import ExecutorError
from scheduler.domain.lifecycle import StopReason
from scheduler.protocol import (
    Cleaned,
    CleanOrder,
    ExitRecord,
    LiveReading,
    LogChunk,
    LogQuery,
    RunRecord,
    RunSpec,
    SegmentReport,
    StartOrder,
    StopOrder,
    StopRecord,
)
from scheduler.steps import Step, reached
from workers import channel, leftovers
from workers.control import is_listening, send_order
from workers.job_directories import PASSED_THROUGH
from workers.journal import read_record, slices_after
from workers.launcher import Launcher
from workers.logs import read_log
from workers.removing import held_bytes, remove
from workers.segment_directory import SegmentDirectory, parse_segment
from workers.training_process import channel_variable

MOST_LOG_BYTES = 1024 * 1024
CHECKPOINTS = "checkpoints"


class Segments:
    """All segments under one directory. Failures are ExecutorError or ValueError: refused, nothing done."""

    def __init__(self, runs: Path, launcher: Launcher) -> None:
        self._runs = runs
        self._launcher = launcher

    def start(self, order: StartOrder, lock: int) -> None:
        """Launch the segment's supervisor, unless this segment was ever ordered before."""
        reached(Step.ORDER_RECEIVED)
        directory = self._directory(order.spec.segment)
        self._launcher.check(order.run_as_uid)
        spec = self._for_another(order) if self._launcher.serves_others else order.spec
        try:
            directory.path.mkdir(mode=0o700)
        except FileExistsError as exc:
            raise ExecutorError(f"segment {spec.segment} was ordered before; ask for its report") from exc
        if self._launcher.serves_others:
            directory.path.chmod(PASSED_THROUGH)
        self._write_spec(directory, spec)
        reached(Step.SPEC_WRITTEN)
        try:
            self._launcher.launch(directory.path, spec, lock)
        except (ExecutorError, OSError):
            directory.spec.unlink(missing_ok=True)
            raise
        reached(Step.SUPERVISOR_FORKED)

    def stop(self, order: StopOrder) -> None:
        """Pass the order to the supervisor; one that is gone needs none."""
        reached(Step.STOP_RECEIVED)
        StopReason(order.reason)
        directory = self._existing(order.segment)
        if not send_order(directory.control, order) and not directory.run.exists():
            raise ExecutorError(f"segment {order.segment} is only just being started; ask again")

    def report(self, segment: str, cursor: int, limit: int) -> SegmentReport:
        """What the disk says, with slices after `cursor`; all of them are there once the exit is."""
        directory = self._directory(segment)
        run, ended = read_record(directory.run, RunRecord), read_record(directory.exit, ExitRecord)
        if run is not None and ended is None and not is_listening(directory.control):
            ended = self._exit_after_all(directory)
        stop = read_record(directory.stop, StopRecord)
        live = None if ended else read_record(directory.live, LiveReading)
        return SegmentReport(
            segment=segment,
            run=run,
            exit=ended,
            slices=slices_after(directory.readings, cursor, limit),
            progress=channel.progress(directory.channel),
            stop_reason=stop.reason if stop else None,
            watts=live.watts if live else None,
        )

    def read_log(self, query: LogQuery) -> LogChunk:
        directory = self._existing(query.segment)
        paths = {"stdout": directory.stdout, "stderr": directory.stderr}
        if query.stream not in paths:
            raise ValueError(f"{query.stream[:20]!r} is not a stream; say stdout or stderr")
        limit = min(max(query.limit, 1), MOST_LOG_BYTES)
        return read_log(paths[query.stream], max(query.offset, 0), limit, self._no_more_comes(directory))

    def forget(self, segment: str) -> None:
        """Remove what nobody needs after the end; ExecutorError while the supervisor lives."""
        directory = self._directory(segment)
        if is_listening(directory.control):
            raise ExecutorError(f"segment {segment} still runs; stop it before it is forgotten")
        for path in (directory.spec, directory.live, directory.control):
            path.unlink(missing_ok=True)

    def clean(self, order: CleanOrder) -> Cleaned:
        """Remove all that the segments of one job have left; ExecutorError, and nothing removed, while one lives."""
        jobs = {parse_segment(name).job for name in order.segments}
        if len(jobs) != 1:
            raise ValueError(f"a clean order names the segments of one job, not of {len(jobs)}")
        directories = [self._directory(name) for name in order.segments]
        for directory in directories:
            if is_listening(directory.control):
                raise ExecutorError(f"segment {directory.path.name} still runs; stop its job before it is cleaned")
        checkpoints = self._runs / CHECKPOINTS / str(jobs.pop())
        trees = [*(directory.path for directory in directories), checkpoints]
        return Cleaned(sum(map(held_bytes, trees))) if order.dry_run else remove(trees)

    def _directory(self, segment: str) -> SegmentDirectory:
        return SegmentDirectory.of(self._runs, segment)

    def _existing(self, segment: str) -> SegmentDirectory:
        directory = self._directory(segment)
        if not directory.path.is_dir():
            raise ExecutorError(f"segment {segment} is not known to this worker; it never started here")
        return directory

    def _write_spec(self, directory: SegmentDirectory, spec: RunSpec) -> None:
        """0600 from its first byte; a disk that does not take it leaves no trace."""
        try:
            fd = os.open(directory.spec, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode(spec))
        except OSError:
            shutil.rmtree(directory.path, ignore_errors=True)
            raise

    def _for_another(self, order: StartOrder) -> RunSpec:
        """The spec for a supervisor that is root's: whose job it is, and checkpoints where only root makes places."""
        job = parse_segment(order.spec.segment).job
        checkpoints = self._runs / CHECKPOINTS / str(job)
        return msgspec.structs.replace(order.spec, run_as_uid=order.run_as_uid, checkpoint_dir=str(checkpoints))

    def _no_more_comes(self, directory: SegmentDirectory) -> bool:
        """Only a supervisor writes logs: none comes once it has had its last word, or has gone without one."""
        return directory.exit.exists() or (directory.run.exists() and not is_listening(directory.control))

    def _exit_after_all(self, directory: SegmentDirectory) -> ExitRecord | None:
        """What a supervisor wrote just before it went. If it died without a word, what it left running is
        killed: the GPUs are about to be given away."""
        ended = read_record(directory.exit, ExitRecord)
        if ended is None:
            leftovers.kill_all(leftovers.with_environment(*channel_variable(directory)))
        return ended
