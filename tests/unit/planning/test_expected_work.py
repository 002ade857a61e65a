"""Plans that know of what may come, and of what was planned before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.problems import job, problem

from scheduler.domain.plans import PlanningProblem
from scheduler.planning import plan

HOUR = timedelta(hours=1)
VALUES = (300.0, 220.0, 100.0, 100.0, 300.0, 300.0, 300.0, 300.0)


def crowded(expected: bool) -> PlanningProblem:
    """One GPU; a job of two hours that likes the two clean ones, and perhaps another that has no other choice."""
    mine = job(1, hours=2, within=8)
    theirs = job(-7, hours=2, within=4, earliest_start=NOON + 2 * HOUR, submitted_at=NOON + 2 * HOUR)
    asked = problem(mine, values=VALUES)
    return replace(asked, expected=(theirs,) if expected else ())


def test_a_job_leaves_the_clean_hours_to_work_that_can_go_nowhere_else() -> None:
    """Alone it would wait for them; with somebody expected it runs before."""
    alone, beside = (plan(crowded(expected), "carbonq") for expected in (False, True))
    assert alone.placements[0].start == NOON + 2 * HOUR
    assert beside.placements[0].end <= NOON + 2 * HOUR


def test_expected_work_is_in_no_figure() -> None:
    """Neither a placement of the queue, nor in its emissions; and the bound is that of the queue alone."""
    alone, beside = (plan(crowded(expected), "carbonq") for expected in (False, True))
    assert [placement.job for placement in beside.placements] == [1]
    assert list(beside.kept_free) == [-7]
    assert alone.lower_bound is not None and beside.lower_bound is not None
    assert beside.lower_bound.grams == pytest.approx(alone.lower_bound.grams, rel=1e-3)


def test_work_that_is_expected_and_too_wide_is_left_out() -> None:
    """The machine has lost a GPU since."""
    asked = crowded(expected=True)
    wide = replace(asked, expected=(replace(asked.expected[0], width=2),))
    assert plan(wide, "carbonq").kept_free == {}


def test_planned_again_with_nothing_new_a_plan_stays_as_it_was() -> None:
    """Many placements are as good as one another: the announced one is kept."""
    jobs = [job(k, hours=2, within=8, interruptible=True) for k in range(1, 6)]
    queue = problem(*jobs, values=VALUES * 2, gpus=2)
    first = plan(queue, "carbonq")
    again = plan(queue, "carbonq", previous=first)
    assert again.emissions is not None and first.emissions is not None
    assert again.emissions.grams <= first.emissions.grams * (1 + 1e-9)
    assert [p.intervals for p in again.placements] == [p.intervals for p in first.placements]
