"""What is expected flows so that it emits least, as a linear program finds it, and gives way to jobs and back again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from scheduler.planning.decomposition.arrays import Pieces
from scheduler.planning.decomposition.bed import Bed, bed_under, keep, restore, take_room
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.flowing import flow, worths
from scheduler.planning.decomposition.fluid import PARTS, Fluid, coarser

HOUR = 3_600_000_000
pytestmark = pytest.mark.skipif(not COMPILED, reason="in plain Python it takes minutes")


def the_fluid(portions: list[tuple[int, int, int, int, int]]) -> Fluid:
    """(pool, start, length, slack [h], places) each."""
    pool, start, length, slack, places = (np.array(column, dtype=np.int64) for column in zip(*portions, strict=True))
    return Fluid(
        start * HOUR, (start + length + slack) * HOUR, length * HOUR, places * PARTS, np.full(pool.size, 2.0), pool
    )


def pieces(rates: list[int], places: int) -> Pieces:
    """Hours in two pools; below zero, as where money is weighed."""
    rate = np.array(rates, dtype=np.float64)
    return Pieces(np.arange(rate.size + 1) * HOUR, rate, np.full((2, rate.size), float(places)))


def least_g(fluid: Fluid, bed: Bed) -> float:
    """By HiGHS."""
    size, count = bed.most.shape
    cost = np.concatenate((np.tile(bed.rate, count), np.full(count, bed.dearest))) * bed.grams
    in_piece = np.hstack((np.tile(np.eye(size), count), np.zeros((size, count))))
    of_portion = np.hstack((np.kron(np.eye(count), np.ones(size)), np.eye(count)))
    work = fluid.length * fluid.parts / PARTS * 1e-6
    bounds = [(0, most) for most in bed.most.T.ravel()] + [(0, None)] * count
    found = linprog(cost, in_piece, bed.room, of_portion, work, bounds)
    return float(found.fun)


portions = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(1, 4), st.integers(0, 6), st.integers(1, 3)),
    min_size=1, max_size=7,
)  # fmt: skip
hours = st.lists(st.integers(-100, 500), min_size=18, max_size=18)
jobs = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 60), st.integers(1, 20), st.integers(1, 2)), max_size=2
)  # fmt: skip


@given(portions, hours, jobs)
def test_it_emits_as_little_as_a_linear_program_and_all_of_it_is_accounted_for(
    given_portions: list[tuple[int, int, int, int, int]], rates: list[int], held: list[tuple[int, int, int, int]]
) -> None:
    """Beside jobs that hold places for any quarter-hours."""
    grid, fluid = pieces(rates, 4), the_fluid(given_portions)
    bed = bed_under(grid, fluid, np.zeros((2, 18)))
    for pool, start, length, places in held:
        take_room(grid.edges, bed, pool, start * HOUR // 4, (start + length) * HOUR // 4, places)
    assert flow(bed) == pytest.approx(least_g(fluid, bed), rel=1e-6, abs=1e-3)
    assert bed.now.held.sum(axis=1) == pytest.approx(bed.room - bed.now.left, abs=1e-3)
    assert bed.now.held.sum(axis=0) + bed.now.short == pytest.approx(
        fluid.length * fluid.parts / PARTS * 1e-6, abs=1e-3
    )
    assert (bed.now.left > -1e-3).all() and (bed.now.held <= bed.most + 1e-3).all()


@given(portions, hours, jobs)
def test_when_a_job_has_come_and_gone_it_emits_what_it_did(
    given_portions: list[tuple[int, int, int, int, int]], rates: list[int], held: list[tuple[int, int, int, int]]
) -> None:
    """Whether it flows back by itself or is put back."""
    grid = pieces(rates, 4)
    bed = bed_under(grid, the_fluid(given_portions), np.zeros((2, 18)))
    before = flow(bed)
    keep(bed)
    for times in (1, -1):
        for pool, start, length, places in held:
            take_room(grid.edges, bed, pool, start * HOUR // 4, (start + length) * HOUR // 4, times * places)
        beside = flow(bed)
        assert beside >= before - 1e-3
    assert beside == pytest.approx(before, rel=1e-9, abs=1e-3)
    restore(bed)
    assert flow(bed) == pytest.approx(before, rel=1e-9, abs=1e-3)


def test_what_finds_no_room_is_taken_to_run_at_the_dirtiest() -> None:
    """Two places' worth in one, for the only hours it has."""
    fluid = the_fluid([(0, 0, 2, 0, 2)])
    bed = bed_under(pieces([100, 200, 400], 1), fluid, np.zeros((2, 3)))
    assert flow(bed) == pytest.approx(2.0 * 3600 * (100 + 200 + 2 * 400))


def test_pieces_of_one_hour_are_joined_and_whole_hours_left_as_they_are() -> None:
    """Nobody knows to five minutes what will come, and the fluid takes time for each piece."""
    quarter = HOUR // 4
    edges = np.array([3 * quarter, 4 * quarter, 5 * quarter, 7 * quarter, 8 * quarter, 12 * quarter])
    fine = Pieces(edges, np.array([100.0, 200, 300, 400, 500]), np.array([[4.0, 4, 2, 0, 1], [0.0, 0, 0, 0, 0]]))
    joined, prices = coarser(fine, fine.places * 2)
    assert joined.edges.tolist() == [3 * quarter, 4 * quarter, 8 * quarter, 12 * quarter]
    assert joined.rate.tolist() == [100, 300, 500]
    assert joined.places[0].tolist() == [4, 2, 1] and prices[0].tolist() == [8, 4, 2]
    again, same = coarser(joined, prices)
    assert (
        again.edges.tolist() == joined.edges.tolist() and (again.rate == joined.rate).all() and (same == prices).all()
    )


def test_a_job_beyond_the_last_piece_neither_takes_nor_gives_room() -> None:
    """A late one may be placed where nothing is known any more."""
    grid = pieces([100, 200, 400], 2)
    bed = bed_under(grid, the_fluid([(0, 0, 2, 1, 1)]), np.zeros((2, 3)))
    assert bed.rate.tolist() == [400, 200, 100]
    room = bed.room.copy()
    take_room(grid.edges, bed, 0, 5 * HOUR, 7 * HOUR, 1)
    assert bed.room.tolist() == room.tolist()
    take_room(grid.edges, bed, 0, 2 * HOUR, 7 * HOUR, 1)
    assert (room - bed.room).tolist() == [3600, 0, 0]


def test_where_nothing_could_flow_a_job_is_in_nobodys_way() -> None:
    """In the other pool, and in the hours of its own before the portion comes."""
    grid = pieces([100, 200, 400], 2)
    bed = bed_under(grid, the_fluid([(0, 1, 1, 1, 1)]), np.zeros((2, 3)))
    assert bed.row.tolist() == [-1, 1, 0, -1, -1, -1]
    before = flow(bed)
    worths(bed)
    for pool, start in ((0, 0), (1, 1), (1, 2)):
        assert take_room(grid.edges, bed, pool, start * HOUR, (start + 1) * HOUR, 2) == 0
    assert flow(bed) == before


moves = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 60), st.integers(1, 20), st.integers(1, 2), st.booleans()),
    min_size=1, max_size=6,
)  # fmt: skip


@given(portions, hours, moves)
def test_after_each_of_many_jobs_that_come_and_go_it_emits_as_little_as_a_linear_program(
    given_portions: list[tuple[int, int, int, int, int]], rates: list[int], moved: list[tuple[int, int, int, int, bool]]
) -> None:
    """It only looks at what has changed since it flowed; here some go as others come."""
    grid, fluid = pieces(rates, 4), the_fluid(given_portions)
    bed = bed_under(grid, fluid, np.zeros((2, 18)))
    there: list[tuple[int, int, int, int]] = []
    for pool, start, length, places, then_flows in moved:
        if there and places == 1:
            gone = there.pop()
            take_room(grid.edges, bed, gone[0], gone[1], gone[2], -gone[3])
        there.append((pool, start * HOUR // 4, (start + length) * HOUR // 4, places))
        take_room(grid.edges, bed, *there[-1])
        if then_flows:
            assert flow(bed) == pytest.approx(least_g(fluid, bed), rel=1e-6, abs=1e-3)
    assert flow(bed) == pytest.approx(least_g(fluid, bed), rel=1e-6, abs=1e-3)
    assert bed.now.held.sum(axis=1) == pytest.approx(bed.room - bed.now.left, abs=1e-3)


@given(portions, hours, jobs)
def test_jobs_cost_it_at_least_what_their_places_are_worth(
    given_portions: list[tuple[int, int, int, int, int]], rates: list[int], held: list[tuple[int, int, int, int]]
) -> None:
    """Many jobs are turned away on the strength of this."""
    grid = pieces(rates, 4)
    bed = bed_under(grid, the_fluid(given_portions), np.zeros((2, 18)))
    before = flow(bed)
    worths(bed)
    least = before
    for pool, start, length, places in held:
        least += take_room(grid.edges, bed, pool, start * HOUR // 4, (start + length) * HOUR // 4, places)
    assert flow(bed) >= least - 1e-3


def test_a_place_is_worth_what_the_cleanest_other_hour_costs_more() -> None:
    """Two portions side by side in the cleanest hour; one of them may move to the next, the other only further."""
    fluid = the_fluid([(0, 0, 1, 1, 1), (0, 0, 1, 2, 1)])
    bed = bed_under(pieces([100, 200, 400], 1), fluid, np.zeros((2, 3)))
    assert flow(bed) == 2.0 * 3600 * (100 + 200)
    worths(bed)
    # The row of 200 gives way to that of 400, and so does, through it, that of 100.
    assert (bed.worth / 2.0).tolist() == [0, 200, 300]
