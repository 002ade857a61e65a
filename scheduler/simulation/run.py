"""Arrivals, forecasts and plans on a virtual clock; the planner sees only what has been submitted and forecast."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.errors import RequestError
from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.plans import ExpectedWork, Plan, PlanningProblem
from scheduler.domain.running_time import REMEMBERED, estimate_spread
from scheduler.domain.units import Power
from scheduler.planning import HEED_EXPECTED, PlanningSettings, plan
from scheduler.planning.arrivals import AHEAD, LOOK_AGAIN, Arrival, Arrivals
from scheduler.simulation.forecasters import Perfect
from scheduler.simulation.job_state import JobState
from scheduler.simulation.world import Forecaster, SimulatedJob, World

LONGEST_WAIT = timedelta(hours=24)
"""Of a job without a deadline, as in the daemon."""
CONFIDENCE = 0.9
"""With which deadlines are to be met, as in the daemon."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """How one policy did."""

    policy: str
    states: tuple[JobState, ...]
    plan_seconds: tuple[float, ...]
    bound_g: float | None = None
    """Where the first plan knew everything: what it proves that no plan in time emits less than [gCO2eq]."""


def simulate(
    world: World, policy: str, forecaster: Forecaster, settings: PlanningSettings, debounce: timedelta,
    offline: bool = False, confidence: float = CONFIDENCE,
) -> Simulation:  # fmt: skip
    """Run all jobs to their end; RequestError where that is after the series' end.

    Deadlines are to be met with `confidence`, 0 to 1. Where no length differs from its estimate, all know that.
    """
    engine = _Engine(world, policy, forecaster, settings, debounce, offline, confidence)
    engine.run()
    return Simulation(policy, tuple(engine.states), tuple(engine.plan_seconds), engine.bound_g)


def finish_by(job: SimulatedJob, length: timedelta | None = None) -> datetime:
    """The deadline, or the end of the longest wait and of its length after it: the expected one unless given."""
    return job.deadline or job.submitted_at + LONGEST_WAIT + (length or job.expected)


def too_short(policy: str, job: SimulatedJob, end: datetime) -> RequestError:
    return RequestError(
        f"with {policy} job {job.name} goes on after the series ends, {end:%Y-%m-%d %H:%M} UTC; "
        "give a longer series, or of a history an earlier --until"
    )


class _Engine:
    """Mutable: the clock and the jobs."""

    def __init__(
        self, world: World, policy: str, forecaster: Forecaster, settings: PlanningSettings, debounce: timedelta,
        offline: bool, confidence: float,
    ) -> None:  # fmt: skip
        self._world, self._policy, self._forecaster = world, policy, forecaster
        self._settings, self._debounce, self._offline = settings, debounce, offline
        self.states = [
            JobState(n, job, finish_by(job), job.duration, patience_g_per_h=job.patience_g_per_h / world.pue)
            for n, job in enumerate(world.jobs, 1)
        ]
        self.plan_seconds: list[float] = []
        self.bound_g: float | None = None
        self._coming = sorted(self.states, key=lambda s: (s.job.submitted_at, s.number), reverse=True)
        self._active: list[JobState] = []
        self._previous: Plan | None = None
        self._arrivals = Arrivals(Pool.GPU)
        self._reckoned: tuple[datetime, tuple[ExpectedWork, ...]] | None = None
        """Until when it holds, and what is expected."""
        self._confidence = confidence
        self._ratios: deque[float] = deque(maxlen=REMEMBERED)
        """Of the jobs that have ended, length to estimate, the newest first."""
        exact = all(job.expected == job.duration for job in world.jobs)
        self._spread = None if exact else estimate_spread(())

    def run(self) -> None:
        now = self._coming[-1].job.submitted_at if self._coming else self._world.span.start
        while self._coming or self._active:
            self._admit(now)
            made = self._plan(now)
            until = self._next_decision(now, made)
            now = self._follow(made, now, until)
            if now > (end := self._world.span.end):
                beyond = next(s for s in self.states if not s.finished or s.end > end)
                raise too_short(self._policy, beyond.job, end)

    def _admit(self, now: datetime) -> None:
        while self._coming and (self._offline or self._coming[-1].job.submitted_at <= now):
            state = self._coming.pop()
            self._active.append(state)
            self._arrivals.add(_arrival(state))

    def _plan(self, now: datetime) -> Plan:
        jobs = tuple(state.plannable(self._spread, self._confidence) for state in self._active)
        places = {Pool.GPU: self._world.gpus, Pool.CPU: 0}
        forecast, price = self._forecaster.at(now), self._world.price
        problem = PlanningProblem(now, jobs, places, forecast, self._expected(now), price)
        began = time.perf_counter()
        made = plan(problem, self._policy, self._settings, self._previous)
        self.plan_seconds.append(time.perf_counter() - began)
        if self._previous is None and self._knows_all and made.lower_bound is not None:
            self.bound_g = made.lower_bound.grams * self._world.pue
        self._previous = made
        return made

    @property
    def _knows_all(self) -> bool:
        """Whether a plan sees every job, its true length, and the grid as it will be."""
        foreseen = isinstance(self._forecaster, Perfect) and self._forecaster.horizon is None
        return self._offline and self._spread is None and foreseen

    @property
    def _expects(self) -> bool:
        """Nothing is expected where all is known already, or the policy would not heed it."""
        return not self._offline and self._policy in HEED_EXPECTED

    def _expected(self, now: datetime) -> tuple[ExpectedWork, ...]:
        """What may yet come, by what has come until the hour began: who came since changes weeks' means by nothing.

        What was to come in this hour is in it to its end: it would have come by now, and no policy heeds it.
        """
        if not self._expects:
            return ()
        if self._reckoned is None or now >= self._reckoned[0]:
            coming = self._arrivals.expected(now, min(now + AHEAD, self._world.span.end))
            self._reckoned = _next_multiple(now, LOOK_AGAIN), coming
        return self._reckoned[1]

    def _next_decision(self, now: datetime, made: Plan) -> datetime:
        """The first of: an arrival, news of the grid, an hour without either, the end of what is planned."""
        moments = [max(p.end for p in made.placements)] if made.placements else []
        if self._coming:
            moments.append(max(self._coming[-1].job.submitted_at, now + self._debounce if self._active else now))
        if self._forecaster.step is not None and self._active and not self._offline:
            moments.append(_next_multiple(now, self._forecaster.step))
        if self._active and self._coming and self._expects:
            moments.append(max(_next_multiple(now, LOOK_AGAIN), now + self._debounce))
        return max(min(moments), now + timedelta(microseconds=1))

    def _follow(self, made: Plan, now: datetime, until: datetime) -> datetime:
        """Do what the plan says until `until`, or until an estimate proves wrong: the moment reached."""
        planned = {placement.job: placement.intervals for placement in made.placements}
        pairs = [(state, planned.get(state.number, ())) for state in self._active]
        busy = [(state, stretches) for state, stretches in pairs if not state.idle_until(stretches, until)]
        surprises = [state.surprise(stretches, now) for state, stretches in busy]
        until = min([until, *(moment for moment in surprises if moment is not None)])
        span = Interval(now, until)
        for state, stretches in busy:
            state.follow(stretches, span)
        self._learn([state.job for state in self._active if state.finished])
        self._active = [state for state in self._active if not state.finished]
        return until

    def _learn(self, ended: Sequence[SimulatedJob]) -> None:
        """How estimates hold: jobs of a file are taken to be one user's."""
        if ended and self._spread is not None:
            self._ratios.extendleft(job.duration / job.expected for job in ended)
            self._spread = estimate_spread(self._ratios)


def _arrival(state: JobState) -> Arrival:
    job = state.job
    return Arrival(job.submitted_at, Pool.GPU, job.gpus, job.expected, state.finish_by, Power(job.power_w))


def _next_multiple(now: datetime, step: timedelta) -> datetime:
    """The next moment after `now` at a whole number of steps since midnight, UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ((now - midnight) // step + 1) * step
