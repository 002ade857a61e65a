"""From a job as it was asked for to what is to run: the machine's zone, its GPUs and a name filled in."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath

from scheduler.domain.errors import ExecutorError, RequestError
from scheduler.domain.gpus import Inventory
from scheduler.domain.jobs import JobSpec
from scheduler.service_views.requests import JobRequest


def spec_of(request: JobRequest, zone: str, inventory: Inventory | None, now: datetime) -> JobSpec:
    """The request with the daemon's defaults filled in; RequestError says what cannot be."""
    if request.deadline is not None and request.within is not None:
        raise RequestError("give either --by or --within, not both")
    if request.zone is not None and request.zone.upper() != zone.upper():
        raise RequestError(
            f"this machine draws its power in zone {zone}, not {request.zone}; leave --zone out, or change "
            "grid.zone in the settings if it has moved (`carbonq grid providers` lists the zones)"
        )
    try:
        return JobSpec(
            argv=request.argv,
            workdir=request.workdir,
            name=request.name or PurePath(_script(request)).name,
            gpus=_gpus(request, inventory),
            interruptible=request.interruptible,
            duration=request.duration,
            time_limit=request.time_limit,
            power=request.power,
            deadline=now + request.within if request.within is not None else request.deadline,
            run_now=request.run_now,
            zone=zone,
            project=request.project,
            tags=request.tags,
            after=request.after,
            checkpoint_signal=request.checkpoint_signal,
            grace=request.grace,
            retries=request.retries,
            patience_g_per_h=request.patience_g_per_h,
            idempotency_key=request.idempotency_key,
        )
    except (ValueError, OverflowError, IndexError) as error:
        raise RequestError(f"{error}; see `carbonq submit --help`") from error


def _gpus(request: JobRequest, inventory: Inventory | None) -> int:
    if request.gpus is not None:
        return request.gpus
    if inventory is None:
        raise ExecutorError(
            "the worker agent has not answered yet, so nobody knows whether there is a GPU; "
            "say --gpus, or try again in a second"
        )
    return 1 if inventory.gpus else 0


def _script(request: JobRequest) -> str:
    """What a job is called where the user does not say: its script, or else its program."""
    scripts = [part for part in request.argv[1:] if part.endswith((".py", ".sh"))]
    return scripts[0] if scripts else request.argv[0]
