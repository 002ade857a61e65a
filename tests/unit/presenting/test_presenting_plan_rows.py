"""Which GPU each stretch of a plan stands on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_machine, a_placement, a_segment, a_spec
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.jobs import Job
from scheduler.domain.plans import Placement
from scheduler.presenting.plan import place_rows
from scheduler.presenting.plan_rows import planned_stretches
from scheduler.service_views.site import GpuRow


def jobs(*widths: int) -> dict[int, Job]:
    """By number, from 1; width 0 is one CPU slot."""
    return {number: a_job(number, spec=a_spec(gpus=width)) for number, width in enumerate(widths, start=1)}


def stood(
    placements: Sequence[Placement], known: dict[int, Job], places: Sequence[GpuRow]
) -> dict[int, list[tuple[str, ...]]]:
    found = planned_stretches(placements, known, places)
    return {number: [stretch.places for stretch in stretches] for number, stretches in found.items()}


def test_a_running_job_stands_on_the_gpu_it_holds() -> None:
    """Also where one of a lower number, which starts at once, is seen first."""
    holding = place_rows(a_machine(gpus=2, cpu_slots=0), [a_segment(2, gpu_uuids=("GPU-0",))])
    placements = [a_placement(1, (0, 2)), a_placement(2, (0, 2))]
    assert stood(placements, jobs(1, 1), holding) == {1: [("GPU-1",)], 2: [("GPU-0",)]}


def test_a_wide_job_stands_on_as_many_gpus_as_it_needs_and_one_without_on_a_cpu_slot() -> None:
    places = place_rows(a_machine(gpus=3, cpu_slots=1), ())
    placements = [a_placement(1, (0, 2)), a_placement(2, (0, 2))]
    assert stood(placements, jobs(2, 0), places) == {1: [("GPU-0", "GPU-1")], 2: [("cpu-0",)]}


def test_each_stretch_of_an_interrupted_job_has_places_of_its_own() -> None:
    places = place_rows(a_machine(gpus=2, cpu_slots=0), ())
    placements = [a_placement(1, (0, 1), (3, 4)), a_placement(2, (2, 5))]
    found = planned_stretches(placements, jobs(1, 1), places)
    assert [(s.start, s.end, s.places) for s in found[1]] == [
        (NOON, NOON + HOUR, ("GPU-0",)),
        (NOON + 3 * HOUR, NOON + 4 * HOUR, ("GPU-1",)),
    ]


def test_where_no_place_is_free_none_is_named() -> None:
    """A job that runs on past its end leaves the next without one until it is planned anew."""
    placements = [a_placement(1, (0, 2)), a_placement(2, (1, 3))]
    assert stood(placements, jobs(1, 1), place_rows(a_machine(gpus=1, cpu_slots=0), ())) == {1: [("GPU-0",)], 2: [()]}


def test_a_plan_that_fits_has_a_place_for_all() -> None:
    placements = [a_placement(1, (0, 4)), a_placement(2, (0, 2)), a_placement(3, (2, 4)), a_placement(4, (4, 6))]
    found = stood(placements, jobs(1, 1, 1, 2), place_rows(a_machine(gpus=2, cpu_slots=0), ()))
    assert sum(len(places) for stretches in found.values() for places in stretches) == 5


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10), st.integers(1, 3)), max_size=12))
def test_no_gpu_is_two_jobs_at_once(raw: list[tuple[int, int, int]]) -> None:
    known = jobs(*(width for _, _, width in raw))
    placements = [a_placement(number, (start, start + length)) for number, (start, length, _) in enumerate(raw, 1)]
    found = planned_stretches(placements, known, place_rows(a_machine(gpus=4, cpu_slots=0), ()))
    for gpu in ("GPU-0", "GPU-1", "GPU-2", "GPU-3"):
        on_it = [s for stretches in found.values() for s in stretches if gpu in s.places]
        for one, after in pairwise(sorted(on_it, key=lambda s: s.start)):
            assert one.end <= after.start
