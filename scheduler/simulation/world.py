"""What a simulation is given: the grid as it was, the jobs as they came, and what was forecast when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Protocol

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.intervals import Interval
from scheduler.domain.places import to_micros
from scheduler.domain.prices import PowerPrice
from scheduler.domain.series import StepSeries
from scheduler.domain.units import JOULES_PER_KWH
from scheduler.planning.money import price_outlook
from scheduler.planning.outlook import Outlook


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
    patience_g_per_h: float = 0.0
    """Grams worth emitting to have it end an hour sooner, PUE included."""


class Forecaster(Protocol):
    """What is forecast at a moment, knowing no more than was known then."""

    @property
    def step(self) -> timedelta | None:
        """How often it has something new to say; None where what it says never changes."""
        ...

    def at(self, now: datetime) -> CarbonForecast | None:
        """Expected intensity from `now` on, as far as it reaches."""
        ...


@dataclass(frozen=True)
class World:
    actual: StepSeries
    jobs: tuple[SimulatedJob, ...]
    gpus: int
    pue: float = 1.0
    price: PowerPrice | None = None
    """What power costs, known in advance; beyond its end its last day holds again."""

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

    @cached_property
    def prices(self) -> Outlook | None:
        """Prices for all of the span [unit of money/kWh]."""
        return None if self.price is None else price_outlook(self.price, self.span.start, self.span.end)

    def energy_cost(self, power_w: float, held: tuple[Interval, ...]) -> float | None:
        """What the power of holding GPUs costs [unit of money]; None without a price."""
        if self.prices is None:
            return None
        spent = sum(self.prices.between(to_micros(i.start), to_micros(i.end)) for i in held)
        return self.pue * power_w * spent / JOULES_PER_KWH
