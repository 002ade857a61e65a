"""Deadlines under wrong estimates: as many are met as was asked for, and knowing estimates exact costs nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from fakes.clock import NOON
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.series import StepSeries
from scheduler.planning.settings import PLAIN
from scheduler.simulation.forecasters import Perfect
from scheduler.simulation.report import schedule_rows
from scheduler.simulation.run import Simulation, simulate
from scheduler.simulation.world import SimulatedJob, World

HOUR = timedelta(hours=1)
DAYS, JOBS_A_DAY = 40, 5
ERROR = 0.3
"""Standard deviation of ln(length / estimate)."""


def job(name: str, submitted: datetime, estimate: timedelta, ratio: float, interruptible: bool = False) -> SimulatedJob:
    """To be finished a day after its submission."""
    deadline = submitted + 24 * HOUR
    return SimulatedJob(
        name, submitted, estimate * ratio, 1, 1000.0, deadline, interruptible, timedelta(minutes=2), estimate
    )  # fmt: skip


def falling_days(days: int) -> StepSeries:
    """Each day from noon to noon gets cleaner to its end: whoever may waits for the deadline itself."""
    starts = NOON.timestamp() + 3600.0 * np.arange(24 * days)
    return StepSeries(starts, starts + 3600, np.tile(np.linspace(500, 40, 24), days))


def misjudged_world() -> World:
    ratios = np.exp(ERROR * np.random.default_rng(3).standard_normal((DAYS, JOBS_A_DAY)))
    jobs = tuple(
        job(f"{day}-{n}", NOON + 24 * day * HOUR, 3 * HOUR, float(ratio))
        for day, of_day in enumerate(ratios)
        for n, ratio in enumerate(of_day)
    )
    return World(falling_days(DAYS + 2), jobs, JOBS_A_DAY)


def run(world: World, confidence: float, policy: str = "lowest-window") -> Simulation:
    return simulate(world, policy, Perfect(world.actual), PLAIN, timedelta(0), confidence=confidence)


def share_in_time(done: Simulation) -> float:
    """All of them could have been in time: none runs for a day."""
    return sum(s.end <= (s.job.deadline or s.end) for s in done.states) / len(done.states)


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_as_many_deadlines_are_met_as_was_asked_for(confidence: float) -> None:
    """Learnt from the jobs themselves as they end, on days on which every plan goes to the very edge."""
    done = run(misjudged_world(), confidence)
    error = 3 * (confidence * (1 - confidence) / len(done.states)) ** 0.5
    assert share_in_time(done) >= confidence - error


def test_who_asks_for_more_confidence_misses_far_fewer_deadlines() -> None:
    """At even odds half of them are missed."""
    world = misjudged_world()
    bold, careful = run(world, 0.5), run(world, 0.95)
    assert share_in_time(bold) < 0.6
    assert 1 - share_in_time(careful) < (1 - share_in_time(bold)) / 4


@st.composite
def exact_worlds(draw: st.DrawFn) -> World:
    jobs = tuple(
        job(f"j{n}", NOON + draw(st.integers(0, 20)) * HOUR, draw(st.integers(1, 8)) * HOUR, 1.0, draw(st.booleans()))
        for n in range(draw(st.integers(1, 6)))
    )
    return World(falling_days(4), jobs, 2)


@given(world=exact_worlds(), policy=st.sampled_from(["suspend-resume", "carbonq"]))
@settings(max_examples=25)
def test_where_estimates_are_exact_confidence_changes_nothing(world: World, policy: str) -> None:
    assert schedule_rows(run(world, 0.5, policy)) == schedule_rows(run(world, 0.99, policy))
