"""A job that is in no plan, in words: why it is not, and what would change that or where more is told."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState


def state_words(job: Job, before: Sequence[Job] = ()) -> tuple[str, ...]:
    """`before`: the jobs that it comes after."""
    if words := kept_waiting_words(job, before):
        return words
    state = f"Job {job.id} is {job.state}" + (f": {job.detail}" if job.detail else f" ({job.reason})")
    if not job.ended:
        return (f"{state}.",)
    told = "what it used and emitted" if job.attempts else "its history"
    return (f"{state}; `carbonq show {job.id}` shows {told}.",)


def kept_waiting_words(job: Job, before: Sequence[Job] = (), rehearsed: bool = False) -> tuple[str, ...]:
    """What keeps it out of the plan: that it is held, or waits for others; none where neither does."""
    if job.state is JobState.HELD:
        return (f"Job {job.id} is held; `carbonq release {job.id}` lets it be planned.",)
    awaited = [each for each in before if each.state is not JobState.COMPLETED]
    if not awaited or job.state is not JobState.QUEUED:
        return ()
    waits = (
        f"{'This job' if rehearsed else f'Job {job.id}'} waits for {print_jobs([j.id for j in awaited])} to complete"
    )
    held = [each.id for each in awaited if each.state is JobState.HELD]
    if not held:
        return (f"{waits}; `carbonq explain {awaited[0].id}` says what that waits for.",)
    are, them = ("is", "it") if len(held) == 1 else ("are", "them")
    release = f"carbonq release {' '.join(map(str, held))}"
    return (f"{waits}; {print_jobs(held)} {are} held, and `{release}` lets {them} be planned.",)


def print_jobs(ids: Sequence[int]) -> str:
    """`job 1`, `jobs 1, 2`."""
    return ("job " if len(ids) == 1 else "jobs ") + ", ".join(str(number) for number in ids)
