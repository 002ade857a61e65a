"""What every store does with carbon data, plans and statements, the database and its fake alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.problems import job, problem
from fakes.queue import HOUR, a_placement
from fakes.records import GB, MINUTE, a_draft, a_forecast, a_statement, an_observation

from scheduler.domain.carbon import IntensityObservation, IntensityStatus, SignalKind
from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import StorageError
from scheduler.domain.intervals import Interval
from scheduler.domain.lifecycle import JobEvent, JobState
from scheduler.domain.plans import Plan
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import Settlement
from scheduler.domain.units import Emissions
from scheduler.planning import plan
from scheduler.ports import RecordedSeries, Store

DAY = Interval(NOON - 12 * HOUR, NOON + 12 * HOUR)


# --- forecasts
def test_the_newest_issue_is_the_one_issued_last(store: Store) -> None:
    """However late an older issue arrives."""
    assert store.latest_forecast(GB) is None
    newer, older = a_forecast(NOON), a_forecast(NOON - HOUR, fetched_at=NOON + HOUR)
    assert store.add_forecast(newer)
    assert store.add_forecast(older)
    assert store.latest_forecast(GB) == newer
    assert store.latest_forecast(replace(GB, zone="DE")) is None


def test_an_issue_that_is_there_already_is_not_kept_twice(store: Store) -> None:
    """Polling is more frequent than issuing; when it was fetched again does not matter."""
    assert store.add_forecast(a_forecast(NOON))
    assert not store.add_forecast(a_forecast(NOON, fetched_at=NOON + HOUR))
    assert store.forecasts(GB, DAY) == (a_forecast(NOON),)


def test_an_issue_with_other_values_is_kept_and_holds(store: Store) -> None:
    """Some providers correct an issue without a new time of issue."""
    corrected = a_forecast(NOON, values=(1.0, 2.0), fetched_at=NOON + HOUR)
    assert store.add_forecast(a_forecast(NOON))
    assert store.add_forecast(corrected)
    assert store.latest_forecast(GB) == corrected
    assert store.forecasts(GB, DAY) == (a_forecast(NOON), corrected)


def test_what_was_not_fetched_yet_was_not_known(store: Store) -> None:
    """A replay of the past sees the forecast that was here then."""
    early, late = a_forecast(NOON - HOUR), a_forecast(NOON)
    for forecast in (early, late):
        store.add_forecast(forecast)
    assert store.latest_forecast(GB, as_of=NOON) == late
    assert store.latest_forecast(GB, as_of=NOON - MINUTE) == early
    assert store.latest_forecast(GB, as_of=NOON - 2 * HOUR) is None


def test_issues_of_an_interval_come_oldest_first_and_its_end_is_outside(store: Store) -> None:
    for hours in (2, 0, 1):
        store.add_forecast(a_forecast(NOON + hours * HOUR))
    found = store.forecasts(GB, Interval(NOON, NOON + 2 * HOUR))
    assert [forecast.issued_at for forecast in found] == [NOON, NOON + HOUR]


def test_bands_and_method_come_back_as_they_were(store: Store) -> None:
    plain = a_forecast(NOON)
    banded = replace(plain, p10=plain.expected, p90=plain.expected.shifted(HOUR), method="blend")
    assert store.add_forecast(plain)
    assert store.add_forecast(banded), "another method is another issue"
    assert store.forecasts(GB, DAY) == (plain, banded)


def test_of_many_issues_one_in_each_stretch_can_be_asked_for(store: Store) -> None:
    """The newest of each six hours, counted from midnight; of two versions of one issue the one fetched last."""
    for hours in range(-3, 9):
        store.add_forecast(a_forecast(NOON + hours * HOUR))
    corrected = a_forecast(NOON + 5 * HOUR, values=(1.0, 2.0), fetched_at=NOON + 6 * HOUR)
    store.add_forecast(corrected)
    found = store.forecasts(GB, DAY, one_in=6 * HOUR)
    assert [issue.issued_at - NOON for issue in found] == [-HOUR, 5 * HOUR, 8 * HOUR]
    assert found[1] == corrected


# --- observations
def test_an_observation_seen_again_is_not_stored_again(store: Store) -> None:
    first = an_observation(0, 100.0)
    assert store.add_observations([first, an_observation(1, 110.0)]) == 2
    assert store.add_observations([replace(first, fetched_at=NOON + 5 * HOUR), an_observation(2, 120.0)]) == 1
    assert [o.g_per_kwh for o in store.observations(GB, DAY)] == [100.0, 110.0, 120.0]
    assert store.observations(GB, DAY)[0] == first


@pytest.mark.parametrize(
    "revised",
    [
        an_observation(0, 90.0),
        an_observation(0, 100.0, status=IntensityStatus.ACTUAL),
        replace(an_observation(0, 100.0), interval=Interval(NOON, NOON + 30 * MINUTE)),
    ],
    ids=["value", "status", "length"],
)
def test_a_revision_is_appended_and_read_from_then_on(store: Store, revised: IntensityObservation) -> None:
    store.add_observations([an_observation(0, 100.0, status=IntensityStatus.ESTIMATED)])
    assert store.add_observations([revised]) == 1
    assert store.observations(GB, DAY) == (revised,)


def test_a_value_that_returns_to_what_it_was_is_a_revision_too(store: Store) -> None:
    """Compared with the newest, not with any."""
    for value in (100.0, 90.0, 100.0):
        assert store.add_observations([an_observation(0, value)]) == 1
    assert store.add_observations([an_observation(0, 90.0), an_observation(0, 90.0), an_observation(0, 80.0)]) == 2
    assert [o.g_per_kwh for o in store.observations(GB, DAY)] == [80.0]


def test_observations_that_touch_the_interval_are_found_whole(store: Store) -> None:
    """A year-long value covers an hour in its middle; what only meets the interval's edge does not count."""
    year = replace(an_observation(0, 300.0), interval=Interval(NOON - 4000 * HOUR, NOON - HOUR))
    store.add_observations([year, *(an_observation(hour, 100.0) for hour in range(-1, 3))])
    found = store.observations(GB, Interval(NOON - 2 * HOUR, NOON + HOUR))
    assert [o.interval.start for o in found] == [year.interval.start, NOON - HOUR, NOON]


def test_where_two_observations_overlap_the_newer_holds(store: Store) -> None:
    """A provider that changes its resolution leaves neither a hole nor an overlap."""
    half = replace(an_observation(0, 50.0), interval=Interval(NOON + 30 * MINUTE, NOON + 40 * MINUTE))
    store.add_observations([an_observation(0, 100.0)])
    store.add_observations([half])
    found = [(o.interval.start, o.interval.end, o.g_per_kwh) for o in store.observations(GB, DAY)]
    assert found == [
        (NOON, NOON + 30 * MINUTE, 100.0),
        (NOON + 30 * MINUTE, NOON + 40 * MINUTE, 50.0),
        (NOON + 40 * MINUTE, NOON + HOUR, 100.0),
    ]


def test_a_start_that_was_shortened_does_not_come_back_where_it_no_longer_reaches(store: Store) -> None:
    short = replace(an_observation(0, 100.0), interval=Interval(NOON, NOON + 10 * MINUTE))
    store.add_observations([an_observation(0, 100.0), short])
    assert store.observations(GB, Interval(NOON + 20 * MINUTE, NOON + HOUR)) == ()


def test_kinds_of_intensity_never_mix(store: Store) -> None:
    marginal = replace(GB, kind=SignalKind.MARGINAL)
    both = [an_observation(0, 100.0), replace(an_observation(0, 700.0), key=marginal)]
    assert store.add_observations(both) == 2
    assert store.observations(GB, DAY) == (both[0],)
    assert store.observations(marginal, DAY) == (both[1],)
    assert store.add_observations([]) == 0


def test_the_record_tells_what_was_known_then_and_what_is_known_now(store: Store) -> None:
    """A value published, measured an hour later, revised a day later: each is still there, and no time mixes them."""
    published = an_observation(0, 100.0, status=IntensityStatus.ESTIMATED)
    measured = replace(an_observation(0, 90.0), fetched_at=NOON + HOUR)
    revised = replace(an_observation(0, 95.0), fetched_at=NOON + 24 * HOUR)
    for observation in (published, measured, revised):
        store.add_observations([observation])
    assert store.observations(GB, DAY) == (revised,)
    assert store.observations(GB, DAY, as_of=NOON + 24 * HOUR) == (revised,), "what was fetched then was known then"
    assert store.observations(GB, DAY, as_of=NOON + 23 * HOUR) == (measured,)
    assert store.observations(GB, DAY, as_of=NOON) == (published,)
    assert store.observations(GB, DAY, as_of=NOON - MINUTE) == ()
    assert store.revisions(GB, DAY) == (published, measured, revised)


def test_the_values_alone_are_those_of_the_observations(store: Store) -> None:
    """Also where a newer value cuts an older one, and at the edges of the interval."""
    assert store.intensity(GB, DAY) == StepSeries.empty()
    store.add_observations([an_observation(hour, 100.0 + hour) for hour in range(-15, 14)])
    store.add_observations([an_observation(3, 50.0)])

    def same() -> bool:
        rows = ((o.interval, o.g_per_kwh) for o in store.observations(GB, DAY))
        return store.intensity(GB, DAY) == StepSeries.of(rows)

    assert same() and len(store.intensity(GB, DAY)) == 24
    half = Interval(NOON + 30 * MINUTE, NOON + 40 * MINUTE)
    store.add_observations([replace(an_observation(0, 70.0), interval=half)])
    assert same() and store.intensity(GB, DAY).value_at(NOON + 35 * MINUTE) == 70.0


def test_all_of_a_published_value_is_kept(store: Store) -> None:
    """What the provider sent and when, beside what it means in our unit."""
    full = replace(
        an_observation(0, 420.5),
        provider_updated_at=NOON - MINUTE,
        raw_value=927.0,
        raw_unit="lbs_co2_per_mwh",
    )
    store.add_observations([full])
    assert store.revisions(GB, DAY) == store.observations(GB, DAY) == (full,)


def test_revisions_are_those_that_overlap_by_start_and_then_in_order_of_recording(store: Store) -> None:
    long = replace(an_observation(0, 300.0), interval=Interval(NOON - 4 * HOUR, NOON + HOUR))
    store.add_observations([an_observation(2, 110.0), an_observation(1, 100.0)])
    store.add_observations([an_observation(1, 101.0), long])
    found = store.revisions(GB, Interval(NOON, NOON + 2 * HOUR))
    assert [o.g_per_kwh for o in found] == [300.0, 100.0, 101.0]
    assert store.revisions(replace(GB, zone="DE"), DAY) == ()


def test_every_series_that_something_is_recorded_of_is_listed(store: Store) -> None:
    marginal = replace(GB, kind=SignalKind.MARGINAL)
    assert store.recorded_series() == ()
    store.add_observations([an_observation(0, 100.0), an_observation(5, 120.0), an_observation(0, 90.0)])
    store.add_forecast(replace(a_forecast(NOON), key=marginal))
    seen = Interval(NOON, NOON + 6 * HOUR)
    assert store.recorded_series() == (RecordedSeries(GB, seen, 0), RecordedSeries(marginal, None, 1))


# --- plans
def test_the_latest_plan_comes_back_with_its_reasons(store: Store) -> None:
    assert store.latest_plan() is None
    placement = replace(a_placement(1, (2, 3), (5, 6.5)), emissions=Emissions(12.5), run_now_emissions=Emissions(20.0))
    told = Plan("lowest-window", NOON, (placement, a_placement(2, (0, 1), late=True, reason="due")), notes=("a note",))
    store.add_plan(Plan("run-now", NOON - HOUR, ()))
    store.add_plan(replace(told, forecast_issued_at=NOON, lower_bound=Emissions(11.0)))
    assert store.latest_plan() == replace(told, forecast_issued_at=NOON, lower_bound=Emissions(11.0))


def test_a_joint_plan_is_recorded_without_what_only_the_next_plan_begins_with(store: Store) -> None:
    jobs = tuple(replace(job(n, hours=2, within=20), interruptible=True) for n in (1, 2))
    made = plan(problem(*jobs, values=[300, 90, 80, 300] * 6, gpus=1), "carbonq")
    assert made.place_prices
    store.add_plan(made)
    assert store.latest_plan() == replace(made, place_prices={})


# --- statements
def test_a_restatement_is_appended_and_the_earlier_one_stays(store: Store) -> None:
    job = store.add_job(a_draft()).id
    assert store.statement(job) is None
    provisional = a_statement(job, Settlement.PROVISIONAL)
    final = replace(a_statement(job), emissions=Emissions(90.0), note="restated")
    assert store.add_statement(provisional)
    assert store.add_statement(final)
    assert store.statement(job) == final
    assert store.statement_history(job) == (provisional, final)


def test_a_statement_that_says_nothing_new_is_not_kept(store: Store) -> None:
    """Recomputing is idempotent."""
    statement = a_statement(store.add_job(a_draft()).id)
    assert store.add_statement(statement)
    assert not store.add_statement(replace(statement, computed_at=NOON + HOUR))
    assert store.statement_history(statement.job) == (statement,)


def test_a_zero_is_not_an_unknown(store: Store) -> None:
    job = store.add_job(a_draft()).id
    zero = replace(a_statement(job), emissions=Emissions(0.0), run_now_emissions=None, key=None)
    store.add_statement(zero)
    assert store.statement(job) == zero


def test_newest_statements_are_given_for_those_that_have_one(store: Store) -> None:
    jobs = [store.add_job(a_draft()).id for _ in range(3)]
    newest = {number: a_statement(number) for number in jobs[:2]}
    for number in newest:
        store.add_statement(a_statement(number, Settlement.PROVISIONAL))
        store.add_statement(newest[number])
    assert store.statements([*jobs, 99]) == newest
    assert store.statements([jobs[1]]) == {jobs[1]: newest[jobs[1]]}
    assert store.statements([]) == {}


def test_a_statement_needs_its_job(store: Store) -> None:
    with pytest.raises(StorageError):
        store.add_statement(a_statement(5))


def ended(store: Store, ran: bool = True) -> int:
    job = store.add_job(a_draft()).id
    if ran:
        store.advance_job(job, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
        store.advance_job(job, JobEvent.STARTED, NOON, JobChanges(started_at=NOON), JobState.STARTING)
        store.advance_job(job, JobEvent.EXITED_ZERO, NOON, JobChanges(), JobState.RUNNING)
    else:
        store.advance_job(job, JobEvent.CANCEL, NOON, JobChanges(), JobState.QUEUED)
    return job


def test_ended_jobs_that_ran_are_unsettled_until_their_newest_statement_has_the_last_word(store: Store) -> None:
    """Final, or that nothing was metered: no provider will ever add to that."""
    missing, provisional, final, never_ran = ended(store), ended(store), ended(store), ended(store, ran=False)
    store.add_statement(a_statement(ended(store), Settlement.NONE))
    store.add_job(a_draft())
    store.add_statement(a_statement(provisional, Settlement.PROVISIONAL))
    store.add_statement(a_statement(final, Settlement.PROVISIONAL))
    store.add_statement(replace(a_statement(final), computed_at=NOON + timedelta(days=1)))
    assert never_ran not in store.unsettled_jobs()
    assert store.unsettled_jobs() == (missing, provisional)


def test_a_new_store_is_in_good_health(store: Store) -> None:
    assert store.check() == ()
