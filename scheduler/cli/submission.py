"""From the options of `carbonq submit` to the request that the daemon understands."""

from __future__ import annotations

import math
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scheduler.cli import environment, times
from scheduler.cli.command_line import runnable, usable_workdir
from scheduler.cli.directives import script_of
from scheduler.cli.failures import Failure
from scheduler.cli.output import notice
from scheduler.cli.patience import patience
from scheduler.cli.wishes import MOMENTS, Wishes

MOST_WATTS = 1e6
"""Of one job; the daemon takes no more."""
_OPTIONS = {
    "name": "--name",
    "gpus": "--gpus",
    "zone": "--zone",
    "project": "--project",
    "tags": "--tag",
    "after": "--after",
    "checkpoint_signal": "--checkpoint-signal",
    "grace_s": "--grace",
    "retries": "--retries",
    "deadline": "--by",
    "idempotency_key": "--idempotency-key",
    "env": "--env",
    "workdir": "--workdir",
}
"""Options by the field that the daemon names."""
_FIELD = re.compile(r"(^|; )([a-z_]+)(?:\.[^:\s]+)?: ")


def request_body(command: list[str], wishes: Wishes, now: datetime) -> dict[str, Any]:
    """What is sent to the daemon: the shape of scheduler.api.models.SubmitBody."""
    _check_moments(wishes)
    workdir = usable_workdir(wishes.workdir)
    env = environment.job_environment(wishes.env, os.environ)
    return {
        "argv": runnable(command, workdir, env),
        "workdir": str(workdir),
        "env": env,
        "name": wishes.name or _name(command, workdir),
        "gpus": wishes.gpus,
        "interruptible": wishes.interruptible,
        "duration_s": _seconds(wishes.duration, "--duration"),
        "time_limit_s": _seconds(wishes.time_limit, "--time-limit"),
        "power_w": _watts(wishes.power),
        "deadline": _deadline(wishes.by, now),
        "within_s": _seconds(wishes.within, "--within"),
        "run_now": wishes.now,
        "hold": wishes.hold,
        "zone": wishes.zone,
        "project": wishes.project,
        "tags": wishes.tag,
        "after": wishes.after,
        "checkpoint_signal": wishes.checkpoint_signal,
        "grace_s": _seconds(wishes.grace, "--grace"),
        "retries": wishes.retries,
        "patience_g_per_h": patience(wishes.patience),
        "idempotency_key": wishes.idempotency_key,
        "dry_run": wishes.dry_run,
    }


def in_options(message: str) -> str:
    """What the daemon says of the fields of a request, said of the options that they come from."""
    return _FIELD.sub(lambda found: f"{found[1]}{_OPTIONS.get(found[2], found[2])}: ", message)


def _check_moments(wishes: Wishes) -> None:
    given = [f"--{name}" for name in MOMENTS if getattr(wishes, name)]
    if "--within" in given and "--by" in given:
        raise Failure("--within and --by both say when the job is to be finished; give one")
    if wishes.now and wishes.hold:
        raise Failure("--now and --hold contradict each other; give one")


def _seconds(text: str | None, option: str) -> float | None:
    return None if text is None else times.length(text, option).total_seconds()


def _deadline(text: str | None, now: datetime) -> str | None:
    if text is None:
        return None
    moment, remark = times.moment(text, "--by", now)
    if remark:
        notice(remark)
    return moment.astimezone(UTC).isoformat()


def _watts(text: str | None) -> float | None:
    if text is None:
        return None
    compact = text.strip().lower().replace(" ", "")
    factor = 1000.0 if compact.endswith("kw") else 1.0
    try:
        watts = float(compact.removesuffix("w").removesuffix("k")) * factor
    except ValueError:
        watts = math.nan
    if not 0 < watts <= MOST_WATTS:
        raise Failure(f"--power: '{text}' is not a power up to 1000kW; write it like 300W or 1.2kW")
    return watts


def _name(command: list[str], workdir: Path) -> str:
    script = script_of(command, workdir)
    return (script.stem if script else Path(command[0]).name) or "job"
