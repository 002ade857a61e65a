"""One start of a job: holds its segment's lock, runs and meters the process, and writes down how it ended.

`python -P -m workers.supervisor SEGMENT_DIR LOCK_FD`, with `-` for a lock that comes as standard input. It outlives the
agent and the daemon; only an order, a limit of the job's own or the end of the machine makes it stop the job.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from pathlib import Path

from scheduler.protocol import RunRecord, RunSpec
from scheduler.steps import Step, reached
from workers import clock
from workers.control import open_control
from workers.journal import create_durably, read_record
from workers.segment_directory import SegmentDirectory
from workers.slices import OpenSampler, open_real_sampler
from workers.training_process import adopt_orphans
from workers.unit_names import unit_name
from workers.watch import Watch

logger = logging.getLogger(__name__)

STANDARD_INPUT = "-"
REFUSED = 12
"""Exit status when this segment must not be started: it was before, or the lock is someone else's."""


def supervise(directory: SegmentDirectory, lock: int, unit: str | None, open_sampler: OpenSampler) -> int:
    """The whole life of a segment; the supervisor's exit status."""
    if not _is_ours(lock):
        return _refuse(directory, "another process holds its lock")
    reached(Step.LOCK_INHERITED)
    if directory.run.exists() or directory.exit.exists():
        return _refuse(directory, "it was started before")
    spec = read_record(directory.spec, RunSpec)
    if spec is None:
        return _refuse(directory, "it has no spec.json")
    adopt_orphans()
    watch = Watch(directory, spec, open_control(directory.control), open_sampler)
    try:
        create_durably(directory.run, _run_record(spec, unit))
    except FileExistsError:
        return _refuse(directory, "it was started before")
    reached(Step.RUN_RECORDED)
    # Never needed again, for a recorded segment never starts again; and the environment may hold secrets.
    directory.spec.unlink(missing_ok=True)
    return watch.run()


def main(arguments: list[str], open_sampler: OpenSampler = open_real_sampler) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    path, lock_argument = arguments
    directory = SegmentDirectory(Path(path))
    unit = unit_name(directory.path.name) if lock_argument == STANDARD_INPUT else None
    return supervise(directory, _inherited_lock(lock_argument), unit, open_sampler)


def _inherited_lock(argument: str) -> int:
    """The locked descriptor, kept from every process that is executed from here."""
    if argument == STANDARD_INPUT:
        lock = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        return lock
    lock = int(argument)
    os.set_inheritable(lock, False)
    return lock


def _is_ours(lock: int) -> bool:
    """A lock belongs to the open file: to ask for it again succeeds where we inherited it, and nowhere else."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _run_record(spec: RunSpec, unit: str | None) -> RunRecord:
    return RunRecord(spec.segment, os.getpid(), clock.boot_id(), clock.host(), clock.now(), unit)


def _refuse(directory: SegmentDirectory, why: str) -> int:
    logger.error("segment %s is not started: %s", directory.path.name, why)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
