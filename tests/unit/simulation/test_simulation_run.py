"""The virtual clock: what policies do when jobs arrive over time and estimates are wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from fakes.clock import NOON
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from scheduler.domain.errors import RequestError
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.planning.settings import PLAIN
from scheduler.simulation.forecasters import Combined, Perfect, issue
from scheduler.simulation.job_state import JobState
from scheduler.simulation.report import figures, lower_bound_g, run_now_emissions_g, schedule_rows
from scheduler.simulation.run import Simulation, simulate
from scheduler.simulation.world import SimulatedJob, World

HOUR = timedelta(hours=1)
AT_ONCE = timedelta(0)


def series(values: list[float], start: datetime = NOON) -> StepSeries:
    starts = start.timestamp() + 3600.0 * np.arange(len(values))
    return StepSeries(starts, starts + 3600, np.array(values, dtype=float))


def job(name: str, at: float, hours: float, within: float, gpus: int = 1, **changes: object) -> SimulatedJob:
    submitted = NOON + at * HOUR
    fields: dict[str, object] = {
        "name": name,
        "submitted_at": submitted,
        "duration": hours * HOUR,
        "gpus": gpus,
        "power_w": 1000.0 * gpus,
        "deadline": submitted + within * HOUR,
        "interruptible": True,
        "switch": timedelta(minutes=2),
        "expected": hours * HOUR,
    }
    return SimulatedJob(**(fields | changes))  # type: ignore[arg-type]


def run(world: World, policy: str = "carbonq", offline: bool = False) -> Simulation:
    return simulate(world, policy, Perfect(world.actual), PLAIN, AT_ONCE, offline)


def test_a_job_waits_for_clean_hours_and_saves_what_the_figures_say() -> None:
    world = World(series([400, 300, 100, 200, 300, 300]), (job("a", 0, 1, 4),), gpus=1)
    done = run(world)
    assert schedule_rows(done) == [("a", NOON + 2 * HOUR, NOON + 3 * HOUR, 1)]
    row = figures(done, world, run_now_emissions_g(world), lower_bound_g(world))
    assert (row["emissions_g"], row["run_now_emissions_g"], row["saved_pct"]) == (100, 400, 75)
    assert row["share_of_attainable"] == approx(1)
    assert row["mean_wait_s"] == 7200


@pytest.mark.parametrize(
    ("policy", "slot_h", "offline", "plans"),
    [("carbonq", 0, False, 6), ("carbonq", 2, False, 4), ("carbonq", 0, True, 1), ("suspend-resume", 0, False, 2)],
)
def test_that_nobody_came_is_news_to_a_policy_that_expects_somebody(
    policy: str, slot_h: float, offline: bool, plans: int
) -> None:
    """The first waits for hour 6, the second comes at hour 5: plans are made at each hour until then, or each slot."""
    first, second = job("first", 0, 1, 9), job("second", 5, 1, 4)
    world = World(series([300] * 6 + [100, 90, 300, 300]), (first, second), gpus=1)
    done = simulate(world, policy, Perfect(world.actual), PLAIN, slot_h * HOUR, offline)
    assert len(done.plan_seconds) == plans


def test_overhead_of_the_building_multiplies_every_figure_once() -> None:
    world = World(series([400] * 4), (job("a", 0, 1, 2),), gpus=1, pue=1.5)
    assert run_now_emissions_g(world) == approx(600)
    assert lower_bound_g(world) == approx(600)


@pytest.mark.parametrize(
    ("offline", "horizon_h", "expected_h", "proven"),
    [(True, None, 2, True), (False, None, 2, False), (True, 3, 2, False), (True, None, 1, False)],
)
def test_the_one_plan_that_knows_everything_proves_the_bound(
    offline: bool, horizon_h: int | None, expected_h: float, proven: bool
) -> None:
    """As nobody else need reckon it again; not where jobs arrive, the grid is not foreseen, or a length is wrong."""
    jobs = job("a", 0, 2, 5, expected=expected_h * HOUR), job("b", 1, 1, 3)
    world = World(series([300, 100, 310, 200, 320, 320, 300, 300]), jobs, gpus=1, pue=1.5)
    foreseen = Perfect(world.actual, horizon=None if horizon_h is None else horizon_h * HOUR)
    done = simulate(world, "carbonq", foreseen, PLAIN, AT_ONCE, offline)
    assert done.bound_g == (approx(lower_bound_g(world)) if proven else None)


def test_of_nothing_that_could_be_saved_there_is_no_share() -> None:
    """The bound lies a rounding below what is emitted either way."""
    world = World(series([0, 100, 100, 100]), (job("a", 0, 1, 3), job("b", 0, 1, 3)), gpus=1)
    row = figures(run(world, offline=True), world, run_now_emissions_g(world), lower_bound_g(world))
    assert row["attainable_pct"] == approx(0, abs=1e-6)
    assert row["share_of_attainable"] is None


@pytest.mark.parametrize("expected_h", [1, 2, 4])
def test_the_bound_is_of_true_lengths_whatever_was_expected(expected_h: float) -> None:
    """A job without a deadline may wait a day, and then runs for as long as it runs."""
    alone = job("a", 0, 2, 0, deadline=None, expected=expected_h * HOUR, interruptible=False)
    world = World(series([500] * 24 + [10] * 8), (alone,), gpus=1)
    assert lower_bound_g(world) == approx(20)


def test_the_planner_does_not_see_jobs_before_they_are_submitted() -> None:
    """Surprised, the big job finds the clean hour taken; foreseen, it is kept free for it."""
    small = job("small", 0, 1, 2, interruptible=False)
    big = job("big", 1, 1, 2.5, power_w=9000.0, interruptible=False)
    world = World(series([300, 100, 310, 320, 320, 320]), (small, big), gpus=1)
    assert [row[0] for row in schedule_rows(run(world))] == ["small", "big"]
    assert schedule_rows(run(world))[0][1] == NOON + HOUR
    assert schedule_rows(run(world, offline=True))[1] == ("big", NOON + HOUR, NOON + 2 * HOUR, 1)


def test_a_suspension_is_paid_for_in_the_stretch_after_it() -> None:
    world = World(series([100, 900, 900, 100, 900, 900]), (job("a", 0, 1.5, 5.5),), gpus=1)
    (state,) = run(world).states
    assert state.switches == 1
    assert sum((i.length for i in state.held), AT_ONCE) == 1.5 * HOUR + timedelta(minutes=2)


def test_a_pause_that_the_next_plan_takes_back_just_then_was_none() -> None:
    """Plans of whole hours pause at whole hours, when the next plan is made: it finds the job running."""
    state = JobState(1, job("a", 0, 2, 6), NOON + 6 * HOUR, 2 * HOUR)
    first, later = Interval(NOON, NOON + HOUR), Interval(NOON + 3 * HOUR, NOON + 4 * HOUR)
    state.follow((first, later), Interval(NOON, NOON + HOUR))
    assert state.plannable().running
    state.follow((Interval(NOON + HOUR, NOON + 2 * HOUR),), Interval(NOON + HOUR, NOON + 2 * HOUR))
    assert (state.held, state.switches) == ([Interval(NOON, NOON + 2 * HOUR)], 0)


def test_a_pause_that_the_next_plan_confirms_began_when_it_was_planned() -> None:
    state = JobState(1, job("a", 0, 2, 6), NOON + 6 * HOUR, 2 * HOUR)
    first, later = Interval(NOON, NOON + HOUR), Interval(NOON + 3 * HOUR, NOON + 4 * HOUR + timedelta(minutes=2))
    state.follow((first, later), Interval(NOON, NOON + HOUR))
    state.follow((later,), Interval(NOON + HOUR, later.end))
    assert (state.held, state.switches, state.finished) == ([first, later], 1, True)


def test_a_job_that_takes_longer_than_expected_runs_on_to_its_end() -> None:
    slow = job("slow", 0, 3, 8, expected=1 * HOUR)
    (state,) = run(World(series([100] * 12), (slow,), gpus=1)).states
    assert state.finished
    assert sum((i.length for i in state.held), AT_ONCE) == 3 * HOUR


def test_a_job_that_ends_sooner_makes_room_at_once() -> None:
    """The next one need not wait for the end that had been expected."""
    short = job("short", 0, 1, 20, expected=4 * HOUR, interruptible=False)
    world = World(series([100] * 24), (short, job("next", 0.5, 1, 20)), gpus=1)
    assert [row[1] for row in schedule_rows(run(world))] == [NOON, NOON + HOUR]


def test_work_that_goes_on_after_the_series_is_refused() -> None:
    with pytest.raises(RequestError, match="give a longer series"):
        run(World(series([100, 100]), (job("long", 0, 5, 20),), gpus=1))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    values = draw(st.lists(st.integers(10, 600), min_size=24, max_size=24))
    jobs = tuple(
        job(
            f"j{n}", draw(st.integers(0, 10)) / 2, hours := draw(st.integers(1, 6)) / 2,
            hours + draw(st.integers(0, 8)), draw(st.integers(1, 2)), interruptible=draw(st.booleans()),
        )
        for n in range(draw(st.integers(1, 5)))
    )  # fmt: skip
    return World(series([*values, *([300.0] * 30)]), jobs, gpus=2)


@given(world=worlds(), policy=st.sampled_from(["carbonq", "run-now", "lowest-window", "suspend-resume"]))
@settings(max_examples=60)
def test_every_job_is_done_and_no_moment_holds_more_than_the_machine_has(world: World, policy: str) -> None:
    done = run(world, policy)
    rows = schedule_rows(done)
    for _, start, _, _ in rows:
        assert sum(gpus for _, s, e, gpus in rows if s <= start < e) <= world.gpus
    for state in done.states:
        assert state.finished
        assert state.held[0].start >= state.job.submitted_at
        held = sum((i.length for i in state.held), AT_ONCE)
        assert held == state.job.duration + state.switches * state.job.switch


@given(world=worlds())
@settings(max_examples=40)
def test_run_now_emits_exactly_its_own_baseline(world: World) -> None:
    done = run(world, "run-now")
    emitted = sum(world.emissions_g(s.job.power_w, tuple(s.held)) for s in done.states)
    assert emitted == approx(run_now_emissions_g(world))


@given(world=worlds())
@settings(max_examples=25)
def test_nothing_emits_less_than_the_bound(world: World) -> None:
    bound, done = lower_bound_g(world), run(world, offline=True)
    late = any(state.end > state.job.deadline for state in done.states if state.job.deadline)
    if bound is not None and not late:
        emitted = sum(world.emissions_g(s.job.power_w, tuple(s.held)) for s in done.states)
        assert emitted >= bound * (1 - 1e-9)


@given(hour=st.integers(48, 100), future=st.lists(st.integers(0, 900), min_size=30, max_size=30))
@settings(max_examples=30)
def test_our_own_forecast_never_looks_ahead(hour: int, future: list[int]) -> None:
    """Whatever comes after the running hour, what is expected now is the same."""
    past = [300 + 100 * np.sin(h / 24 * 6.283) for h in range(130)]
    other = [*past[: hour + 1], *(float(v) for v in future)]
    now = NOON + hour * HOUR
    made = [Combined(series(list(v)), (), HOUR).at(now) for v in (past, other)]
    assert made[0] is not None and made[1] is not None
    assert made[0].expected == made[1].expected


def test_a_provider_that_is_always_too_low_is_raised_once_that_has_shown() -> None:
    """Fifty grams too low for four weeks: most of it is made up for."""
    usual = [300 + 100 * np.sin(h / 24 * 6.283) for h in range(40 * 24)]
    actual = series(usual)
    days = [NOON + 24 * d * HOUR for d in range(28)]
    issues = [issue(day, series([v - 50 for v in usual[24 * d : 24 * d + 96]], day)) for d, day in enumerate(days)]
    made = Combined(actual, issues, HOUR).at(days[-1] + HOUR)
    ahead = Interval(days[-1] + 3 * HOUR, days[-1] + 27 * HOUR)
    assert made is not None and made.key == issues[0].key
    assert made.expected.mean(ahead) == approx(actual.mean(ahead), abs=15)


def test_the_value_that_holds_now_is_known_and_what_follows_is_not() -> None:
    """A spike within the running hour is planned with as it is."""
    values = [200.0] * 60
    values[50] = 900.0
    now = NOON + 50.5 * HOUR
    made = Combined(series(values), (), HOUR).at(now)
    assert made is not None
    assert made.expected.value_at(now) == 900
    assert made.expected.span is not None and made.expected.span.start <= now


def test_without_a_day_of_the_past_or_an_issue_nothing_is_expected() -> None:
    assert Combined(series([300.0] * 100), (), HOUR).at(NOON + 3 * HOUR) is None


def test_perfect_foresight_may_end_at_a_horizon() -> None:
    """The clean hour beyond it is not waited for."""
    world = World(series([300, 310, 320, 330, 100, 400]), (job("a", 0, 1, 6),), gpus=1)
    near = simulate(world, "exact-window", Perfect(world.actual, horizon=2 * HOUR), PLAIN, AT_ONCE)
    assert schedule_rows(near)[0][1] == NOON
    assert schedule_rows(run(world, "exact-window"))[0][1] == NOON + 4 * HOUR
