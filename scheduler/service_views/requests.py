"""What is asked of the daemon: a job as submitted, whose history and by what, which recorded series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.domain.carbon import Accounting, SignalKind
from scheduler.domain.carbon import Basis as GridBasis
from scheduler.domain.jobs import DEFAULT_GRACE
from scheduler.domain.units import Power


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the kernel says it (SO_PEERCRED); the name is looked up from the uid, never sent."""

    uid: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A job as submitted, before the daemon's defaults; None leaves the choice to the daemon.

    `env` is the whole environment of the job: it goes to the secret spool and nowhere else.
    """

    argv: tuple[str, ...]
    workdir: str
    env: dict[str, str]
    name: str | None = None
    gpus: int | None = None
    """None: 1, or 0 with one CPU slot where the machine has no GPU."""
    interruptible: bool = False
    duration: timedelta | None = None
    time_limit: timedelta | None = None
    power: Power | None = None
    deadline: datetime | None = None
    """Finished by then; at most one of `deadline` and `within`."""
    within: timedelta | None = None
    """Finished within this long from submission."""
    run_now: bool = False
    hold: bool = False
    zone: str | None = None
    project: str | None = None
    tags: tuple[str, ...] = ()
    after: tuple[int, ...] = ()
    checkpoint_signal: str | None = None
    grace: timedelta = DEFAULT_GRACE
    retries: int = 0
    patience_g_per_h: float | None = None
    """Grams worth emitting to have it end an hour sooner."""
    idempotency_key: str | None = None
    """Under one key a user has one job, however often it is submitted."""


class HistoryGrouping(StrEnum):
    DAY = "day"
    """UTC day on which the job ended."""
    PROJECT = "project"
    USER = "user"
    ZONE = "zone"


class LogStream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesChoice:
    """Which recorded series is meant; a field left out restricts nothing, and none given means the one planned with."""

    source: str | None = None
    zone: str | None = None
    kind: SignalKind | None = None
    accounting: Accounting | None = None
    basis: GridBasis | None = None
