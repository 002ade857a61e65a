"""Money beside emissions: it decides where its user gave it weight, and nothing is claimed or promised by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fakes.problems import HOUR, job, problem, problems, series
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.carbon import SignalKind
from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.domain.prices import PowerPrice
from scheduler.domain.series import StepSeries
from scheduler.planning import OURS, plan

heeding = pytest.mark.parametrize("policy", [name for name in OURS if name != "run-now"])


def price(values: Sequence[float], weight: float) -> PowerPrice:
    """From noon on, a value an hour."""
    return PowerPrice(series(values), weight)


def cost(made: Plan) -> float:
    return sum(p.energy_cost or 0.0 for p in made.placements)


@heeding
@pytest.mark.parametrize(("weight", "hour"), [(0, 3), (100, 3), (1000, 2)])
def test_a_job_moves_to_the_cheap_hour_where_the_money_saved_weighs_more(policy: str, weight: float, hour: int) -> None:
    """The cheap hour saves 0.20 on 1 kWh and emits 100 g more than the clean one: 500 g a unit parts the two."""
    given = replace(
        problem(job(hours=1, within=4), values=[400, 380, 300, 200]), price=price([0.3, 0.3, 0.1, 0.3], weight)
    )
    (placement,) = plan(given, policy).placements
    assert placement.start == given.now + hour * HOUR


@heeding
def test_what_power_costs_is_told_of_the_plan_and_of_first_come_first_served(policy: str) -> None:
    """Two kWh: an hour at 0.25, then one at 0.35; waiting finds two at -0.05."""
    given = replace(
        problem(job(hours=2, within=4), values=[400, 400, 100, 100]), price=price([0.25, 0.35, -0.05, -0.05], 0)
    )
    (placement,) = plan(given, policy).placements
    assert placement.energy_cost == pytest.approx(-0.1)
    assert placement.run_now_energy_cost == pytest.approx(0.6)


def test_a_job_may_be_due_at_the_end_of_all_days() -> None:
    """Days after that cannot be reckoned, and need not be."""
    due = replace(job(hours=1), finish_by=datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
    given = replace(problem(due, values=[400, 200, 300]), price=price([0.3, 0.3, 0.1], 1.0))
    (placement,) = plan(given, "carbonq").placements
    assert placement.start == given.now + HOUR


@heeding
def test_emissions_win_where_money_would_emit_more_than_first_come_first_served(policy: str) -> None:
    """The cheapest hour is the dirtiest: however money weighs, no plan emits more than running at once."""
    given = replace(problem(job(hours=1, within=3), values=[200, 500, 150]), price=price([0.5, 0.0, 0.4], 1e6))
    (placement,) = plan(given, policy).placements
    assert placement.start == given.now + 2 * HOUR


@heeding
def test_prices_below_zero_are_no_reason_to_burn_more(policy: str) -> None:
    """A switch would be paid for here, and is not made."""
    paid = [-1.0, -0.9, -1.0, -0.9, -1.0, -0.9]
    given = replace(problem(job(hours=2, within=6, interruptible=True), values=[100] * 6), price=price(paid, 1e4))
    (placement,) = plan(given, policy).placements
    assert placement.switches == 0


@heeding
def test_without_weight_a_price_changes_no_placement(policy: str) -> None:
    jobs = [job(n, hours=1.5, within=12, interruptible=n % 2 == 0) for n in range(1, 6)]
    given = problem(*jobs, values=[400, 120, 300, 80, 500, 60, 200, 90, 350, 70, 210, 130], gpus=2)
    told = replace(given, price=price([0.3, -0.2] * 6, 0))
    assert [p.intervals for p in plan(told, policy).placements] == [p.intervals for p in plan(given, policy).placements]


def test_beyond_its_end_the_last_day_of_the_prices_holds_again_and_the_plan_says_so() -> None:
    known = [0.3] * 24
    known[5] = 0.1
    late = job(hours=1, within=32, earliest_start=problem().now + 24 * HOUR)
    given = replace(problem(late, values=[100] * 48), price=price(known, 100))
    made = plan(given, "carbonq")
    assert made.placements[0].start == given.now + 29 * HOUR
    assert any("the price series ends at" in note and "same hour of its last day" in note for note in made.notes)


@st.composite
def priced_problems(draw: st.DrawFn) -> PlanningProblem:
    """Queues with prices of any sign and step, that may begin after now or end before the work does."""
    values = draw(st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=30))
    step = draw(st.sampled_from([0.5 * HOUR, HOUR]))
    known = series(values, step).shifted(draw(st.integers(-3, 3)) * HOUR)
    return replace(draw(problems(priced=True)), price=PowerPrice(known, draw(st.sampled_from([0, 50, 1000, 1e5]))))


@heeding
@given(asked=priced_problems())
@settings(max_examples=100)
def test_whatever_money_weighs_no_plan_emits_more_than_first_come_first_served(
    policy: str, asked: PlanningProblem
) -> None:
    made, usual = plan(asked, policy), plan(asked, "run-now")
    assert {p.job for p in made.placements if p.late} <= {p.job for p in usual.placements if p.late}
    if made.late_jobs == usual.late_jobs:
        assert made.emissions is not None and usual.emissions is not None
        assert made.emissions.grams <= usual.emissions.grams * (1 + 1e-9)


@given(asked=priced_problems())
@settings(max_examples=100)
def test_the_bound_does_not_know_of_money(asked: PlanningProblem) -> None:
    made, unpriced = plan(asked, "carbonq"), plan(replace(asked, price=None), "carbonq")
    assert made.lower_bound in (unpriced.lower_bound, None)
    if made.late_jobs == unpriced.late_jobs == 0:
        assert made.lower_bound == unpriced.lower_bound


@heeding
@given(asked=priced_problems())
@settings(max_examples=100)
def test_money_is_weighed_as_it_is_told(policy: str, asked: PlanningProblem) -> None:
    """Grams, money at its weight and delays together are never more than in the plan that money has no part in."""
    assert asked.price is not None
    switchless = replace(asked, jobs=tuple(replace(j, interruptible=False, running=False) for j in asked.jobs))
    made = plan(switchless, policy)
    other = plan(replace(switchless, price=replace(asked.price, weight_g_per_unit=0)), policy)

    def weight(of: Plan) -> float:
        assert of.emissions is not None
        delays = sum(asked.job(p.job).patience_g_per_h * ((p.end - asked.now) / HOUR) for p in of.placements)
        assert asked.price is not None
        return of.emissions.grams + asked.price.weight_g_per_unit * cost(of) + delays

    if made.late_jobs == other.late_jobs:
        assert weight(made) <= weight(other) + 1e-6 * (1 + abs(weight(other)))


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight of money"):
        price([0.1, 0.2], weight)


def test_a_price_without_a_series_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a series"):
        PowerPrice(StepSeries.empty())


def test_an_index_is_not_weighed_against_grams() -> None:
    """Its numbers rank hours; a waiting price or money in grams has nothing to be held against."""
    asked = replace(
        problem(job(hours=1, within=4, patience_g_per_h=1e6), values=[90, 80, 70, 10]), price=price([0, 1, 1, 1], 1e6)
    )
    assert asked.forecast is not None
    index = replace(asked, forecast=replace(asked.forecast, key=replace(asked.forecast.key, kind=SignalKind.INDEX)))
    made = plan(index, "carbonq")
    assert made.placements[0].start == asked.now + 3 * HOUR
    assert "an index has no grams: waiting and money, priced in grams, are not weighed" in made.notes
