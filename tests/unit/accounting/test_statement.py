"""Energy matched in time to intensity: the figures, their certainty, and what a revision does to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.metering import KEY, a_forecast, a_slice, hours, observed, slices_at
from fakes.queue import HOUR, a_job, a_segment, a_spec
from hypothesis import given
from hypothesis import strategies as st

from scheduler.accounting.intensity import IntensityHistory, intensity_history
from scheduler.accounting.load import Load
from scheduler.accounting.statement import Metered, Terms, restated, settle, statement_method
from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SignalKind
from scheduler.domain.lifecycle import JobState, SegmentState, StopReason
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod
from scheduler.domain.runs import SegmentId
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions, Energy

DAY = timedelta(days=1)
LONG_AFTER = NOON + 10 * DAY
FIRST, SECOND = SegmentId(1, 1, 1), SegmentId(1, 1, 2)
TERMS = Terms(KEY)


def figure(emissions: Emissions | None) -> float:
    """In grams; a figure that must be known."""
    assert emissions is not None
    return emissions.grams


def a_run(*slices: tuple[SegmentId, EnergySlice], **fields: object) -> Metered:
    """An ended job with one segment that drew `slices`."""
    job = a_job(1, JobState.COMPLETED, attempts=1, started_at=NOON, **fields)
    return Metered(job, (a_segment(state=SegmentState.ENDED),), slices)


def history(*observations: IntensityObservation, forecasts: tuple[CarbonForecast, ...] = ()) -> IntensityHistory:
    return intensity_history(observations, forecasts, LONG_AFTER, DAY, 7 * DAY)


def settled(metered: Metered, known: IntensityHistory, terms: Terms = TERMS) -> EmissionsStatement:
    return settle(metered, known, NOON, terms, LONG_AFTER)


def test_a_400_w_gpu_for_an_hour_on_a_250_g_grid_emits_100_g() -> None:
    """The plainest case, final and measured."""
    statement = settled(a_run(*slices_at(FIRST, 0, 1, 400)), history(*observed([250])))
    assert figure(statement.emissions) == pytest.approx(100)
    assert (statement.settlement, statement.method) == (Settlement.FINAL, StatementMethod.MEASURED)
    assert (statement.coverage, statement.note) == (1, None)


def test_a_slice_across_the_hour_meets_both_intensities() -> None:
    """3.6 MJ from 12:57 to 13:01: three quarters at 100 g, one at 300 g."""
    energy = a_slice(1, hours(0.95, 0.95 + 4 / 60), 3_600_000)
    statement = settled(a_run((FIRST, energy)), history(*observed([100, 300])))
    assert figure(statement.emissions) == pytest.approx(150)


def test_facility_overhead_is_counted_once() -> None:
    """Emissions grow by the PUE, the energy stays IT energy."""
    run, known = a_run(*slices_at(FIRST, 0, 1, 400)), history(*observed([250]))
    statement = settled(run, known, Terms(KEY, pue=1.5))
    assert figure(statement.emissions) == pytest.approx(150)
    assert statement.energy is not None and statement.energy.joules == pytest.approx(400 * 3600)


def test_a_missing_hour_leaves_the_emissions_unknown_and_the_energy_known() -> None:
    """Unknown is not zero: a quarter of the energy has no intensity."""
    statement = settled(a_run(*slices_at(FIRST, 0, 4, 400)), history(*observed([100, None, 100, 100])))
    assert (statement.emissions, statement.settlement) == (None, Settlement.PROVISIONAL)
    assert statement.coverage == pytest.approx(0.75)
    assert statement.energy is not None and statement.note == "no intensity is known yet for 25 % of the energy"


def test_a_forecast_stands_in_until_the_value_is_published() -> None:
    """Provisional, with a figure."""
    known = history(*observed([100]), forecasts=(a_forecast([999, 300]),))
    statement = settled(a_run(*slices_at(FIRST, 0, 2, 1000)), known)
    assert figure(statement.emissions) == pytest.approx(400)
    assert statement.settlement is Settlement.PROVISIONAL


def test_of_two_forecasts_the_newer_stands_in() -> None:
    """What was issued last knew most."""
    known = history(forecasts=(a_forecast([300], issued=-1), a_forecast([500], issued=-9)))
    assert figure(settled(a_run(*slices_at(FIRST, 0, 1, 1000)), known).emissions) == pytest.approx(300)


def test_a_published_value_is_provisional_until_it_has_settled() -> None:
    """The provider revises the first day."""
    run = a_run(*slices_at(FIRST, 0, 1, 400))
    young = intensity_history(observed([250]), (), NOON + DAY, DAY, 7 * DAY)
    old = intensity_history(observed([250]), (), NOON + DAY + HOUR, DAY, 7 * DAY)
    assert settled(run, young).settlement is Settlement.PROVISIONAL
    assert settled(run, old).settlement is Settlement.FINAL


def test_an_estimate_is_taken_as_final_after_a_week() -> None:
    """A provider that never replaces its estimates must not leave statements open for ever."""
    estimates = observed([250], status=IntensityStatus.ESTIMATED)
    assert len(intensity_history(estimates, (), NOON + 6 * DAY, DAY, 7 * DAY).final) == 0
    assert len(intensity_history(estimates, (), NOON + 8 * DAY, DAY, 7 * DAY).final) == 1


def test_an_index_is_no_intensity():
    """Fifty of a hundred is not fifty grams: with an index nothing is known."""
    key = replace(KEY, kind=SignalKind.INDEX)
    points = [replace(o, key=key) for o in observed([50])]
    forecast = replace(a_forecast([50]), key=key)
    history = intensity_history(points, [forecast], NOON + 8 * DAY, DAY, 7 * DAY)
    assert (len(history.final), len(history.known)) == (0, 0)


def test_a_running_job_is_provisional() -> None:
    """More is to come, however settled the grid is."""
    run = a_run(*slices_at(FIRST, 0, 1, 400))
    running = replace(run, job=replace(run.job, state=JobState.RUNNING))
    assert settled(running, history(*observed([250]))).settlement is Settlement.PROVISIONAL


def test_a_statement_whose_baseline_may_still_change_is_not_final() -> None:
    """The difference would be restated."""
    run = a_run(*slices_at(FIRST, 2, 3, 400))
    assert settled(run, history(*observed([None, None, 250]))).settlement is Settlement.PROVISIONAL


def test_a_job_that_never_ran_has_no_statement_to_make() -> None:
    """None, and nothing to explain."""
    never = Metered(a_job(1, JobState.CANCELLED), (), ())
    statement = settled(never, history())
    assert (statement.settlement, statement.energy, statement.note) == (Settlement.NONE, None, None)


def test_a_run_without_a_meter_says_so() -> None:
    """Its emissions are unknown, not nothing."""
    statement = settled(a_run(), history(*observed([250])))
    assert (statement.settlement, statement.emissions) == (Settlement.NONE, None)
    assert statement.note == "no energy was metered, so nothing is known of its emissions"


def test_on_a_yearly_constant_nothing_is_claimed() -> None:
    """When the job ran made no difference that anyone could know."""
    known = history(*observed([250] * 4))
    statement = settled(a_run(*slices_at(FIRST, 3, 4, 400)), known, Terms(KEY, claims_savings=False))
    assert (statement.run_now_emissions, statement.at_submission_emissions, statement.difference) == (None, None, None)
    assert statement.emissions is not None and statement.settlement is Settlement.FINAL
    assert statement.note and "no saving is claimed" in statement.note


def test_waiting_for_clean_power_shows_as_a_positive_difference() -> None:
    """Submitted at noon at 500 g, run at 15:00 at 100 g."""
    statement = settled(a_run(*slices_at(FIRST, 3, 4, 1000)), history(*observed([500, 400, 300, 100])))
    assert figure(statement.difference) == pytest.approx(400)


def test_a_loss_is_shown_as_a_negative_difference() -> None:
    """The forecast was wrong; the figure says so."""
    statement = settled(a_run(*slices_at(FIRST, 1, 2, 1000)), history(*observed([100, 300])))
    assert figure(statement.difference) == pytest.approx(-200)


def test_run_now_and_at_submission_are_told_apart() -> None:
    """The queue was full for an hour: run-now begins at 13:00, submission was at 12:00."""
    run = a_run(*slices_at(FIRST, 2, 3, 1000))
    statement = settle(run, history(*observed([500, 300, 100])), NOON + HOUR, TERMS, LONG_AFTER)
    assert figure(statement.at_submission_emissions) == pytest.approx(500)
    assert figure(statement.run_now_emissions) == pytest.approx(300)


def test_a_part_from_a_model_makes_it_partly_measured() -> None:
    """And a model alone an estimate; what drew nothing has no say."""
    gpu = ComponentEnergy(Component.GPU, "GPU-0", Energy(10), MeterMethod.NVML_COUNTER)
    host = ComponentEnergy(Component.HOST, "host", Energy(5), MeterMethod.HOST_MODEL)
    idle = replace(host, energy=Energy(0))

    def method(*parts: ComponentEnergy) -> StatementMethod:
        return statement_method([EnergySlice(1, hours(0, 0.05), parts)])

    assert method(gpu, host) is StatementMethod.PARTLY_MEASURED
    assert method(gpu, idle) is StatementMethod.MEASURED
    assert method(host) is StatementMethod.ESTIMATED


def test_a_changed_final_figure_is_restated_with_both_values() -> None:
    """The provider revised 250 g to 300 g a week later."""
    run = a_run(*slices_at(FIRST, 0, 1, 1000))
    before, after = settled(run, history(*observed([250]))), settled(run, history(*observed([300])))
    assert restated(before, after).note == (
        "restated: emissions 250 g -> 300 g; run-now emissions 250 g -> 300 g; emissions at submission 250 g -> 300 g; "
        "the statement of 2026-12-03 12:00 UTC no longer holds, its intensity or energy was revised"
    )


def test_computing_again_changes_nothing() -> None:
    """Neither a first statement nor a restated one gets new words from the same figures."""
    run = a_run(*slices_at(FIRST, 0, 1, 1000))
    before, after = settled(run, history(*observed([250]))), settled(run, history(*observed([300])))
    changed = restated(before, after)
    again = restated(changed, replace(after, computed_at=LONG_AFTER + DAY))
    assert replace(again, computed_at=changed.computed_at) == changed


def test_a_provisional_figure_changes_without_a_restatement() -> None:
    """It was announced as provisional."""
    run = a_run(*slices_at(FIRST, 0, 1, 1000))
    before = settled(run, history(forecasts=(a_forecast([250]),)))
    assert restated(before, settled(run, history(*observed([300])))).note is None


# --- laws --------------------------------------------------------------------------------------------------------
intensities = st.lists(st.floats(0, 1500), min_size=8, max_size=8)
cuts = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3)


@st.composite
def loads(draw: st.DrawFn) -> tuple[EnergySlice, ...]:
    """Slices of up to five minutes with pauses between, inside eight hours."""
    moment, slices = draw(st.floats(0, 2)), []
    for seq in range(1, draw(st.integers(1, 12)) + 1):
        length = draw(st.floats(0.001, 1 / 12))
        slices.append(a_slice(seq, hours(moment, moment + length), draw(st.floats(0, 1e6))))
        moment += length + draw(st.sampled_from([0.0, 0.0, 0.4]))
    return tuple(slices)


def grams(slices: tuple[EnergySlice, ...], known: StepSeries, pue: float = 1.0) -> float:
    emissions = Load.of(slices).emissions(known, pue)
    assert emissions is not None
    return emissions.grams


@given(loads(), intensities, st.floats(0.01, 0.99))
def test_cutting_a_slice_in_two_changes_nothing(
    slices: tuple[EnergySlice, ...], values: list[float], at: float
) -> None:
    """Its energy is shared out by time."""
    known = history(*observed(values)).final
    first = slices[0]
    middle = first.interval.start + first.interval.length * at
    left = a_slice(1, replace(first.interval, end=middle), first.energy.joules * at)
    right = a_slice(2, replace(first.interval, start=middle), first.energy.joules * (1 - at))
    assert grams((left, right, *slices[1:]), known) == pytest.approx(grams(slices, known), rel=1e-4, abs=1e-6)


@given(loads(), intensities, st.integers(0, 12))
def test_the_sum_over_segments_is_the_job(slices: tuple[EnergySlice, ...], values: list[float], cut: int) -> None:
    """However the slices are shared out over segments."""
    known = history(*observed(values)).final
    parts = [grams(part, known) for part in (slices[:cut], slices[cut:]) if part]
    assert sum(parts) == pytest.approx(grams(slices, known), abs=1e-9)


@given(loads(), intensities, st.lists(st.floats(0, 1500), min_size=8, max_size=8))
def test_final_emissions_do_not_depend_on_any_forecast(
    slices: tuple[EnergySlice, ...], values: list[float], guesses: list[float]
) -> None:
    """Where the published values are final, what was forecast is forgotten."""
    run = a_run(*((FIRST, each) for each in slices))
    with_forecast = settled(run, history(*observed(values), forecasts=(a_forecast(guesses),)))
    assert with_forecast == settled(run, history(*observed(values)))


@given(intensities, st.integers(0, 5), st.floats(10, 1000))
def test_a_run_that_starts_when_the_queue_would_have_started_it_saves_nothing(
    values: list[float], start: int, watts: float
) -> None:
    """The counterfactual is held to the same method."""
    run = a_run(*slices_at(FIRST, start, start + 1.5, watts))
    known = history(*observed(values))
    statement = settle(run, known, NOON + start * HOUR, TERMS, LONG_AFTER)
    assert figure(statement.difference) == pytest.approx(0, abs=1e-6)


@given(intensities, st.floats(10, 1000))
def test_an_interruption_only_ever_costs(values: list[float], watts: float) -> None:
    """On a flat grid a run in two pieces emits what its resumption took, and never less than in one."""
    flat = history(*observed([values[0]] * 8))
    job = a_job(1, JobState.COMPLETED, started_at=NOON, attempts=1, work_done=HOUR, spec=a_spec(interruptible=True))
    first = a_segment(
        state=SegmentState.ENDED,
        started_at=NOON,
        ended_at=NOON + HOUR,
        stop_reason=StopReason.SUSPEND,
        work_kept=True,
    )
    second = replace(first, id=SECOND, started_at=NOON + 3 * HOUR, ended_at=NOON + 5 * HOUR, stop_reason=None)
    run = Metered(job, (first, second), (*slices_at(FIRST, 0, 1, watts), *slices_at(SECOND, 3, 5, watts)))
    statement = settle(run, flat, NOON, Terms(KEY, switch=timedelta(minutes=6)), LONG_AFTER)
    assert statement.difference is not None
    assert statement.difference.grams == pytest.approx(-0.1 * watts / 1000 * values[0])
