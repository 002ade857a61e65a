"""Jobs and what is expected beside them: near the least that both can emit, and nobody late for what is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from fakes.problems import expected, job, problem

from scheduler.domain.plans import Plan, PlanningProblem, SwitchCost
from scheduler.planning.decomposition.arrays import Floats
from scheduler.planning.decomposition.bounding import bounding_prices
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.fluid import PARTS, with_portions
from scheduler.planning.decomposition.joint import Effort, solve
from scheduler.planning.decomposition.queue_arrays import queue_arrays
from scheduler.planning.decomposition.searching import Queue, Trials, searched
from scheduler.planning.policies.carbonq import trials_for
from scheduler.planning.settings import PLAIN
from scheduler.planning.situation import situation_from

pytestmark = pytest.mark.skipif(not COMPILED, reason="in plain Python nothing that is only expected takes part")


def a_queue(seed: int) -> PlanningProblem:
    """Twelve jobs of 1 to 4 of eight GPUs that may be interrupted for nothing, and as much again that may come."""
    draw = np.random.default_rng(seed)
    jobs = [
        job(n, hours=int(draw.integers(1, 8)), within=int(draw.integers(14, 40)), width=int(draw.choice((1, 2, 4))),
            interruptible=True, switch=SwitchCost(timedelta(0)), min_run=timedelta(0))
        for n in range(1, 13)
    ]  # fmt: skip
    likely = []
    for _ in range(12):
        hours, start = float(draw.integers(1, 8)), float(draw.integers(1, 30))
        likely.append(
            expected(hours, start, start + hours + float(draw.integers(4, 24)), places=float(draw.uniform(0.3, 3)))
        )
    values = 250 + 150 * np.sin(np.arange(72) / 3.8) + draw.uniform(-40, 40, 72)
    return replace(problem(*jobs, values=values.tolist(), gpus=8), expected=tuple(likely))


def a_queue_and_its_bound(seed: int) -> tuple[Queue, Floats, float]:
    """With prices for places, and the bound of both."""
    situation = situation_from(a_queue(seed), PLAIN, None)
    assert situation.outlook is not None
    queue = queue_arrays(situation, situation.outlook).queue({}, {})
    assert queue.fluid is not None
    prices, bound_g = bounding_prices(*with_portions(queue.pieces, queue.jobs, queue.fluid))
    return queue, prices * PARTS, bound_g


@pytest.mark.parametrize("seed", range(6))
def test_both_together_are_within_two_percent_of_the_bound_of_both(seed: int) -> None:
    """The bound lets the jobs, too, run in fractions, and four GPUs are half of the machine."""
    queue, prices, bound_g = a_queue_and_its_bound(seed)
    found = searched(queue, queue.jobs.hi, prices, 0.0, Trials(0))
    assert 0.999 * bound_g <= found.total_g <= 1.02 * bound_g
    assert found.flowing_g > 0


def test_trials_of_a_few_jobs_at_once_find_what_each_alone_does_not() -> None:
    """They never lead to more emissions."""
    gained_g = []
    for seed in range(8):
        queue, prices, _ = a_queue_and_its_bound(seed)
        without, with_trials = (searched(queue, queue.jobs.hi, prices, 0.0, Trials(0, n)).total_g for n in (0, 80))
        gained_g.append(without - with_trials)
    assert min(gained_g) >= -1e-6
    assert sum(g > 1e-6 for g in gained_g) >= 3


@pytest.mark.parametrize(("minutes", "trials"), [(None, 240), (-5, 0), (0, 0), (15, 60), (60, 240), (600, 240)])
def test_the_longer_ago_the_last_plan_the_more_is_tried_up_to_an_hour(minutes: int | None, trials: int) -> None:
    """Also where the clock was set back; None: there was no plan."""
    asked = a_queue(0)
    previous = None if minutes is None else Plan("carbonq", asked.now - timedelta(minutes=minutes), ())
    assert trials_for(situation_from(asked, PLAIN, previous), known=False).beside == trials


def test_of_a_few_jobs_the_search_goes_on_beyond_what_is_good_enough_for_many() -> None:
    """A tenth above the bound of both may be all that the jobs could save."""
    queue, _, _ = a_queue_and_its_bound(7)
    often, seldom = (solve(queue, Effort(good_enough)).placed for good_enough in (0.0002, 0.1))
    assert (often.number == seldom.number).all()
    assert (often.segments == seldom.segments).all()
    early = searched(queue, queue.jobs.hi, np.zeros_like(queue.pieces.places), np.inf, Trials(0))
    assert (often.segments != early.placed.segments).any()


def test_a_long_queue_is_its_own_competition() -> None:
    """A thousand jobs are planned as if nobody else came."""
    asked = problem(*(job(n, hours=1, within=60, width=1) for n in range(1, 1001)), values=[300.0, 100.0] * 36, gpus=40)
    situation = situation_from(replace(asked, expected=a_queue(0).expected), PLAIN, None)
    assert situation.outlook is not None
    arrays = queue_arrays(situation, situation.outlook)
    with_more, alone = solve(arrays.queue({}, {})), solve(arrays.queue({}, {})._replace(fluid=None))
    assert (with_more.placed.segments == alone.placed.segments).all()
