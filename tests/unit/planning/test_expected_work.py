"""Plans that know of what may come, and of what was planned before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.problems import expected, job, problem, problems
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.gpus import Pool
from scheduler.domain.plans import ExpectedWork, PlanningProblem
from scheduler.planning import plan

HOUR = timedelta(hours=1)
VALUES = (300.0, 220.0, 100.0, 100.0, 300.0, 300.0, 300.0, 300.0)


def crowded(*coming: ExpectedWork) -> PlanningProblem:
    """One GPU; a job of two hours that likes the two clean ones."""
    return replace(problem(job(1, hours=2, within=8), values=VALUES), expected=coming)


NOWHERE_ELSE = expected(hours=2, start=2, within=4)
"""Work that must be done in the two clean hours."""


def test_a_job_leaves_the_clean_hours_to_work_that_can_go_nowhere_else() -> None:
    """Alone it would wait for them; with somebody expected it runs before."""
    alone, beside = plan(crowded(), "carbonq"), plan(crowded(NOWHERE_ELSE), "carbonq")
    assert alone.placements[0].start == NOON + 2 * HOUR
    assert beside.placements[0].end <= NOON + 2 * HOUR


def test_a_job_takes_the_clean_hours_where_what_is_expected_can_go_elsewhere_for_less() -> None:
    """Half an hour of it would run at 220 and not at 100 g/kWh; of the job a whole hour would."""
    beside = plan(crowded(expected(hours=0.5, start=1, within=4)), "carbonq")
    assert beside.placements[0].start == NOON + 2 * HOUR


def test_expected_work_is_in_no_figure() -> None:
    """Neither a placement of the queue, nor in its emissions; and the bound is that of the queue alone."""
    alone, beside = plan(crowded(), "carbonq"), plan(crowded(NOWHERE_ELSE), "carbonq")
    assert [placement.job for placement in beside.placements] == [1]
    assert alone.lower_bound is not None and beside.lower_bound is not None
    assert beside.lower_bound.grams == pytest.approx(alone.lower_bound.grams, rel=1e-3)


@pytest.mark.parametrize(
    "coming",
    [
        expected(hours=2, start=2, within=4, pool=Pool.CPU),
        expected(hours=2, start=0, within=4),
        expected(hours=2, start=2, within=4, places=0.001),
    ],
    ids=["of another pool", "that should have come by now", "that is next to nothing"],
)
def test_no_room_is_kept_for_work(coming: ExpectedWork) -> None:
    assert plan(crowded(coming), "carbonq").placements[0].start == NOON + 2 * HOUR


def test_more_expected_than_the_machine_is_wide_is_taken_to_fill_it() -> None:
    """The machine has lost GPUs since."""
    wide = replace(NOWHERE_ELSE, places=5.0)
    assert plan(crowded(wide), "carbonq").placements == plan(crowded(NOWHERE_ELSE), "carbonq").placements


@given(problems(), st.lists(st.tuples(*[st.integers(1, 20)] * 3, st.integers(1, 40)), max_size=6))
def test_whatever_is_expected_no_plan_makes_more_jobs_late(
    asked: PlanningProblem, coming: list[tuple[int, int, int, int]]
) -> None:
    """Nor does it emit more than run-now where no more are late; and the bound holds."""
    likely = tuple(expected(h, start, start + h + slack, places / 10) for h, start, slack, places in coming)
    made, usual = plan(replace(asked, expected=likely), "carbonq"), plan(asked, "run-now")
    assert made.late_jobs <= usual.late_jobs
    if made.emissions is not None and usual.emissions is not None and made.late_jobs == usual.late_jobs:
        assert made.emissions.grams <= usual.emissions.grams * (1 + 1e-9)
        assert made.lower_bound is None or made.lower_bound.grams <= made.emissions.grams * (1 + 1e-9)


def test_planned_again_with_nothing_new_a_plan_stays_as_it_was() -> None:
    """Many placements are as good as one another: the announced one is kept."""
    jobs = [job(k, hours=2, within=8, interruptible=True) for k in range(1, 6)]
    queue = problem(*jobs, values=VALUES * 2, gpus=2)
    first = plan(queue, "carbonq")
    again = plan(queue, "carbonq", previous=first)
    assert again.emissions is not None and first.emissions is not None
    assert again.emissions.grams <= first.emissions.grams * (1 + 1e-9)
    assert [p.intervals for p in again.placements] == [p.intervals for p in first.placements]
