"""One job alone: where it is placed, to the second."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, MINUTE, forecast, job, problem
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.gpus import Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.plans import PlanningProblem, SwitchCost
from scheduler.domain.units import Emissions, Energy
from scheduler.planning import plan


def at(*hours: float) -> Interval:
    start, end = hours
    return Interval(NOON + start * HOUR, NOON + end * HOUR)


def test_a_job_waits_for_the_cleanest_hour_before_its_deadline() -> None:
    made = plan(problem(job(hours=1, within=4), values=[400, 300, 100, 200, 50]), "lowest-window")
    (placement,) = made.placements
    assert placement.intervals == (at(2, 3),)
    assert placement.emissions == Emissions(100)
    assert placement.run_now_emissions == Emissions(400)
    assert placement.reason == "carbon-window"


def test_a_20_minute_job_at_12_07_is_not_rounded_to_the_forecasts_slots() -> None:
    """It starts at 12:20 so as to end with the clean hour's eve: edges include deadline less duration."""
    at_12_07 = replace(problem(values=[100, 500, 500]), now=NOON + 7 * MINUTE)
    short = job(hours=1 / 3, within=1.1, earliest_start=NOON + 7 * MINUTE, submitted_at=NOON + 7 * MINUTE)
    made = plan(replace(at_12_07, jobs=(short,)), "lowest-window")
    assert made.placements[0].start == NOON + 7 * MINUTE
    falling = replace(at_12_07, jobs=(replace(short, finish_by=NOON + 65 * MINUTE),), forecast=forecast([500, 100]))
    assert plan(falling, "lowest-window").placements[0].intervals[0].end == NOON + 65 * MINUTE


def test_among_equal_windows_the_earliest_is_taken() -> None:
    made = plan(problem(job(hours=1, within=20), values=[200] * 24), "suspend-resume")
    assert made.placements[0].start == NOON
    assert made.placements[0].reason == "run-now"


def test_an_interruptible_job_runs_in_two_clean_hours_and_pays_for_the_switch() -> None:
    """The two minutes of the switch are held and emitted in the stretch after it."""
    two_hours = job(hours=1.5, within=5, interruptible=True)
    made = plan(problem(two_hours, values=[100, 900, 900, 100, 900]), "suspend-resume")
    (placement,) = made.placements
    assert placement.switches == 1
    assert placement.busy == 1.5 * HOUR + 2 * MINUTE
    assert placement.emissions is not None
    assert placement.emissions.grams == pytest.approx(100 * (1.5 + 2 / 60))


def test_a_switch_that_costs_more_than_it_saves_is_not_made() -> None:
    heavy = job(hours=1.5, within=5, interruptible=True, switch=SwitchCost(2 * MINUTE, Energy.from_kwh(50)))
    made = plan(problem(heavy, values=[100, 900, 900, 100, 900]), "suspend-resume")
    assert made.placements[0].switches == 0


def test_a_stretch_shorter_than_the_minimum_run_is_not_started() -> None:
    stubborn = job(hours=1.5, within=5, interruptible=True, min_run=timedelta(hours=2))
    assert plan(problem(stubborn, values=[100, 900, 900, 100, 900]), "suspend-resume").placements[0].switches == 0


def test_a_running_interruptible_job_is_suspended_when_that_pays() -> None:
    running = job(hours=1, within=5, interruptible=True, running=True)
    made = plan(problem(running, values=[900, 900, 100, 100, 900]), "suspend-resume")
    assert made.placements[0].intervals == (Interval(NOON + 2 * HOUR, NOON + 3 * HOUR + 2 * MINUTE),)


def test_a_running_job_that_may_not_be_interrupted_goes_on() -> None:
    made = plan(problem(job(hours=1, within=5, running=True), values=[900, 900, 100, 100]), "suspend-resume")
    assert made.placements[0].intervals == (at(0, 1),)
    assert made.placements[0].reason == "running"


def test_a_forecast_of_half_second_steps_is_planned_as_any_other() -> None:
    """The demo compresses a day into a minute."""
    quick = job(hours=2 / 3600, within=20 / 3600, min_run=timedelta(0))
    compressed = PlanningProblem(
        NOON, (quick,), {Pool.GPU: 1}, forecast([500] * 11 + [90] * 4 + [500] * 30, timedelta(seconds=0.5))
    )
    assert plan(compressed, "lowest-window").placements[0].start == NOON + timedelta(seconds=5.5)


def test_an_on_time_start_that_leaves_no_time_to_wait_is_due() -> None:
    made = plan(problem(job(hours=3, within=3), values=[900, 100, 100, 10]), "lowest-window")
    assert (made.placements[0].start, made.placements[0].reason) == (NOON, "due")


def test_a_deadline_out_of_reach_is_said_and_the_job_starts_at_once() -> None:
    made = plan(problem(job(hours=3, within=2), values=[900, 100, 100, 10]), "suspend-resume")
    (placement,) = made.placements
    assert (placement.late, placement.reason, placement.start) == (True, "due", NOON)


def test_a_deadline_in_a_thousand_years_is_planned_at_once() -> None:
    """Nothing waits longer for clean power than there is something to know; that many steps would not fit in memory."""
    made = plan(
        problem(job(hours=2, within=24 * 365_000, interruptible=True), values=[300, 100, 200]), "suspend-resume"
    )
    assert made.placements[0].start < NOON + 20 * timedelta(days=1)


@given(
    values=st.lists(st.integers(0, 500), min_size=3, max_size=12),
    quarters=st.integers(1, 8),
    slack=st.integers(0, 16),
)
def test_the_lowest_window_is_the_lowest_of_all_windows(values: list[int], quarters: int, slack: int) -> None:
    """Compared with every start on a grid that holds all edges."""
    length, due = quarters * 15 * MINUTE, (quarters + slack) * 15 * MINUTE
    only = job(hours=length / HOUR, within=due / HOUR)
    known = forecast(values + [max(values)] * 8)
    made = plan(PlanningProblem(NOON, (only,), {Pool.GPU: 1}, known), "lowest-window")
    starts = [NOON + k * 15 * MINUTE for k in range(slack + 1)]
    best = min(known.expected.integral(Interval(start, start + length)) for start in starts)
    assert made.emissions is not None
    assert made.emissions.grams == pytest.approx(best / 3600)


@given(values=st.lists(st.integers(0, 500), min_size=4, max_size=9), hours=st.integers(1, 4))
def test_free_switches_come_close_to_the_cheapest_hours(values: list[int], hours: int) -> None:
    """Never better than the cheapest hours taken one by one, never worse than the cheapest window."""
    hours = min(hours, len(values))
    free = job(hours=hours, within=len(values), interruptible=True, switch=SwitchCost(timedelta(0)))
    known = problem(free, values=values)
    made, whole = plan(known, "suspend-resume").emissions, plan(known, "lowest-window").emissions
    assert made is not None and whole is not None
    cheapest = min(sum(hours) for hours in combinations(values, hours))
    assert cheapest - 1e-6 <= made.grams <= whole.grams + 1e-6
