"""The waiting price: grams that a user would rather emit than have a job end an hour later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.problems import HOUR, MINUTE, job, lone_problems, problem, problems
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.planning import OURS, plan

heeding = pytest.mark.parametrize("policy", [name for name in OURS if name != "run-now"])
HUGE = 1e12


def priced(given: PlanningProblem, g_per_h: float) -> PlanningProblem:
    """The same problem, with every job's waiting at that price."""
    return replace(given, jobs=tuple(replace(job, patience_g_per_h=g_per_h) for job in given.jobs))


def weighed_g(made: Plan, given: PlanningProblem) -> float:
    """What the plan emits, and the price of its delays up to a constant of the problem."""
    assert made.emissions is not None
    delays = sum(
        given.job(p.job).patience_g_per_h * ((p.end - given.now) / HOUR) for p in made.placements
    )  # fmt: skip
    return made.emissions.grams + delays


@heeding
@pytest.mark.parametrize(("g_per_h", "hour"), [(0, 3), (30, 3), (70, 1), (150, 0)])
def test_a_job_waits_only_where_that_saves_its_price_for_each_hour(policy: str, g_per_h: float, hour: int) -> None:
    """400, 300, 380 and 200 g: an hour's wait saves 100 g, three save 200 g; so 50 g/h parts the two."""
    given = problem(job(hours=1, within=4, patience_g_per_h=g_per_h), values=[400, 300, 380, 200])
    assert plan(given, policy).placements[0].start == given.now + hour * HOUR


@pytest.mark.parametrize("policy", ["carbonq", "suspend-resume"])
def test_a_pause_is_given_up_where_the_end_it_puts_off_is_worth_more(policy: str) -> None:
    given = problem(job(hours=1.5, within=6, interruptible=True), values=[100, 400, 400, 100, 400, 400])
    assert plan(given, policy).placements[0].switches == 1
    assert plan(priced(given, 200), policy).placements[0].switches == 0


@pytest.mark.parametrize("policy", ["carbonq", "suspend-resume"])
def test_a_pause_is_made_shorter_where_its_end_is_priced(policy: str) -> None:
    """Of two clean hours to resume in, the later is cleaner by 40 g and two hours away."""
    given = problem(job(hours=1.5, within=8, interruptible=True), values=[100, 600, 600, 150, 600, 110, 600, 600])
    late, soon = (plan(priced(given, price), policy).placements[0].end for price in (0, 60))
    assert late > given.now + 5 * HOUR
    assert soon == given.now + 3 * HOUR + 32 * MINUTE


@heeding
def test_the_jobs_of_impatient_users_take_the_sooner_places(policy: str) -> None:
    """One GPU, two like jobs: whose waiting has a price runs first, whichever came first."""
    calm, hasty = job(1, hours=1, within=2), job(2, hours=1, within=2, patience_g_per_h=80)
    made = plan(problem(calm, hasty, values=[300, 250]), policy)
    assert {p.job: p.start for p in made.placements}[2] < {p.job: p.start for p in made.placements}[1]


@heeding
@given(given_problem=lone_problems(), prices=st.tuples(st.floats(0, 500), st.floats(0, 500)))
@settings(max_examples=150)
def test_a_higher_price_never_makes_a_lone_job_end_later(
    policy: str, given_problem: PlanningProblem, prices: tuple[float, float]
) -> None:
    cheap, dear = (plan(priced(given_problem, price), policy).placements[0] for price in sorted(prices))
    assert dear.end <= cheap.end


@heeding
@given(given_problem=lone_problems())
@settings(max_examples=100)
def test_with_a_huge_price_a_lone_job_runs_as_soon_as_places_allow(policy: str, given_problem: PlanningProblem) -> None:
    made, usual = plan(priced(given_problem, HUGE), policy), plan(given_problem, "run-now")
    assert made.placements[0].intervals == usual.placements[0].intervals


@given(given_problem=problems(), price=st.floats(1, 500))
@settings(max_examples=100)
def test_the_bound_is_one_on_emissions_alone(given_problem: PlanningProblem, price: float) -> None:
    """However waiting is priced it stays below what a plan without a price emits, which has the same jobs in time."""
    free, dear = plan(priced(given_problem, 0), "carbonq"), plan(priced(given_problem, price), "carbonq")
    late = [{p.job for p in made.placements if p.late} for made in (free, dear)]
    if dear.lower_bound is not None and late[0] == late[1]:
        assert free.emissions is not None
        assert dear.lower_bound.grams <= free.emissions.grams * (1 + 1e-9)


@heeding
@given(given_problem=problems(priced=True))
@settings(max_examples=100)
def test_no_plan_weighs_more_than_first_come_first_served(policy: str, given_problem: PlanningProblem) -> None:
    """Emissions and the price of all delays together, where as many jobs are late."""
    made, usual = plan(given_problem, policy), plan(given_problem, "run-now")
    if made.late_jobs == usual.late_jobs:
        assert weighed_g(made, given_problem) <= weighed_g(usual, given_problem) + 1e-6


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="waiting price"):
        plan(problem(job(patience_g_per_h=price), values=[100]), "carbonq")
