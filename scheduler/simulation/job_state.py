"""One simulated job as it goes: how much work is left, whether it runs, what it has held so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.plans import PlannableJob, SwitchCost
from scheduler.domain.running_time import RunningTime, Spread
from scheduler.domain.units import Power
from scheduler.simulation.world import SimulatedJob

NOTHING = timedelta(0)
OVERRUN = 0.1
"""A job that outlives its estimate is expected to need this share of what it has run so far."""


@dataclass(slots=True)
class JobState:
    """Mutable: the simulation's only memory of a job."""

    number: int
    job: SimulatedJob
    finish_by: datetime
    left: timedelta
    done: timedelta = NOTHING
    patience_g_per_h: float = 0.0
    """Of its waiting, as plans reckon: PUE not included."""
    overhead: timedelta = NOTHING
    """Of the switch being paid for just now."""
    running_since: datetime | None = None
    held: list[Interval] = field(default_factory=list)
    _told: PlannableJob | None = None
    """What the planner was told last, as long as it is still so."""
    _told_with: Spread | None = None

    @property
    def finished(self) -> bool:
        return self.left <= NOTHING

    @property
    def begun(self) -> bool:
        return bool(self.held) or self.running_since is not None

    @property
    def switches(self) -> int:
        return max(0, len(self.held) - 1)

    @property
    def end(self) -> datetime:
        return self.held[-1].end

    def plannable(self, spread: Spread | None = None, confidence: float = 0.5) -> PlannableJob:
        """What the planner is told: the estimate, and with a spread how far beyond it the job may run."""
        if self._told is None or self._told_with is not spread:
            told = self._plannable(self.job.expected - self.done)
            self._told = told if spread is None else self._heeding_chance(told, spread, confidence)
            self._told_with = spread
        return self._told

    def truly(self) -> PlannableJob:
        """What a planner would be told that knew the true length."""
        return self._plannable(self.left)

    def idle_until(self, stretches: tuple[Interval, ...], moment: datetime) -> bool:
        """Whether nothing becomes of it before `moment`: it does not run, and nothing is planned for it until then."""
        return self.running_since is None and (not stretches or stretches[0].start >= moment)

    def _plannable(self, expected: timedelta) -> PlannableJob:
        if expected <= NOTHING:
            expected = max(self.done * OVERRUN, timedelta(minutes=1))
        running = self.running_since is not None
        to_pay = self.overhead if running else self._resume(False)
        return PlannableJob(
            id=self.number,
            submitted_at=self.job.submitted_at,
            pool=Pool.GPU,
            width=self.job.gpus,
            remaining=expected + to_pay,
            power=Power(self.job.power_w),
            finish_by=self.finish_by,
            earliest_start=self.job.submitted_at,
            interruptible=self.job.interruptible,
            running=running,
            switch=SwitchCost(self.job.switch),
            patience_g_per_h=self.patience_g_per_h,
        )

    def _heeding_chance(self, told: PlannableJob, spread: Spread, confidence: float) -> PlannableJob:
        likely = RunningTime(self.job.expected, spread, ran=self.done)
        to_pay = self.overhead if told.running else self._resume(False)
        left = likely.left(told.remaining - to_pay)
        settled = told.running and not told.interruptible
        heeded = self.job.deadline is not None and not settled
        return replace(told, remaining=left + to_pay, margin=likely.margin(confidence, left) if heeded else NOTHING)

    def follow(self, stretches: tuple[Interval, ...], span: Interval) -> None:
        """Hold the GPUs in those stretches as far as `span` goes; what runs at its end runs on.

        So does what is to pause just then: the next plan, of that moment, has the last word.
        """
        if self.running_since is not None and not any(span.start in stretch for stretch in stretches):
            self._stop(span.start)
        for stretch in stretches:
            part = stretch.intersection(span)
            if part is None:
                continue
            stopped = self._run(part)
            if self.finished or (stretch.end < span.end and stretch is not stretches[-1]):
                self._stop(stopped)

    def surprise(self, stretches: tuple[Interval, ...], now: datetime) -> datetime | None:
        """When reality leaves the plan: done sooner than planned, or not done at its end; None where neither."""
        going_on = self.running_since is not None and bool(stretches) and stretches[0].start <= now
        left = self.left
        for k, stretch in enumerate(stretches):
            overhead = self.overhead if k == 0 and going_on else self._resume(k > 0)
            if overhead + left < stretch.length:
                return stretch.start + overhead + left
            left -= max(stretch.length - overhead, NOTHING)
        return stretches[-1].end if stretches and left > NOTHING else None

    def _run(self, part: Interval) -> datetime:
        """Hold the GPUs for `part`, or until done: the moment of stopping."""
        self._told = None
        if self.running_since is None:
            self.overhead = self._resume(False)
            self.running_since = part.start
        length = min(part.length, self.overhead + self.left)
        worked = max(length - self.overhead, NOTHING)
        self.overhead = max(self.overhead - length, NOTHING)
        self.left -= worked
        self.done += worked
        return part.start + length

    def _resume(self, later: bool) -> timedelta:
        """What beginning a stretch costs; the very first costs nothing."""
        return self.job.switch if self.begun or later else NOTHING

    def _stop(self, moment: datetime) -> None:
        """Let go of the GPUs: suspended, or done."""
        self._told = None
        if self.running_since is not None and moment > self.running_since:
            self.held.append(Interval(self.running_since, moment))
        self.running_since = None
