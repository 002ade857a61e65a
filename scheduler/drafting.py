"""A request checked against the machine, the queue and the clock, with all filled in that its user left open."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.config import QueueSettings
from scheduler.domain.durations import FARTHEST, format_duration
from scheduler.domain.errors import NotFound, RequestError
from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.jobs import Basis, Job, JobSpec, Owner
from scheduler.domain.lifecycle import TERMINAL, JobState
from scheduler.domain.units import Power
from scheduler.ports import JobDraft, Store

LONGEST_ARGV_BYTES = 128 * 1024
"""A command of more than this is refused: Linux would refuse to execute it (MAX_ARG_STRLEN)."""
ASSUMED_SHARE = 0.95
"""Share of the time to a near deadline that a job without an estimate is assumed to take; the rest is for starting."""


def draft_job(
    store: Store, spec: JobSpec, owner: Owner, now: datetime, inventory: Inventory | None, queue: QueueSettings
) -> JobDraft:
    """Check a request against the machine and the clock and fill in what the user left open; RequestError says how."""
    _check_command(spec)
    _check_lengths(spec)
    _check_fits(spec, inventory)
    _check_dependencies(store, spec, owner)
    duration, duration_basis = _expected_duration(store, spec, owner, queue)
    if duration_basis is Basis.ASSUMED and spec.deadline is not None:
        duration = assumed_before(spec.deadline, now, duration)
    power, power_basis = _expected_power(store, spec, owner, inventory, queue)
    finish_by = _finish_by(spec, now, duration, duration_basis, queue)
    return JobDraft(spec, owner, now, duration, duration_basis, power, power_basis, finish_by)


def known_job(store: Store, job_id: int) -> Job:
    job = store.job(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}; `carbonq list --all` shows those there are")
    return job


def _check_command(spec: JobSpec) -> None:
    if not spec.argv[0]:
        raise RequestError("the command is empty; say what to run")
    size = sum(len(part.encode("utf-8", "surrogateescape")) + 1 for part in spec.argv)
    if size > LONGEST_ARGV_BYTES:
        raise RequestError(f"the command is {size:,} bytes long, more than {LONGEST_ARGV_BYTES:,}; put it in a script")
    if any("\0" in part for part in spec.argv):
        raise RequestError("the command holds a NUL byte, which no program can be given")


def _check_lengths(spec: JobSpec) -> None:
    if spec.duration is not None and spec.time_limit is not None and spec.time_limit < spec.duration:
        limit, length = format_duration(spec.time_limit), format_duration(spec.duration)
        raise RequestError(
            f"--time-limit would stop the job after {limit}, before the {length} are over that --duration says it "
            "runs; raise the limit, or give a shorter estimate"
        )


def _check_fits(spec: JobSpec, inventory: Inventory | None) -> None:
    if inventory is None:
        return
    if not spec.gpus and not inventory.cpu_slots:
        raise RequestError(f"{inventory.host} has no CPU slots (worker.cpu_slots); ask for --gpus 1 or more")
    have = inventory.capacity(Pool.GPU)
    if spec.gpus > have:
        why = f" ({inventory.degraded})" if inventory.degraded else ""
        rest = "use --gpus 0 for a CPU slot" if have == 0 else f"ask for {have} or fewer"
        asked = f"{spec.gpus} GPU{'' if spec.gpus == 1 else 's'}"
        raise RequestError(f"{asked} asked for, {inventory.host} has {have}{why}; {rest}")


def _check_dependencies(store: Store, spec: JobSpec, owner: Owner) -> None:
    for job_id in spec.after:
        before = known_job(store, job_id)
        if before.state in TERMINAL and before.state is not JobState.COMPLETED:
            raise RequestError(f"--after {job_id}: that job ended as {before.state}, so this one could never start")
        if before.owner.uid != owner.uid:
            raise RequestError(
                f"--after {job_id}: that job belongs to {before.owner.name}; wait for your own jobs only"
            )


def _expected_duration(store: Store, spec: JobSpec, owner: Owner, queue: QueueSettings) -> tuple[timedelta, Basis]:
    if spec.duration is not None:
        return spec.duration, Basis.USER
    like = store.like_durations(spec, owner)
    expected, basis = (_median(like), Basis.HISTORY) if like else (queue.assumed_duration, Basis.ASSUMED)
    # A job is stopped at its limit, so it cannot be expected to run longer.
    return (min(expected, spec.time_limit) if spec.time_limit else expected), basis


def _median(lengths: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=max(1.0, statistics.median(length.total_seconds() for length in lengths)))


def _expected_power(
    store: Store, spec: JobSpec, owner: Owner, inventory: Inventory | None, queue: QueueSettings
) -> tuple[Power, Basis]:
    if spec.power is not None:
        return spec.power, Basis.USER
    # A job over before its first sample has no power to learn from: its zero is unknown.
    if like := [power.watts for power in store.like_powers(spec, owner) if power.watts > 0]:
        return Power(statistics.median(like)), Basis.HISTORY
    if not spec.gpus:
        return Power(queue.assumed_cpu_w), Basis.ASSUMED
    limits = [gpu.power_limit.watts for gpu in inventory.gpus if gpu.power_limit] if inventory else []
    return Power(spec.gpus * (statistics.median(limits) if limits else queue.assumed_gpu_w)), Basis.ASSUMED


def _finish_by(spec: JobSpec, now: datetime, duration: timedelta, basis: Basis, queue: QueueSettings) -> datetime:
    if spec.deadline is not None:
        check_deadline(spec.deadline, now, duration, basis)
        return spec.deadline
    return now + queue.longest_wait + duration


def assumed_before(deadline: datetime, now: datetime, assumed: timedelta) -> timedelta:
    """What nobody said must not stand in the way: before a near deadline the job is assumed to fit, and starts soon."""
    room = (deadline - now) * ASSUMED_SHARE
    return min(assumed, room) if room > timedelta(0) else assumed


def check_deadline(deadline: datetime, now: datetime, duration: timedelta, basis: Basis) -> None:
    left = deadline - now
    if left <= timedelta(0):
        raise RequestError(f"the deadline passed {format_duration(-left)} ago; give a later one with --by or --within")
    if left > FARTHEST:
        raise RequestError("the deadline is more than ten years away; give an earlier one, or none")
    if left < duration:
        source = "jobs like it ran (median)" if basis is Basis.HISTORY else "it is expected to run"
        raise RequestError(
            f"the deadline is {format_duration(left)} away, but {source} for {format_duration(duration)}; "
            "give a later deadline, or a shorter --duration if you know better"
        )
