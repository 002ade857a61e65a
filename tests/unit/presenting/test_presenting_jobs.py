"""Rows of jobs: what is not known stays unknown, and is never zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_placement, a_segment, a_spec
from fakes.records import a_slice, a_statement

from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState, SegmentState
from scheduler.domain.plans import Placement
from scheduler.domain.readings import Component, ComponentEnergy, MeterMethod, ReadingFlag
from scheduler.domain.runs import SegmentId
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions, Energy
from scheduler.presenting.jobs import JobCase, job_detail, job_row, placement_view, running_time
from scheduler.protocol import Progress
from scheduler.service_views.jobs import JobDetail

FIGURES = ("energy_kwh", "emissions_g", "run_now_emissions_g", "at_submission_emissions_g", "difference_g")
PLACED = a_placement(1, (2, 4))


def case(
    job: Job | None = None, statement: EmissionsStatement | None = None, placement: Placement | None = None
) -> JobCase:
    return JobCase(job or a_job(), statement, placement, zone="GB", pue=1.3)


def detail(job: Job, statement: EmissionsStatement | None = None, **given: object) -> JobDetail:
    fields = {"segments": (), "events": (), "slices": (), "statements": (), "progress": None, "power_w": None}
    return job_detail(case(job, statement, PLACED), **{**fields, **given}, now=NOON)  # type: ignore[arg-type]


# --- the row
def test_a_job_without_a_statement_has_no_figures() -> None:
    row = job_row(case())
    assert [getattr(row, name) for name in FIGURES] == [None] * 5
    assert (row.statement, row.method, row.coverage) == (Settlement.NONE, StatementMethod.NONE, 0.0)
    assert row.pue == 1.3


@pytest.mark.parametrize("unknown", ["emissions", "run_now_emissions"])
def test_a_difference_to_something_unknown_is_unknown(unknown: str) -> None:
    row = job_row(case(statement=replace(a_statement(1), **{unknown: None})))
    assert row.difference_g is None
    assert getattr(row, f"{unknown}_g") is None
    assert row.energy_kwh == pytest.approx(1)


def test_a_zero_that_is_known_is_shown() -> None:
    row = job_row(case(statement=replace(a_statement(1), emissions=Emissions(0.0), energy=Energy(0.0))))
    assert (row.emissions_g, row.energy_kwh) == (0.0, 0.0)
    assert row.difference_g == 180


def test_figures_are_those_of_the_statement_with_its_own_pue() -> None:
    row = job_row(case(statement=a_statement(1)))
    assert [getattr(row, name) for name in FIGURES] == pytest.approx([1.0, 120, 180, 180, 60])
    assert (row.pue, row.statement, row.method) == (1.2, Settlement.FINAL, StatementMethod.MEASURED)


def test_the_zone_of_the_installation_stands_in_where_a_job_names_none() -> None:
    assert job_row(case(a_job(spec=a_spec(zone="DE")))).zone == "DE"
    assert job_row(case()).zone == "GB"


def test_a_waiting_job_shows_its_planned_start_and_end() -> None:
    row = job_row(case(placement=PLACED))
    assert (row.planned_start, row.planned_end, row.late) == (NOON + 2 * HOUR, NOON + 4 * HOUR, False)
    assert job_row(case(placement=a_placement(1, (2, 4), late=True))).late is True


def test_a_running_job_has_no_planned_start_any_more() -> None:
    row = job_row(case(a_job(state=JobState.RUNNING), placement=a_placement(1, (0, 4), reason="running")))
    assert (row.planned_start, row.planned_end) == (None, NOON + 4 * HOUR)


def test_an_ended_job_is_in_no_plan_whatever_the_plan_says() -> None:
    row = job_row(case(a_job(state=JobState.COMPLETED), placement=a_placement(1, (2, 4), late=True)))
    assert (row.planned_start, row.planned_end, row.late) == (None, None, False)


# --- the placement
def test_a_placement_without_a_forecast_has_no_emissions_and_no_saving() -> None:
    view = placement_view(PLACED, 1, pue=1.3)
    assert (view.emissions_g, view.run_now_emissions_g, view.difference_g) == (None, None, None)
    half_known = replace(PLACED, emissions=Emissions(100.0))
    assert placement_view(half_known, 1, 1.3).difference_g is None


def test_planned_emissions_have_the_pue_that_statements_have() -> None:
    known = replace(PLACED, emissions=Emissions(100.0), run_now_emissions=Emissions(150.0))
    view = placement_view(known, 1, pue=1.2)
    assert (view.emissions_g, view.run_now_emissions_g, view.difference_g) == pytest.approx((120, 180, 60))


def test_each_stretch_is_shown_and_the_pauses_between_them_counted() -> None:
    view = placement_view(a_placement(1, (0, 1), (2, 3), (5, 6)), None, 1.0)
    assert [(s.start, s.end) for s in view.stretches][1] == (NOON + 2 * HOUR, NOON + 3 * HOUR)
    assert (view.switches, view.job) == (2, None)


# --- the detail
def test_what_nobody_measured_or_said_is_unknown_in_the_detail_too() -> None:
    seen = detail(a_job())
    assert (seen.power_w, seen.progress, seen.time_limit_s, seen.checkpoint_signal) == (None, None, None, None)
    assert (seen.energy, seen.segments, seen.running_s) == ((), (), 0.0)


def test_an_ended_job_has_no_placement() -> None:
    assert detail(a_job()).placement is not None
    assert detail(a_job(state=JobState.FAILED)).placement is None


def test_progress_without_a_time_or_a_total_is_shown_as_far_as_it_is_known() -> None:
    seen = detail(a_job(), progress=Progress(step=7)).progress
    assert seen is not None and (seen.step, seen.total, seen.loss, seen.at) == (7, None, None, None)
    seen = detail(a_job(), progress=Progress(7, 10, 0.5, NOON.timestamp())).progress
    assert seen is not None and (seen.total, seen.at) == (10, NOON)


def test_energy_is_summed_by_device_and_method_and_its_flags_are_gathered() -> None:
    """An estimate is not added to a measurement."""

    def part(joules: float, method: MeterMethod, *flags: ReadingFlag) -> ComponentEnergy:
        return ComponentEnergy(Component.GPU, "GPU-0", Energy(joules), method, flags)

    first = replace(a_slice(1), parts=(part(1.8e6, MeterMethod.NVML_COUNTER),))
    second = replace(a_slice(2), parts=(part(1.8e6, MeterMethod.NVML_COUNTER, ReadingFlag.COUNTER_RESET),))
    third = replace(a_slice(3), parts=(part(3.6e6, MeterMethod.NVML_POWER, ReadingFlag.INTERPOLATED),))
    slices = [(SegmentId(1, 1, 1), piece) for piece in (first, second, third)]
    counted, integrated = detail(a_job(), slices=slices).energy
    assert (counted.method, counted.energy_kwh) == (MeterMethod.NVML_COUNTER, pytest.approx(1))
    assert counted.flags == (ReadingFlag.COUNTER_RESET,)
    assert (integrated.energy_kwh, integrated.flags) == (pytest.approx(1), (ReadingFlag.INTERPOLATED,))


def test_running_time_counts_an_open_start_until_now_and_one_that_came_to_nothing_not_at_all() -> None:
    ended = a_segment(1, 1, 1, SegmentState.ENDED, started_at=NOON, ended_at=NOON + HOUR)
    never = a_segment(1, 1, 2, SegmentState.NEVER_STARTED)
    running = a_segment(1, 1, 3, SegmentState.RUNNING, started_at=NOON + 2 * HOUR)
    assert running_time([ended, never, running], NOON + 5 * HOUR) == 4 * HOUR
    assert running_time([running], NOON) == timedelta(0)
    asleep = replace(ended, ran=HOUR / 4)
    assert running_time([asleep, running], NOON + 5 * HOUR) == 3.25 * HOUR
