"""What jobs answer to prices: the level found without sorting, and found again from an earlier one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planner_speed import instance

from scheduler.planning.decomposition.bounding import windows
from scheduler.planning.decomposition.responses import Answers, no_answers, respond
from scheduler.planning.decomposition.selecting import level_of


@given(
    items=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 50)), min_size=1, max_size=40), share=st.floats(0.01, 1)
)
def test_the_cheapest_up_to_the_level_weigh_what_is_wanted(items: list[tuple[int, int]], share: float) -> None:
    value, weight = (np.array(column) for column in zip(*items, strict=True))
    wanted = max(1, int(share * weight.sum()))
    level, part = level_of(value.astype(np.float64), weight.copy(), len(items), wanted)
    assert 0 < part <= 1
    assert weight[value < level].sum() + part * weight[value == level].sum() == pytest.approx(wanted)


def test_an_answer_does_not_depend_on_the_one_before() -> None:
    """However far the prices have gone, and whatever was said of that."""
    pieces, jobs, _ = instance(200, 96, 60)
    draw = np.random.default_rng(3)
    first, last = windows(pieces, jobs)

    def nothing_known() -> Answers:
        return no_answers(pieces.places, jobs.lo.size)

    followed = nothing_known()
    respond(pieces, jobs, np.zeros_like(pieces.places), first, last, np.inf, followed)
    for scale, told in ((1e-5, 1e-5), (1e-3, 1e-3), (0.1, 1e-9), (0.1, 10.0)):
        prices, fresh = draw.uniform(0, scale, pieces.places.shape), nothing_known()
        anew = respond(pieces, jobs, prices, first, last, np.inf, fresh)
        assert respond(pieces, jobs, prices, first, last, told, followed) == pytest.approx(anew, rel=1e-12)
        np.testing.assert_allclose(followed.usage, fresh.usage, rtol=1e-9, atol=1e-6)
