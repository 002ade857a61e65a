"""What a request may say, validated field by field; the answers are the views themselves (scheduler.service_views)."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from scheduler.api.errors import NOT_UTF_8
from scheduler.domain.durations import FARTHEST
from scheduler.domain.units import Power
from scheduler.service_views.requests import JobRequest

LONGEST_S = FARTHEST.total_seconds()
UNCATCHABLE = {"SIGKILL", "SIGSTOP"}


def _writable(text: str) -> str:
    """Text that can be stored, sent and given to a program: JSON's strings hold more than that."""
    if "\0" in text:
        raise ValueError("holds a NUL character, which no command, path or variable can")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(NOT_UTF_8) from None
    return text


def _signal_name(text: str) -> str:
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    if name not in signal.Signals.__members__:
        raise ValueError(f"'{text}' is not the name of a signal; write one like SIGUSR1")
    if name in UNCATCHABLE:
        raise ValueError(f"{name} cannot be handled by a program; SIGUSR1 is the usual choice")
    return name


def _variable_name(text: str) -> str:
    if not text or "=" in text or "\0" in text:
        raise ValueError(f"{text!r} cannot be the name of an environment variable")
    return _writable(text)


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"'{path}' is not an absolute path")
    return path


Text = Annotated[str, AfterValidator(_writable)]
Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_writable)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S, allow_inf_nan=False)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SubmitBody(_Body):
    """A job to queue; fields left out are the daemon's choice."""

    argv: Annotated[list[Text], Field(min_length=1)]
    workdir: Annotated[Text, AfterValidator(_absolute)]
    env: dict[VariableName, Text] = {}
    """The whole environment of the job."""
    name: Label | None = None
    gpus: Annotated[int, Field(ge=0, le=4096)] | None = None
    """Without it: 1, or 0 with one CPU slot where the machine has no GPU."""
    interruptible: bool = False
    duration_s: Seconds | None = None
    """An estimate of the running time, not a limit."""
    time_limit_s: Seconds | None = None
    power_w: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    """An estimate for the whole job, at the board."""
    deadline: AwareDatetime | None = None
    """Finished by then."""
    within_s: Seconds | None = None
    """Finished within this long from now."""
    run_now: bool = False
    hold: bool = False
    zone: Label | None = None
    project: Label | None = None
    tags: Annotated[list[Label], Field(max_length=100)] = []
    after: Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(max_length=1000)] = []
    """Jobs that must have completed first."""
    checkpoint_signal: Annotated[Text, AfterValidator(_signal_name)] | None = None
    grace_s: Seconds = 30.0
    retries: Annotated[int, Field(ge=0, le=1000)] = 0
    patience_g_per_h: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    """Grams worth emitting to have the job end an hour sooner."""
    idempotency_key: Label | None = None
    """Submitted again under the same key, the job is not queued a second time: the answer is that of the first."""
    dry_run: bool = False
    """Answer with the plan and queue nothing."""

    @model_validator(mode="after")
    def _one_moment(self) -> SubmitBody:
        if self.deadline is not None and self.within_s is not None:
            raise ValueError("give `deadline` or `within_s`, not both")
        if self.run_now and self.hold:
            raise ValueError("a job cannot both run now and be held")
        return self

    def to_request(self) -> JobRequest:
        return JobRequest(
            argv=tuple(self.argv),
            workdir=self.workdir,
            env=self.env,
            name=self.name,
            gpus=self.gpus,
            interruptible=self.interruptible,
            duration=_length(self.duration_s),
            time_limit=_length(self.time_limit_s),
            power=None if self.power_w is None else Power(self.power_w),
            deadline=self.deadline,
            within=_length(self.within_s),
            run_now=self.run_now,
            hold=self.hold,
            zone=self.zone,
            project=self.project,
            tags=tuple(self.tags),
            after=tuple(self.after),
            checkpoint_signal=self.checkpoint_signal,
            grace=timedelta(seconds=self.grace_s),
            retries=self.retries,
            patience_g_per_h=self.patience_g_per_h,
            idempotency_key=self.idempotency_key,
        )


class RecomputeBody(_Body):
    """Ended jobs whose statements are to be drawn up anew."""

    jobs: Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(min_length=1, max_length=1000)]


class CleanBody(_Body):
    """How the files of an ended job are to be removed."""

    dry_run: bool = False
    """Answer with how much it would be and remove nothing."""


class UpdateBody(_Body):
    """What may be changed of a job that has not ended."""

    deadline: AwareDatetime | None
    """Finished by then; null takes the deadline away."""


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
