"""Queues of a thousand jobs and more, arrays in and arrays out: replanned for what is new, sampled for their prices."""

from __future__ import annotations

import numpy as np
import pytest
from planner_speed import emitted_g, instance, queue_of

from scheduler.planning.decomposition.arrays import Ints, Jobs
from scheduler.planning.decomposition.bounding import bounding_prices, raised_on
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.joint import Effort, Joint, solve
from scheduler.planning.decomposition.searching import Queue

pytestmark = pytest.mark.skipif(not COMPILED, reason="a thousand jobs take minutes in plain Python; install numba")


DAY = 86_400_000_000


def a_queue(count: int = 1_000) -> Queue:
    return queue_of(*instance(count, 96, 60))


def most_held(queue: Queue, planned: Joint) -> int:
    """The most places that are held at once."""
    changes: dict[int, int] = {}
    for j, number in enumerate(planned.placed.number):
        for start, end in planned.placed.segments[j, :number]:
            changes[int(start)] = changes.get(int(start), 0) + int(queue.jobs.width[j])
            changes[int(end)] = changes.get(int(end), 0) - int(queue.jobs.width[j])
    held: Ints = np.cumsum([changes[moment] for moment in sorted(changes)])
    return int(held.max())


@pytest.fixture(scope="module")
def planned() -> tuple[Queue, Joint]:
    queue = a_queue()
    return queue, solve(queue, Effort(0.01))


def test_a_thousand_jobs_fit_are_in_time_and_near_their_bound(planned: tuple[Queue, Joint]) -> None:
    queue, made = planned
    ends = made.placed.segments[np.arange(1_000), made.placed.number - 1, 1]
    assert (ends <= queue.jobs.hi).all() and most_held(queue, made) <= queue.capacity[0]
    assert 0 <= emitted_g(queue.pieces, queue.jobs, made) / made.bound_g - 1 < 0.025


def test_one_new_job_leaves_the_others_where_they_are(planned: tuple[Queue, Joint]) -> None:
    """It takes the best of what they leave, and none of them is announced anew."""
    queue, made = planned
    known = made.placed.number.copy()
    known[500] = 0
    again = solve(queue._replace(announced=made.placed._replace(number=known), prices=made.prices), Effort(0.01))
    others = np.flatnonzero(np.arange(1_000) != 500)
    assert (again.placed.number[others] == made.placed.number[others]).all()
    assert (again.placed.segments[others, 0] == made.placed.segments[others, 0]).all()
    assert again.placed.number[500] > 0 and most_held(queue, again) <= queue.capacity[0]
    assert again.bound_g == pytest.approx(made.bound_g, rel=0.01)


def test_a_new_forecast_moves_a_long_queue_although_nobody_is_new(planned: tuple[Queue, Joint]) -> None:
    """What was clean is dirty now: staying where it was announced would be far from the bound."""
    queue, made = planned
    turned = queue.pieces._replace(rate=queue.pieces.rate.max() + queue.pieces.rate.min() - queue.pieces.rate)
    again = solve(queue._replace(pieces=turned, announced=made.placed), Effort(0.01))
    assert emitted_g(turned, queue.jobs, made) / again.bound_g - 1 > 0.1
    assert emitted_g(turned, queue.jobs, again) / again.bound_g - 1 < 0.025


def a_crowded_week() -> Queue:
    """A thousand jobs at 80 % load in quarter-hours of sun, a day to wait: nearly all want the same noons."""
    hours = np.arange(672) / 4
    rate = 500 * (1 - 0.95 * np.clip(np.sin((hours % 24 - 6) / 12 * np.pi), 0, None) ** 2)
    pieces, jobs, gpus = instance(1_000, 672, 15, 3, 0.8, rate)
    return queue_of(pieces, jobs._replace(hi=np.minimum(jobs.hi, jobs.lo + jobs.work + DAY)), gpus)


@pytest.mark.parametrize("thorough", [False, True])
def test_prices_that_have_far_to_go_are_raised_until_the_bound_tells_how_good_the_plan_is(thorough: bool) -> None:
    """The few passes that most long queues can do with leave the bound 2 % below a plan within 1 % of the best."""
    queue = a_crowded_week()
    made = solve(queue, Effort(0.002, thorough=thorough))
    emitted = emitted_g(queue.pieces, queue.jobs, made)
    assert bounding_prices(queue.pieces, queue.jobs)[1] < emitted / 1.02
    assert made.bound_g <= emitted <= 1.0105 * made.bound_g


def test_a_long_queue_uses_the_time_that_it_is_given() -> None:
    """As long as trials gain and there is time for more; with none it is as near as without."""
    queue, asked = a_crowded_week(), iter([True, True, False])
    plain, none_left, longer = (
        solve(queue, Effort(1e-4, thorough=True, go_on=go_on)) for go_on in (None, lambda: False, lambda: next(asked))
    )
    emitted = [emitted_g(queue.pieces, queue.jobs, made) for made in (plain, none_left, longer)]
    assert emitted[0] == emitted[1] > emitted[2]
    assert next(asked, None) is None


def test_raising_prices_on_only_raises_the_bound() -> None:
    queue = a_crowded_week()
    prices, bound = bounding_prices(queue.pieces, queue.jobs)
    raised = [raised_on(queue.pieces, queue.jobs, prices, np.inf, most)[1] for most in (1, 3)]
    assert bound <= raised[0] <= raised[1]


def test_the_jobs_of_a_sweep_answer_as_one_and_bound_as_many() -> None:
    """Side by side they are reckoned with once; scattered among others each is: the bound is the same."""
    queue = a_queue(200)
    sweep = np.repeat(np.arange(50), 4)
    together = Jobs._make((*(column[sweep] for column in queue.jobs[:-4]), *queue.jobs[-4:]))
    apart = Jobs._make((*(column[np.tile(np.arange(50), 4)] for column in queue.jobs[:-4]), *queue.jobs[-4:]))
    assert bounding_prices(queue.pieces, together)[1] == pytest.approx(
        bounding_prices(queue.pieces, apart)[1], rel=1e-6
    )
