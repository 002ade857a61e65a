"""How long jobs will run, by what their users' completed jobs took: read from the store when one has ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.dispatch.running_times import PastRuns
from scheduler.dispatch.urgency import ran_at, remaining_at
from scheduler.dispatch.vacancy import OPEN
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import HOLDING_GPUS
from scheduler.domain.running_time import REMEMBERED, RunningTime
from scheduler.ports import Store


class RunningTimes:
    """Asked on the thread that may read the store; `forget` may be called from any."""

    def __init__(self, store: Store, assumed: timedelta) -> None:
        """`assumed`: what a job without an estimate or a like one is taken to run."""
        self._store, self._assumed = store, assumed
        self._past: dict[int, PastRuns] = {}

    def forget(self) -> None:
        """A job has ended: there is more to learn from."""
        self._past = {}

    def of(self, job: Job) -> RunningTime:
        """From its start."""
        past = self._past.get(job.owner.uid)
        if past is None:
            past = PastRuns(self._store.completed_runs(job.owner, REMEMBERED))
            self._past[job.owner.uid] = past
        return past.running_time(job, self._assumed)

    def at(self, job: Job, now: datetime) -> tuple[RunningTime, timedelta]:
        """(given what it has run by now, running time expected yet)."""
        segments = self._store.segments(job.id) if job.state in HOLDING_GPUS else ()
        running = next((segment for segment in segments if segment.state in OPEN), None)
        likely = self.of(job).given(ran_at(job, running, now))
        return likely, remaining_at(job, running, now, likely)
