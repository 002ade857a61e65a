"""The named steps of a start, and the one place where a test may have the process die at one of them."""

from __future__ import annotations

import os
import signal
from enum import StrEnum

ENV_KILL_AT = "CARBONQ_TEST_KILL_AT"
"""Names the step at which a test wants the process killed; in ordinary use it is never set."""
ENV_KILL_MARKER = "CARBONQ_TEST_KILL_MARKER"
"""File that the first process to die there creates, so that each step kills once."""


class Step(StrEnum):
    """Each is reached just after what its name says became true."""

    LOCKED = "locked"
    COMMITTED_STARTING = "committed-starting"
    ORDER_SENT = "order-sent"
    STARTED_RECORDED = "started-recorded"
    SLICES_STORED = "slices-stored"
    EXIT_STORED = "exit-stored"

    ORDER_RECEIVED = "order-received"
    SPEC_WRITTEN = "spec-written"
    SUPERVISOR_FORKED = "supervisor-forked"
    STOP_RECEIVED = "stop-received"

    LOCK_INHERITED = "lock-inherited"
    RUN_RECORDED = "run-recorded"
    PROCESS_STARTED = "process-started"
    SLICE_JOURNALED = "slice-journaled"
    PROCESS_ENDED = "process-ended"
    EXIT_RECORDED = "exit-recorded"


DAEMON_STEPS = tuple(Step)[:6]
AGENT_STEPS = tuple(Step)[6:10]
SUPERVISOR_STEPS = tuple(Step)[10:]


def reached(step: Step) -> None:
    """Nothing, unless a test asked for a `kill -9` here that has not happened yet."""
    if os.environ.get(ENV_KILL_AT) == step and _first_to_die():
        os.kill(os.getpid(), signal.SIGKILL)


def _first_to_die() -> bool:
    marker = os.environ.get(ENV_KILL_MARKER)
    if marker is None:
        return True
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True
