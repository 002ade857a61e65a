"""The field's policies, each by its own rule."""

from __future__ import annotations

import pytest
from fakes.clock import NOON
from fakes.problems import HOUR, MINUTE, job, problem
from pytest import approx

from scheduler.domain.plans import SwitchCost
from scheduler.domain.units import Power
from scheduler.planning import COMPARED, PlanningSettings, plan
from scheduler.planning.policies.double_threshold import levels

VALUES = [400, 90, 300, 120, 110, 100, 300, 300] + [350] * 16


@pytest.mark.parametrize(
    ("policy", "hour"),
    [("lowest-slot", 1), ("exact-window", 3), ("carbon-time", 3), ("threshold", 1), ("weekly-threshold", 1)],
)
def test_each_starts_a_three_hour_job_where_its_rule_says(policy: str, hour: int) -> None:
    """One low hour, and three quite low ones in a row later on."""
    made = plan(problem(job(hours=3, within=8), values=VALUES), policy)
    assert made.placements[0].start == NOON + hour * HOUR


def test_wait_awhile_takes_the_cheapest_hours_one_by_one_whatever_that_costs() -> None:
    split = job(hours=2, within=8, interruptible=True)
    (placement,) = plan(problem(split, values=VALUES), "wait-awhile").placements
    assert placement.switches == 1
    assert placement.intervals[0].start == NOON + HOUR


def test_what_may_pause_runs_below_the_threshold_and_pauses_above_it_while_there_is_time() -> None:
    """The lowest 30 % of the day are its seven hours of at most 300 g."""
    split = job(hours=4, within=12, interruptible=True, switch=SwitchCost(0 * MINUTE))
    (placement,) = plan(problem(split, values=VALUES), "threshold").placements
    assert [((i.start - NOON) / HOUR, i.length / HOUR) for i in placement.intervals] == [(1, 4)]
    pressed = job(hours=4, within=5.5, interruptible=True, switch=SwitchCost(0 * MINUTE))
    (placement,) = plan(problem(pressed, values=[400, 90, 500, 500, 500, 100] + [400] * 18), "threshold").placements
    assert placement.end <= NOON + 5.5 * HOUR
    assert placement.switches == 1


def test_double_threshold_runs_on_through_an_hour_that_it_would_not_have_resumed_in() -> None:
    """A pause has its price: the level to go on is above the level to begin."""
    allowed = levels(low=100, high=500, pause=60, slots=4)
    assert allowed is not None
    between = (allowed.resume_below(1) + allowed.pause_above(1)) / 2
    dear = job(hours=4, within=20, interruptible=True, switch=SwitchCost(12 * MINUTE))
    values = [500, 100, between, 500, 100, 100, *[500] * 14]
    (placement,) = plan(problem(dear, values=values), "double-threshold").placements
    assert [(i.start - NOON) / HOUR for i in placement.intervals[:2]] == [1, 4]
    assert placement.intervals[0].length == 2 * HOUR


@pytest.mark.parametrize(("pause", "slots"), [(0, 1), (40, 1), (40, 24), (150, 8)])
def test_its_levels_balance_what_every_worst_case_costs_against_the_least_possible(pause: float, slots: int) -> None:
    """However many slots it has taken when only the highest value is left, it pays its ratio, and no more."""
    allowed = levels(low=100, high=500, pause=pause, slots=slots)
    assert allowed is not None
    for done in range(slots):
        paid = sum(allowed.pause_above(n) for n in range(done)) + (slots - done) * 500 + pause
        least = slots * allowed.resume_below(done) + pause
        assert paid == approx(allowed.ratio * least)
    assert allowed.resume_below(slots) == approx(100)


def test_where_a_pause_costs_more_than_the_grid_varies_double_threshold_waits_for_nothing() -> None:
    made = plan(problem(job(hours=2, within=12, interruptible=True), values=[300, 299] * 12), "double-threshold")
    assert made.placements[0].start == NOON


@pytest.mark.parametrize("policy", COMPARED)
def test_nothing_above_the_threshold_waits_beyond_its_last_safe_start(policy: str) -> None:
    made = plan(problem(job(hours=3, within=3.5), values=[500] * 24), policy)
    assert not made.late_jobs


def test_in_turn_the_small_job_takes_the_hour_that_the_big_one_needs_more() -> None:
    """What planning together mends."""
    small, big = job(1, within=3, power=Power(100)), job(2, within=3, power=Power(3000))
    in_turn, together = (
        plan(problem(small, big, values=[300, 100, 290, 500]), name).emissions for name in ("exact-window", "carbonq")
    )
    assert in_turn is not None and together is not None
    assert together.grams < in_turn.grams


def test_a_job_keeps_a_share_of_its_slack_for_those_who_may_yet_come() -> None:
    """And gives it up where it would cost its deadline."""
    values = [300, 300, 300, 300, 300, 300, 300, 300, 300, 250] + [300] * 14
    eager = plan(problem(job(hours=1, within=10), values=values), "carbonq")
    careful = plan(problem(job(hours=1, within=10), values=values), "carbonq", PlanningSettings(reserve=0.2))
    assert eager.placements[0].start == NOON + 9 * HOUR
    assert careful.placements[0].end <= NOON + 8.2 * HOUR
    crowded = problem(job(1, hours=5, within=5), job(2, hours=5, within=10), values=values)
    assert plan(crowded, "carbonq", PlanningSettings(reserve=0.5)).late_jobs == 0
