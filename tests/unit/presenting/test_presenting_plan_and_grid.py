"""The plan, the grid and the totals as the API publishes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes.carbon_source import KEY, FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock
from fakes.queue import HOUR, a_job, a_machine, a_placement, a_plan, a_segment, a_spec

from scheduler.accounting.grouping import GroupTotals
from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SignalKind
from scheduler.domain.durations import format_duration
from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis
from scheduler.domain.lifecycle import JobState, SegmentState
from scheduler.domain.plans import Plan
from scheduler.domain.running_time import Learnt
from scheduler.domain.units import Emissions, Energy, Power
from scheduler.presenting.chain import Answer
from scheduler.presenting.grid import GridCase, freshness, grid_forecast, grid_now
from scheduler.presenting.history import history_group
from scheduler.presenting.jobs import JobCase
from scheduler.presenting.plan import intensity_slots, place_rows, plan_view
from scheduler.presenting.submission import explanation, submission
from scheduler.service_views.grid import ForecastLink, Freshness
from scheduler.service_views.jobs import ConfidenceView
from scheduler.service_views.plan import PlanView
from scheduler.service_views.requests import HistoryGrouping

ANSWERED = Answer(ForecastLink.PROVIDER, "forecast of fake", (), ())


def a_forecast(hours: int = 6) -> CarbonForecast:
    return CarbonForecast(KEY, NOON, NOON, hourly(NOON, [100.0 + n for n in range(hours)]))


# --- the plan
def viewed(plan: Plan, forecast: CarbonForecast | None = None, pue: float = 1.0, **jobs: Any) -> PlanView:
    known = jobs.get("jobs", {p.job: a_job(p.job) for p in plan.placements})
    return plan_view(plan, known, forecast, (), KEY, ANSWERED, pue, NOON)


def test_without_a_forecast_a_plan_has_neither_strip_nor_sums() -> None:
    view = viewed(a_plan(a_placement(1, (0, 2))))
    assert (view.emissions_g, view.run_now_emissions_g, view.lower_bound_g) == (None, None, None)
    assert (view.strip, view.forecast_age_s, view.forecast_issued_at) == ((), None, None)


def test_a_plan_says_on_which_kind_of_intensity_it_rests_and_which_overhead_is_in_it() -> None:
    view = viewed(a_plan(a_placement(1, (0, 2))), pue=1.2)
    assert (view.kind, view.accounting, view.basis, view.pue) == ("average", "consumption", "lifecycle", 1.2)


def test_what_keeps_a_plan_from_being_what_was_asked_for_stands_among_its_notes() -> None:
    made = replace(a_plan(), notes=("the forecast ends early",))
    view = plan_view(made, {}, None, (), KEY, ANSWERED, 1.0, NOON, problems=("planning without the price of power",))
    assert view.notes == ("the forecast ends early", "planning without the price of power")


def test_one_unknown_placement_makes_the_sum_unknown() -> None:
    """A sum that leaves something out is not a sum."""
    known = replace(a_placement(1, (0, 2)), emissions=Emissions(100.0), run_now_emissions=Emissions(150.0))
    both = a_plan(known, replace(known, job=2))
    assert (viewed(both).emissions_g, viewed(both).run_now_emissions_g) == (200, 300)
    assert viewed(both, pue=1.5).emissions_g == 300
    half = a_plan(known, a_placement(2, (2, 3)))
    assert (viewed(half).emissions_g, viewed(half).run_now_emissions_g) == (None, None)


def test_jobs_stand_in_the_order_of_their_starts_and_ended_ones_are_gone() -> None:
    plan = a_plan(a_placement(1, (4, 5)), a_placement(2, (0, 1)), a_placement(3, (1, 2)))
    view = viewed(plan, jobs={1: a_job(1), 2: a_job(2)})
    assert [job.placement.job for job in view.jobs] == [2, 1]


def test_jobs_in_no_plan_stand_beside_it_with_why_and_change_no_figure() -> None:
    known = replace(a_placement(1, (0, 2)), emissions=Emissions(100.0), run_now_emissions=Emissions(150.0))
    held, after = a_job(2, state=JobState.HELD), a_job(3, spec=a_spec(after=(2,)))
    view = viewed(a_plan(known), jobs={1: a_job(1), 3: after, 2: held})
    assert [(job.job, job.state) for job in view.unplanned] == [(2, JobState.HELD), (3, JobState.QUEUED)]
    assert view.unplanned[0].words == "Job 2 is held; `carbonq release 2` lets it be planned."
    assert "waits for job 2" in view.unplanned[1].words
    assert (view.emissions_g, len(view.jobs)) == (100, 1)


def test_a_job_that_was_held_since_the_plan_was_made_is_no_longer_in_it() -> None:
    view = viewed(a_plan(a_placement(1, (0, 2))), jobs={1: a_job(1, state=JobState.HELD)})
    assert (view.jobs, [job.job for job in view.unplanned]) == ((), [1])


def test_the_strip_reaches_from_now_to_the_end_of_what_is_known() -> None:
    old = CarbonForecast(KEY, NOON - 2 * HOUR, NOON - 2 * HOUR, hourly(NOON - 2 * HOUR, [1.0, 2.0, 3.0, 4.0]))
    strip = viewed(a_plan(a_placement(1, (0, 1))), old).strip
    assert [(slot.start, slot.g_per_kwh) for slot in strip] == [(NOON, 3.0), (NOON + HOUR, 4.0)]


def test_a_slot_without_a_band_has_none() -> None:
    slot = intensity_slots(a_forecast(1))[0]
    assert (slot.p10_g_per_kwh, slot.p90_g_per_kwh) == (None, None)
    banded = replace(a_forecast(1), p10=hourly(NOON, [80.0]), p90=hourly(NOON, [130.0]))
    assert intensity_slots(banded)[0].p10_g_per_kwh == 80
    assert intensity_slots(None) == ()


def test_each_place_shows_the_job_that_holds_it() -> None:
    segments = [a_segment(7, gpu_uuids=("GPU-1",)), a_segment(9)]
    rows = place_rows(a_machine(gpus=2, cpu_slots=2, busy=(0,)), segments)
    assert [(row.id, row.job) for row in rows] == [("GPU-0", None), ("GPU-1", 7), ("cpu-0", 9), ("cpu-1", None)]
    assert rows[0].other_pids == (4242,) and rows[0].power_limit_w is None
    assert (rows[2].pool, rows[2].name) == (Pool.CPU, "CPU slot")
    assert place_rows(None, segments) == ()


def test_a_segment_that_has_ended_holds_nothing_though_its_energy_is_still_on_the_way() -> None:
    ended = a_segment(7, state=SegmentState.ENDED, gpu_uuids=("GPU-0",))
    assert [row.job for row in place_rows(a_machine(gpus=1, cpu_slots=0), [ended])] == [None]


def test_a_cpu_is_called_by_its_name_where_that_is_known() -> None:
    machine = Inventory("host", "boot", (), 1, cpu_model="EPYC 9654")
    assert place_rows(machine, ())[0].name == "EPYC 9654"


# --- the grid
def a_case(**fields: Any) -> GridCase:
    capabilities = FakeCarbonSource(FakeClock(), hourly(NOON, [1.0])).capabilities
    ordinary = GridCase(
        capabilities=capabilities,
        forecast=a_forecast(),
        newest=None,
        last_error=None,
        failing=False,
        next_poll_at=None,
        notes=(),
        now=NOON + timedelta(minutes=30),
        stale_after=12 * HOUR,
    )
    return replace(ordinary, **fields)


def observed(hours_ago: float, g_per_kwh: float = 55.0) -> IntensityObservation:
    start = NOON - hours_ago * HOUR
    return IntensityObservation(KEY, Interval(start, start + HOUR), g_per_kwh, IntensityStatus.ACTUAL, NOON)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, Freshness.FRESH),
        ({"failing": True}, Freshness.STALE),
        ({"now": NOON + 5 * HOUR, "stale_after": 4 * HOUR}, Freshness.STALE),
        ({"now": NOON + 6 * HOUR}, Freshness.NONE),
        ({"forecast": None}, Freshness.NONE),
        ({"forecast": None, "failing": True}, Freshness.NONE),
    ],
)
def test_freshness_is_one_of_three_words(fields: dict[str, Any], word: Freshness) -> None:
    assert freshness(a_case(**fields)) is word


def test_what_is_published_for_this_moment_comes_before_what_was_forecast_for_it() -> None:
    now = grid_now(a_case(newest=observed(0)))
    assert (now.g_per_kwh, now.status) == (55.0, IntensityStatus.ACTUAL)
    now = grid_now(a_case(newest=observed(3)))
    assert (now.g_per_kwh, now.status) == (100.0, IntensityStatus.FORECAST)


def test_without_a_forecast_the_last_published_value_is_shown_with_its_hour() -> None:
    now = grid_now(a_case(forecast=None, newest=observed(3)))
    assert (now.g_per_kwh, now.end) == (55.0, NOON - 2 * HOUR)
    assert (now.forecast_age_s, now.forecast_issued_at) == (None, None)


def test_an_index_is_told_in_words_and_never_as_grams() -> None:
    key = replace(KEY, kind=SignalKind.INDEX)
    capabilities = replace(a_case().capabilities, key=key)
    shown = grid_now(a_case(capabilities=capabilities, newest=replace(observed(0, 37), key=key), forecast=None))
    assert (shown.g_per_kwh, shown.kind) == (None, "index")
    assert "index at 2026-11-23 12:00 UTC: 37 (0 is clean, 100 is not)" in shown.notes


def test_nothing_ahead_is_drawn_of_an_index() -> None:
    """Neither in the forecast nor on the plan's strip, whatever is recorded."""
    index = replace(a_forecast(), key=replace(KEY, kind=SignalKind.INDEX))
    assert intensity_slots(a_forecast()) and not intensity_slots(index)
    assert intensity_slots(index, Interval(NOON, NOON + HOUR)) == ()


def test_of_a_grid_that_has_said_nothing_nothing_is_known() -> None:
    now = grid_now(a_case(forecast=None, last_error="HTML instead of JSON", failing=True))
    assert (now.g_per_kwh, now.status, now.start, now.end, now.age_s) == (None,) * 5
    assert now.last_error == "HTML instead of JSON"
    ahead = grid_forecast(a_case(forecast=None))
    assert (ahead.slots, ahead.method, ahead.issued_at, ahead.age_s) == ((), None, None, None)


# --- totals
def test_a_group_says_of_how_many_jobs_it_does_not_know() -> None:
    totals = GroupTotals(
        key=None,
        jobs=3,
        energy=Energy.from_kwh(2),
        emissions=Emissions(100),
        run_now_emissions=Emissions(150),
        difference=Emissions(50),
        unknown_emissions=1,
        unknown_difference=2,
        provisional=1,
        series=KEY,
    )
    group = history_group(totals, HistoryGrouping.PROJECT)
    assert (group.key, group.jobs, group.unknown_emissions, group.unknown_difference) == (None, 3, 1, 2)
    assert (group.energy_kwh, group.difference_g) == (pytest.approx(2), 50)
    assert group.intensities == (str(KEY),)


# --- submission and explanation
def a_job_case(**job: Any) -> JobCase:
    return JobCase(a_job(**job), None, a_placement(1, (2, 4)), "GB", 1.0)


def test_a_dry_run_has_no_number_anywhere() -> None:
    answer = submission(a_job_case(job_id=2**62), (), None, dry_run=True)
    assert (answer.id, answer.dry_run) == (None, True)
    assert answer.placement is not None and answer.placement.job is None
    assert answer.forecast_age_s is None


def test_what_was_assumed_is_said_and_what_the_user_said_is_not_repeated() -> None:
    assert submission(a_job_case(), ("It waits.",), HOUR, dry_run=False).words == ("It waits.",)
    assumed = a_job_case(duration_basis=Basis.ASSUMED, power_basis=Basis.HISTORY)
    words = submission(assumed, (), HOUR, dry_run=False).words
    assert words[0] == f"Running time {format_duration(2 * HOUR)}: assumed; --duration says it better."
    assert words[1].startswith("Power 300 W: the median of like jobs before it")


def test_a_job_that_is_queued_held_is_told_how_to_let_it_go() -> None:
    case = JobCase(a_job(6, JobState.HELD), None, None, "GB", 1.0)
    assert submission(case, (), HOUR, dry_run=False).words == (
        "Job 6 is held; `carbonq release 6` lets it be planned.",
    )


def test_a_small_power_is_not_rounded_to_nothing() -> None:
    case = a_job_case(power_basis=Basis.HISTORY, expected_power=Power(0.34))
    assert submission(case, (), None, dry_run=False).words == ("Power 0.34 W: the median of like jobs before it.",)


def test_a_job_that_waits_is_told_how_late_it_can_start() -> None:
    told = explanation(a_job_case(), ("It waits.",), ANSWERED, KEY, NOON)
    assert told.latest_start == NOON + 22 * HOUR
    assert told.forecast_by == "forecast of fake"
    figures = {figure.name: figure.value for figure in told.figures}
    assert figures["slack"] == 22 * 3600
    assert figures["emissions as planned"] is None


def test_what_is_left_of_a_running_job_is_what_it_has_not_run_yet() -> None:
    """So is its slack: what it has run need not be run again."""
    case = replace(a_job_case(state=JobState.RUNNING), left=HOUR / 2)
    figures = {figure.name: figure.value for figure in explanation(case, ("It runs.",), ANSWERED, KEY, NOON).figures}
    assert figures["expected running time left"] == 1800
    assert figures["slack"] == 23.5 * 3600


def test_the_figures_of_one_answer_do_not_contradict_each_other() -> None:
    """Two hours are expected, and nine of ten such jobs took a minute: no running time is sure to be both."""
    sure = ConfidenceView(
        confidence=0.9, running_time_s=60.0, learnt_from=Learnt.LIKE_JOBS, learnt_jobs=9, ends_by=None, in_time=0.9996
    )
    told = explanation(replace(a_job_case(), certainty=sure), ("It waits.",), ANSWERED, KEY, NOON)
    figures = {figure.name: figure.value for figure in told.figures}
    assert figures["running time of 9 of 10 such jobs, at most"] == 60
    assert figures["chance of meeting the deadline"] == 99, "as in its sentences: never rounded up"


def test_what_is_planned_of_a_job_that_runs_is_named_as_the_rest() -> None:
    case = replace(a_job_case(state=JobState.RUNNING), placement=a_placement(1, (0, 1), reason="running"))
    names = [figure.name for figure in explanation(case, ("It runs.",), ANSWERED, KEY, NOON).figures]
    assert "emissions as planned, the rest" in names and "emissions as planned" not in names


def test_nothing_is_left_of_a_job_that_has_ended() -> None:
    """It has no slack either, and nothing is expected of it any more."""
    assert explanation(a_job_case(state=JobState.COMPLETED), (), ANSWERED, KEY, NOON).figures == ()


def test_a_job_that_is_in_no_plan_is_told_its_state_in_words() -> None:
    held = JobCase(a_job(3, JobState.HELD), None, None, "GB", 1.0)
    told = explanation(held, (), ANSWERED, KEY, NOON)
    assert told.sentences == ("Job 3 is held; `carbonq release 3` lets it be planned.",)
    assert (told.placement, told.latest_start) == (None, None)
    failed = JobCase(a_job(3, JobState.FAILED, detail="exit code 3"), None, None, "GB", 1.0)
    assert explanation(failed, (), ANSWERED, KEY, NOON).forecast_by is None, "nothing is planned for what has ended"
    assert explanation(failed, (), ANSWERED, KEY, NOON).sentences == (
        "Job 3 is failed: exit code 3; `carbonq show 3` shows its history.",
    )
