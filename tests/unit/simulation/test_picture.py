"""What the picture of a simulation shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.intervals import Interval
from scheduler.simulation.job_state import JobState
from scheduler.simulation.picture import gpus_in_use
from scheduler.simulation.run import Simulation
from scheduler.simulation.svg import Panel, round_values
from scheduler.simulation.world import SimulatedJob

HOUR = timedelta(hours=1)


def held(gpus: int, *hours: tuple[float, float]) -> JobState:
    """A job that held its GPUs from hour to hour."""
    job = SimulatedJob("j", NOON, HOUR, gpus, 500.0, None, True, timedelta(0), HOUR)
    intervals = [Interval(NOON + start * HOUR, NOON + end * HOUR) for start, end in hours]
    return JobState(1, job, NOON + 24 * HOUR, timedelta(0), held=intervals)


def test_gpus_in_use_add_up_and_fall_to_none_while_a_job_is_suspended() -> None:
    edges, gpus = gpus_in_use(Simulation("any", (held(2, (0, 1), (3, 4)), held(1, (0.5, 1))), ()))
    assert [(edge - NOON.timestamp()) / 3600 for edge in edges] == [0, 0.5, 1, 3, 4]
    assert gpus.tolist() == [2, 3, 0, 2]


def test_where_nothing_ran_nothing_is_drawn() -> None:
    assert gpus_in_use(Simulation("any", (), ()))[1].size == 0


@given(top=st.floats(0.01, 1e6))
def test_an_axis_has_a_few_round_values_from_zero_and_none_above_its_top(top: float) -> None:
    values = round_values(top)
    assert values[0] == 0 and 3 <= len(values) <= 6
    assert values[-1] <= top * (1 + 1e-6)


@pytest.mark.parametrize(("hours", "label"), [(6, "14:00"), (24 * 6, "25 Nov"), (24 * 60, "7 Dec")])
def test_times_are_round_and_as_far_apart_as_the_span_asks(hours: int, label: str) -> None:
    assert f">{label}</text>" in Panel(Interval(NOON, NOON + hours * HOUR), 1, 0, 100).times()
