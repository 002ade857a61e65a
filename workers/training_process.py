"""The job's own process: forked, held until its meter runs, executed, signalled, reaped."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from scheduler import protocol
from scheduler.domain.runs import SegmentId
from scheduler.protocol import RunSpec
from workers.identity import Identity
from workers.segment_directory import SegmentDirectory

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PIPE_BYTES = 1024 * 1024
COULD_NOT_EXECUTE = 127
OUR_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Have processes whose parent ends become ours, so that none of the job's escapes."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def channel_variable(directory: SegmentDirectory) -> tuple[str, str]:
    """The variable, with its value, that no process of another segment has."""
    return protocol.ENV_CHANNEL_DIR, str(directory.channel)


def job_environment(spec: RunSpec, directory: SegmentDirectory) -> dict[str, str]:
    """What the user captured, what carbonq tells every job, and the GPUs it may see."""
    segment = SegmentId.parse(spec.segment)
    name, channel = channel_variable(directory)
    return {
        **spec.env,
        protocol.ENV_JOB_ID: str(segment.job),
        protocol.ENV_ATTEMPT: str(segment.attempt),
        protocol.ENV_SEGMENT: str(segment.segment),
        protocol.ENV_RESUME: "1" if spec.resume else "0",
        protocol.ENV_CHECKPOINT_DIR: spec.checkpoint_dir,
        name: channel,
        # Empty rather than unset: a job that was given no GPU must not find one.
        "CUDA_VISIBLE_DEVICES": ",".join(spec.gpu_uuids),
    }


class TrainingProcess:
    """The main process of a segment and the pipes it writes to. It executes nothing before `execute`.

    With an `identity` it becomes that account before it touches anything of the user's.
    """

    def __init__(self, spec: RunSpec, env: Mapping[str, str], identity: Identity | None = None) -> None:
        self.stdout, stdout = _log_pipe()
        self.stderr, stderr = _log_pipe()
        go, self._go = os.pipe()
        self._failure, failure = os.pipe()
        supervisor = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            _become_the_job(spec, env, identity, supervisor, go, failure, stdout, stderr)
        for theirs in (stdout, stderr, go, failure):
            os.close(theirs)
        self.code: int | None = None
        """Exit code, or -signal, once it was reaped."""

    def execute(self) -> str | None:
        """Let it run the command; why that cannot be, in a sentence, or None once it runs."""
        os.write(self._go, b"!")
        os.close(self._go)
        with os.fdopen(self._failure, "rb") as failure:
            return failure.read().decode(errors="replace") or None

    def reap(self) -> bool:
        """Bury every dead child, adopted ones included; whether the main process has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self.pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def signal_main(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the whole process group, and wake what is stopped so that it can act on it."""
        os.killpg(self.pid, number)
        os.killpg(self.pid, signal.SIGCONT)


def _log_pipe() -> tuple[int, int]:
    """A pipe whose reading end never blocks and that holds what a job prints while its supervisor is busy."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    # Refused once the user's share of pipe memory is used up; the usual 64 KiB will do.
    with contextlib.suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reading, writing


def _become_the_job(
    spec: RunSpec,
    env: Mapping[str, str],
    identity: Identity | None,
    supervisor: int,
    go: int,
    failure: int,
    stdout: int,
    stderr: int,
) -> NoReturn:
    try:
        os.setsid()
        _die_with(supervisor)
        if not os.read(go, 1):
            os._exit(COULD_NOT_EXECUTE)
        _take_the_streams(stdout, stderr)
        _forget_our_signals()
        refusal = _take_identity(identity, supervisor) or _execute(spec, env)
        os.write(failure, refusal.encode())
    finally:
        os._exit(COULD_NOT_EXECUTE)


def _die_with(supervisor: int) -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor:  # It died before the kernel was told to watch it.
        os._exit(COULD_NOT_EXECUTE)


def _take_identity(identity: Identity | None, supervisor: int) -> str | None:
    """Why the account cannot be taken on; None once it is, or where there is none to take."""
    if identity is None:
        return None
    try:
        identity.assume()
    except OSError as error:
        return f"cannot become uid {identity.uid}: {error}; the worker's unit must allow it"
    # The kernel forgets it when the account changes.
    _die_with(supervisor)
    return None


def _take_the_streams(stdout: int, stderr: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, stream in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(fd, stream)


def _forget_our_signals() -> None:
    for number in OUR_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _execute(spec: RunSpec, env: Mapping[str, str]) -> str:
    """Does not return, unless with the reason why the command cannot be run."""
    try:
        os.chdir(spec.workdir)
    except OSError as error:
        return f"cannot enter the working directory {spec.workdir}: {error.strerror}; check its name and permissions"
    command = spec.argv[0]
    try:
        os.execvpe(command, spec.argv, dict(env))  # noqa: S606
    except FileNotFoundError:
        return _not_found(command)
    except OSError as error:
        return f"cannot execute {command}: {error.strerror}; check that it is a program and may be executed"


def _not_found(command: str) -> str:
    if Path(command).exists():
        return f"cannot execute {command}: the interpreter in its first line does not exist; check that line"
    return f"command not found: {command}; check its name, or give its full path"


def end_with_parent(parent: int) -> bool:
    """Be sent SIGTERM when `parent`, which started us, ends; False where it has ended already."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent
