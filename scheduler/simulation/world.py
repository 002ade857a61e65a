"""What a simulation is given: the grid as it was, the jobs as they came, and what was forecast when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.domain.units import JOULES_PER_KWH


@dataclass(frozen=True, slots=True)
class SimulatedJob:
    """A row of jobs.csv; `expected` is what the planner is told of `duration`."""

    name: str
    submitted_at: datetime
    duration: timedelta
    gpus: int
    power_w: float
    deadline: datetime | None
    interruptible: bool
    switch: timedelta
    expected: timedelta


class Forecaster(Protocol):
    """What is forecast at a moment, knowing no more than was known then."""

    @property
    def step(self) -> timedelta | None:
        """How often it has something new to say; None where what it says never changes."""
        ...

    def at(self, now: datetime) -> CarbonForecast | None:
        """Expected intensity from `now` on, as far as it reaches."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    actual: StepSeries
    jobs: tuple[SimulatedJob, ...]
    gpus: int
    pue: float = 1.0

    @property
    def span(self) -> Interval:
        span = self.actual.span
        if span is None:
            raise ValueError("a simulation needs an intensity series")
        return span

    @property
    def step(self) -> timedelta:
        """Length of the series' first row."""
        return timedelta(seconds=float(self.actual.ends[0] - self.actual.starts[0]))

    def emissions_g(self, power_w: float, held: tuple[Interval, ...]) -> float:
        """Operational emissions of holding GPUs at a power, by the actual intensity [gCO2eq]."""
        return self.pue * power_w * sum(self.actual.integral(i) for i in held) / JOULES_PER_KWH
