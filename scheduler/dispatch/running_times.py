"""What one user's completed jobs say of how long the next will run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from scheduler.domain.jobs import Basis, Job
from scheduler.domain.running_time import (
    Learnt,
    RunningTime,
    Spread,
    as_like_jobs,
    estimate_spread,
    unknown_spread,
)
from scheduler.domain.runs import CompletedRun

LikelyRunningTime = Callable[[Job], RunningTime]

_ENOUGH_ALIKE = 5
"""Like jobs with an estimate that are believed alone; with fewer, all of the user's jobs with an estimate count."""
_NEWEST_ALIKE = 20
"""Like jobs whose lengths count, as for the expected duration."""


class PastRuns:
    """Of one user, newest first. What is learnt is kept, for a queue asks the same of many jobs."""

    def __init__(self, runs: Sequence[CompletedRun]) -> None:
        self._alike: dict[tuple[tuple[str, ...], int], list[CompletedRun]] = {}
        for run in runs:
            self._alike.setdefault((run.argv, run.gpus), []).append(run)
        self._own = estimate_spread(_ratios(runs))
        self._estimates: dict[tuple[tuple[str, ...], int], Spread] = {}

    def running_time(self, job: Job, assumed: timedelta) -> RunningTime:
        """From its start; `assumed` is what a job without an estimate is taken to run, however near its deadline."""
        limit = job.spec.time_limit
        if job.duration_basis is Basis.USER:
            return RunningTime(job.expected_duration, self._estimate_spread(job), limit)
        alike = [run.ran for run in self._alike.get((job.spec.argv, job.spec.gpus), ())[:_NEWEST_ALIKE]]
        if job.duration_basis is Basis.HISTORY and alike:
            return as_like_jobs(alike, limit)
        if job.duration_basis is Basis.HISTORY:
            return RunningTime(job.expected_duration, estimate_spread(()), limit)
        return RunningTime(max(job.expected_duration, assumed), unknown_spread(), limit)

    def _estimate_spread(self, job: Job) -> Spread:
        key = (job.spec.argv, job.spec.gpus)
        if key not in self._alike:
            return self._own
        if key not in self._estimates:
            alike = _ratios(self._alike[key])
            self._estimates[key] = (
                estimate_spread(alike, Learnt.LIKE_JOBS) if len(alike) >= _ENOUGH_ALIKE else self._own
            )
        return self._estimates[key]


def _ratios(runs: Sequence[CompletedRun]) -> list[float]:
    """How long each ran in terms of its estimate; those without one tell nothing."""
    return [max(run.ran, timedelta(seconds=1)) / run.estimate for run in runs if run.estimate is not None]
