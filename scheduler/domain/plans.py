"""What the planner is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval, total_length
from scheduler.domain.places import length_micros, to_micros
from scheduler.domain.prices import PowerPrice
from scheduler.domain.series import StepSeries
from scheduler.domain.units import Emissions, Energy, Power


@dataclass(frozen=True, slots=True)
class SwitchCost:
    """What one suspend with its resume costs: checkpoint, restart and re-warming, run at the job's power."""

    time: timedelta = timedelta(seconds=120)
    energy: Energy = Energy(0.0)
    """Beyond `time` at the job's power."""


class JobMicros(NamedTuple):
    """The times of a job in whole microseconds: reckoned once, however many plans are made of the same job."""

    submitted: int
    earliest_start: int
    finish_by: int
    remaining: int
    switch: int
    min_run: int
    margin: int


@dataclass(frozen=True, slots=True)
class PlannableJob:
    """A job as the planner sees it: what it needs, what it may do, and what it already holds."""

    id: int
    submitted_at: datetime
    pool: Pool
    width: int
    """GPUs, or CPU slots, held while it runs."""
    remaining: timedelta
    power: Power
    """Of the whole job."""
    finish_by: datetime
    earliest_start: datetime
    interruptible: bool = False
    running: bool = False
    """It holds its places now; unless it may pause it keeps them until it ends."""
    run_now: bool = False
    """The user asked for no waiting: as early as first-come-first-served allows."""
    switch: SwitchCost = SwitchCost()
    min_run: timedelta = timedelta(minutes=5)
    """Shortest stretch worth starting."""
    after: tuple[int, ...] = ()
    """Jobs of this problem that must have finished first."""
    patience_g_per_h: float = 0.0
    """The waiting price: what an hour by which it ends later than it could is worth [gCO2eq, PUE not included]."""
    margin: timedelta = timedelta(0)
    """How much longer than `remaining` it may yet run, with the confidence asked for: kept free before its deadline
    where that makes no job late."""
    micros: JobMicros = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        moments = self.submitted_at, self.earliest_start, self.finish_by
        lengths = self.remaining, self.switch.time, self.min_run, self.margin
        object.__setattr__(self, "micros", JobMicros(*map(to_micros, moments), *map(length_micros, lengths)))

    @property
    def may_pause(self) -> bool:
        """It may be suspended, and nobody asked for no waiting."""
        return self.interruptible and not self.run_now

    @property
    def fixed(self) -> bool:
        """It holds its places until it ends, whatever anybody plans."""
        return self.running and not self.may_pause


@dataclass(frozen=True, slots=True)
class ExpectedWork:
    """Work that nobody has submitted yet but, by what came lately, somebody will: a portion of what is to be expected.

    It may be done at any time of its window, in as many parts as you like, and needs `length` at `places`.
    """

    pool: Pool
    earliest_start: datetime
    finish_by: datetime
    length: timedelta
    places: float
    """GPUs, or CPU slots, that it can hold at a time: the mean of what may come, so no whole number."""
    power_of_a_place: Power
    micros: tuple[int, int, int] = field(init=False, repr=False, compare=False)
    """Earliest start, finish and length in whole microseconds."""

    def __post_init__(self) -> None:
        micros = to_micros(self.earliest_start), to_micros(self.finish_by), length_micros(self.length)
        object.__setattr__(self, "micros", micros)


@dataclass(frozen=True, slots=True)
class PlanningProblem:
    """Everything a policy may know. `forecast` None: nothing is known, so jobs run in order and nothing is claimed."""

    now: datetime
    jobs: tuple[PlannableJob, ...]
    capacity: dict[Pool, int]
    forecast: CarbonForecast | None
    expected: tuple[ExpectedWork, ...] = ()
    price: PowerPrice | None = None
    """What power costs; None: nobody asked for money."""

    def job(self, job_id: int) -> PlannableJob:
        return next(job for job in self.jobs if job.id == job_id)


@dataclass(frozen=True, slots=True)
class Placement:
    """When one job is to hold its places; intervals are sorted and apart. None emitted: forecast does not reach."""

    job: int
    intervals: tuple[Interval, ...]
    emissions: Emissions | None
    """Expected, PUE not included."""
    run_now_emissions: Emissions | None
    """Expected, had it started when first-come-first-served would have."""
    run_now_start: datetime
    late: bool
    """Whether it is expected to finish after `finish_by`."""
    reason: str
    """A closed word: `carbon-window`, `resources`, `dependency`, `due`, `run-now`, `running`, `no-forecast`."""
    place_price_g_per_h: float | None = None
    """What other jobs would save with one of its places, in the mean over its intervals; None where nobody reckoned."""
    energy_cost: float | None = None
    """What its power is expected to cost [unit of money], PUE not included; None without a price."""
    run_now_energy_cost: float | None = None

    @property
    def start(self) -> datetime:
        return self.intervals[0].start

    @property
    def end(self) -> datetime:
        return self.intervals[-1].end

    @property
    def switches(self) -> int:
        return len(self.intervals) - 1

    @property
    def busy(self) -> timedelta:
        return total_length(self.intervals)

    def active_at(self, moment: datetime) -> bool:
        return any(moment in interval for interval in self.intervals)


@dataclass(frozen=True, slots=True)
class Plan:
    """One placement for every job of the problem, and what the whole is expected to emit."""

    policy: str
    made_at: datetime
    placements: tuple[Placement, ...]
    forecast_issued_at: datetime | None = None
    lower_bound: Emissions | None = None
    """No plan for the same forecast, slots and jobs can emit less; None where a policy proves none."""
    notes: tuple[str, ...] = field(default=())
    place_prices: Mapping[Pool, StepSeries] = field(default_factory=dict, repr=False)
    """What a place of each pool is worth to others over time [gCO2eq/h]; the next plan's search begins there."""
    micros: Mapping[int, tuple[tuple[int, int], ...]] | None = field(default=None, repr=False, compare=False)
    """Intervals by job in whole microseconds, where the planner that made it had them so; else see `segments`."""

    def for_the_record(self) -> Plan:
        """Without what makes the next plan quicker; a daemon started anew keeps to its times alone."""
        return replace(self, place_prices={}, micros=None)

    @property
    def segments(self) -> Mapping[int, tuple[tuple[int, int], ...]]:
        """By job: [start, end) in whole microseconds."""
        if self.micros is not None:
            return self.micros
        return {p.job: tuple((to_micros(i.start), to_micros(i.end)) for i in p.intervals) for p in self.placements}

    def placement(self, job_id: int) -> Placement | None:
        return next((p for p in self.placements if p.job == job_id), None)

    @property
    def late_jobs(self) -> int:
        return sum(p.late for p in self.placements)

    @property
    def emissions(self) -> Emissions | None:
        """Of all placements; None when one is unknown."""
        total = 0.0
        for placement in self.placements:
            if placement.emissions is None:
                return None
            total += placement.emissions.grams
        return Emissions(total)
