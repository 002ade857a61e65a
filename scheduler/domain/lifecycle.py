"""The states of a job and the one table of steps between them."""

from __future__ import annotations

from enum import StrEnum

from scheduler.domain.errors import IllegalTransition


class JobState(StrEnum):
    """Closed list, published in docs/reference.md."""

    QUEUED = "queued"
    HELD = "held"
    STARTING = "starting"
    RUNNING = "running"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    LOST = "lost"


TERMINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.TIMEOUT, JobState.LOST})
NOT_ENDED = frozenset(JobState) - TERMINAL
WAITING = frozenset({JobState.QUEUED, JobState.SUSPENDED})
HOLDING_GPUS = frozenset({JobState.STARTING, JobState.RUNNING})


class Reason(StrEnum):
    """Why a job is in its state; closed list, published in docs/reference.md."""

    NEW = "new"
    CARBON_WINDOW = "carbon-window"
    RESOURCES = "resources"
    DEPENDENCY = "dependency"
    DUE = "due"
    HELD_BY_USER = "held-by-user"
    NEVER_STARTED = "never-started"
    RETRY = "retry"
    LAUNCHING = "launching"
    EXECUTING = "executing"
    SUSPENDING = "suspending"
    CANCELLING = "cancelling"
    EXITED_ZERO = "exited-zero"
    EXITED_NONZERO = "exited-nonzero"
    SIGNALLED = "signalled"
    COULD_NOT_START = "could-not-start"
    CANCELLED_BY_USER = "cancelled-by-user"
    DEPENDENCY_FAILED = "dependency-failed"
    TIME_LIMIT = "time-limit"
    WORKER_LOST = "worker-lost"


class JobEvent(StrEnum):
    HOLD = "hold"
    RELEASE = "release"
    LAUNCH = "launch"
    STARTED = "started"
    NEVER_STARTED = "never-started"
    COULD_NOT_START = "could-not-start"
    SUSPENDED = "suspended"
    EXITED_ZERO = "exited-zero"
    EXITED_NONZERO = "exited-nonzero"
    TIMED_OUT = "timed-out"
    VANISHED = "vanished"
    RETRY = "retry"
    CANCEL = "cancel"
    DEPENDENCY_FAILED = "dependency-failed"


_S, _E = JobState, JobEvent
TRANSITIONS: dict[tuple[JobState, JobEvent], JobState] = {
    (_S.QUEUED, _E.HOLD): _S.HELD,
    (_S.SUSPENDED, _E.HOLD): _S.HELD,
    (_S.HELD, _E.RELEASE): _S.QUEUED,
    (_S.QUEUED, _E.LAUNCH): _S.STARTING,
    (_S.SUSPENDED, _E.LAUNCH): _S.STARTING,
    (_S.STARTING, _E.STARTED): _S.RUNNING,
    (_S.STARTING, _E.NEVER_STARTED): _S.QUEUED,
    (_S.STARTING, _E.COULD_NOT_START): _S.FAILED,
    (_S.STARTING, _E.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _E.SUSPENDED): _S.SUSPENDED,
    (_S.RUNNING, _E.EXITED_ZERO): _S.COMPLETED,
    (_S.RUNNING, _E.EXITED_NONZERO): _S.FAILED,
    (_S.RUNNING, _E.TIMED_OUT): _S.TIMEOUT,
    (_S.RUNNING, _E.VANISHED): _S.LOST,
    (_S.RUNNING, _E.RETRY): _S.QUEUED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
    (_S.QUEUED, _E.CANCEL): _S.CANCELLED,
    (_S.HELD, _E.CANCEL): _S.CANCELLED,
    (_S.SUSPENDED, _E.CANCEL): _S.CANCELLED,
    (_S.QUEUED, _E.DEPENDENCY_FAILED): _S.CANCELLED,
    (_S.HELD, _E.DEPENDENCY_FAILED): _S.CANCELLED,
}


def advance(state: JobState, event: JobEvent) -> JobState:
    """The state after `event`; IllegalTransition where the table has no such step."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a {state} job cannot take the step '{event}'") from None


class SegmentState(StrEnum):
    """What is known of one start of the job's process."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    NEVER_STARTED = "never-started"
    LOST = "lost"


class StopReason(StrEnum):
    """Why we asked a process to stop; written down before the first signal."""

    SUSPEND = "suspend"
    CANCEL = "cancel"
    TIME_LIMIT = "time-limit"
