"""A job: what the user wants run, by when, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf

from scheduler.domain.carbon import SeriesKey
from scheduler.domain.gpus import Pool
from scheduler.domain.lifecycle import TERMINAL, JobState, Reason
from scheduler.domain.units import Power

DEFAULT_GRACE = timedelta(seconds=30)


class Basis(StrEnum):
    """Where an expected duration or power comes from."""

    USER = "user"
    HISTORY = "history"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who submitted a job: the kernel's uid, and the name it had then."""

    uid: int
    name: str


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What the user asked for. The environment is not here: it may hold secrets and lives apart, in a 0600 file."""

    argv: tuple[str, ...]
    workdir: str
    name: str
    gpus: int = 1
    """GPUs held; 0 means one CPU slot instead."""
    interruptible: bool = False
    duration: timedelta | None = None
    """The user's estimate of the running time; not a limit."""
    time_limit: timedelta | None = None
    """Running time after which the job is stopped."""
    power: Power | None = None
    """The user's estimate for the whole job, at the board."""
    deadline: datetime | None = None
    """Finished by then."""
    run_now: bool = False
    zone: str | None = None
    project: str | None = None
    tags: tuple[str, ...] = ()
    after: tuple[int, ...] = ()
    """Jobs that must have completed; if one ends otherwise, this job is cancelled."""
    checkpoint_signal: str | None = None
    """Signal by which the job's main process is asked for a checkpoint, e.g. `SIGUSR1`; None: it handles none."""
    grace: timedelta = DEFAULT_GRACE
    """Time to write a checkpoint, and again to end after SIGTERM."""
    retries: int = 0
    """Further attempts after a failure or a lost worker."""
    patience_g_per_h: float | None = None
    """The waiting price: grams that its user would emit to have it end an hour sooner; None: as the site has set."""
    idempotency_key: str | None = None
    """Its user's own name of this submission: asked for a second time under it, there is still this one job."""

    def __post_init__(self) -> None:
        if not self.argv:
            raise ValueError("a job needs a command")
        if self.gpus < 0:
            raise ValueError("a job cannot hold fewer than 0 GPUs")
        for name in ("duration", "time_limit"):
            value = getattr(self, name)
            if value is not None and value <= timedelta(0):
                raise ValueError(f"{name} must be longer than nothing")
        if self.patience_g_per_h is not None and not 0 <= self.patience_g_per_h < inf:
            raise ValueError("the waiting price must be 0 g/h or more")

    @property
    def pool(self) -> Pool:
        return Pool.GPU if self.gpus else Pool.CPU

    @property
    def width(self) -> int:
        """Places held in its pool."""
        return self.gpus or 1


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted job and its present state, as the database knows it."""

    id: int
    spec: JobSpec
    owner: Owner
    submitted_at: datetime
    state: JobState
    reason: Reason
    expected_duration: timedelta
    duration_basis: Basis
    expected_power: Power
    power_basis: Basis
    finish_by: datetime
    """The deadline, or, without one, submission + the longest wait + the expected duration."""
    detail: str | None = None
    """The reason in a sentence, for people."""
    attempts: int = 0
    """Runs begun."""
    started_at: datetime | None = None
    """First start of its process."""
    ended_at: datetime | None = None
    exit_code: int | None = None
    """As the shell says it: 128 + signal for a process that a signal ended."""
    work_done: timedelta = field(default=timedelta(0))
    """Running time that counts toward the expected duration (kept by checkpoints)."""
    stop_requested: str | None = None
    """A StopReason written down before the first signal was sent."""
    series: SeriesKey | None = None
    """Of the forecast that its first start was planned with: its statement uses the same. None: there was none."""

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL

    @property
    def remaining(self) -> timedelta:
        """Running time still expected; never less than a second, for an estimate can be too short."""
        return max(self.expected_duration - self.work_done, timedelta(seconds=1))
