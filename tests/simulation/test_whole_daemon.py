"""Days in the life of the daemon, on a clock that only the test moves."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.whole_daemon import WholeDaemon
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.daemon.review import LOOKED_AGAIN
from scheduler.domain.errors import CarbonSourceUnavailable
from scheduler.domain.lifecycle import TERMINAL, JobState, Reason
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import Settlement
from scheduler.domain.units import Power

HOUR = timedelta(hours=1)


def clean_nights(days: int = 12) -> StepSeries:
    """Dirty at noon, clean at midnight, every day alike."""
    return hourly(NOON, [250 + 150 * math.cos(2 * math.pi * n / 24) for n in range(24 * days)])


def test_a_job_waits_for_the_clean_hours_runs_there_and_its_saving_is_settled() -> None:
    """The main job: from submission at noon to a final statement, with the saving against run-now."""
    outcome = Outcome(lasts=2 * HOUR, power=Power(300))
    daemon = WholeDaemon(FakeClock(), clean_nights(), {1: [outcome]})
    job = daemon.submit(duration=2 * HOUR, within=20 * HOUR, power=Power(300))
    assert (job.state, job.reason) == (JobState.QUEUED, Reason.CARBON_WINDOW)
    daemon.until_all_ended()
    daemon.pass_time(2 * HOUR)
    job, statement = daemon.job(job.id), daemon.statement(job.id)
    assert job.state is JobState.COMPLETED
    assert job.started_at is not None and abs(job.started_at - (NOON + 11 * HOUR)) <= HOUR
    assert statement.settlement is Settlement.FINAL
    assert statement.energy is not None and statement.energy.kwh == pytest.approx(0.6, rel=1e-3)
    assert statement.difference is not None and statement.difference.grams > 100
    assert daemon.spool.environments == {}


def test_a_silent_provider_costs_no_deadline() -> None:
    """An outage of a week that begins before the first answer: jobs run in order, every deadline is met."""
    clock = FakeClock()
    daemon = WholeDaemon(clock, clean_nights(), {n: [Outcome(lasts=2 * HOUR)] for n in range(1, 6)}, gpus=1)
    daemon.source.error = CarbonSourceUnavailable("no answer")
    jobs = [daemon.submit(duration=2 * HOUR, within=(4 + 3 * n) * HOUR) for n in range(5)]
    daemon.until_all_ended()
    for job in jobs:
        ended = daemon.job(job.id)
        assert ended.state is JobState.COMPLETED
        assert ended.ended_at is not None and ended.ended_at <= ended.finish_by


def test_an_outage_that_begins_after_a_forecast_keeps_that_forecast_and_every_deadline() -> None:
    """The last good forecast is planned on while any of it lies ahead; after it, jobs run by deadline and order."""
    daemon = WholeDaemon(FakeClock(), clean_nights(2), {n: [Outcome(lasts=3 * HOUR)] for n in range(1, 5)}, gpus=2)
    first = daemon.submit(duration=3 * HOUR, within=24 * HOUR)
    daemon.source.error = CarbonSourceUnavailable("no answer", retry_after=timedelta(hours=1))
    daemon.pass_time(12 * HOUR)
    later = [daemon.submit(duration=3 * HOUR, within=30 * HOUR) for _ in range(3)]
    daemon.until_all_ended()
    started = daemon.job(first.id).started_at
    assert started is not None and started >= NOON + 8 * HOUR
    for job in (first, *later):
        ended = daemon.job(job.id)
        assert ended.ended_at is not None and ended.ended_at <= ended.finish_by


def test_an_interruptible_job_is_suspended_over_the_dirty_hours_and_goes_on_after_them() -> None:
    """Two clean nights and a dirty day between: the job runs in both nights, and its work of the first is kept."""
    outcome = Outcome(lasts=14 * HOUR, power=Power(300), checkpoint_step=7)
    rest = Outcome(lasts=6 * HOUR, power=Power(300))
    daemon = WholeDaemon(FakeClock(), clean_nights(), {1: [outcome, rest]})
    job = daemon.submit(duration=14 * HOUR, within=48 * HOUR, interruptible=True, power=Power(300))
    daemon.until_all_ended()
    daemon.pass_time(HOUR)
    job = daemon.job(job.id)
    segments = daemon.store.segments(job.id)
    assert job.state is JobState.COMPLETED
    assert len(segments) >= 2 and all(segment.resume for segment in segments[1:])
    assert job.attempts == 1
    assert daemon.statement(job.id).settlement is Settlement.FINAL


def test_a_failed_job_takes_the_jobs_that_come_after_it_with_it() -> None:
    """--after means after success: a failure cancels the dependants, and they say why."""
    daemon = WholeDaemon(FakeClock(), clean_nights(), {1: [Outcome(lasts=HOUR, code=3)]})
    first = daemon.submit(run_now=True, duration=HOUR)
    second = daemon.submit(duration=HOUR, after=(first.id,))
    third = daemon.submit(duration=HOUR, after=(second.id,))
    daemon.until_all_ended()
    assert daemon.job(first.id).state is JobState.FAILED
    for job in (second, third):
        cancelled = daemon.job(job.id)
        assert (cancelled.state, cancelled.reason) == (JobState.CANCELLED, Reason.DEPENDENCY_FAILED)
        assert cancelled.detail is not None and "did not complete" in cancelled.detail


def test_a_worker_that_is_away_for_hours_delays_jobs_and_doubles_none() -> None:
    """Orders that cannot be sent are sent when the agent is back, once."""
    daemon = WholeDaemon(FakeClock(), clean_nights(), {1: [Outcome(lasts=HOUR)]})
    job = daemon.submit(run_now=True, duration=HOUR)
    daemon.executor.unreachable = True
    daemon.pass_time(5 * HOUR)
    daemon.executor.unreachable = False
    daemon.until_all_ended()
    assert daemon.job(job.id).state is JobState.COMPLETED
    assert len({order.spec.segment for order in daemon.executor.orders}) == len(daemon.executor.orders)


def test_a_job_that_was_never_begun_is_begun_again_under_a_new_number() -> None:
    """A start of which nothing came is no attempt."""
    daemon = WholeDaemon(FakeClock(), clean_nights(), {1: [Outcome(never_starts=True), Outcome(lasts=HOUR)]})
    job = daemon.submit(run_now=True, duration=HOUR)
    daemon.until_all_ended()
    assert daemon.job(job.id).state is JobState.COMPLETED
    assert daemon.job(job.id).attempts == 1
    assert [str(segment.id) for segment in daemon.store.segments(job.id)] == ["1-1-1", "1-1-2"]


def test_a_job_whose_worker_was_lost_is_said_to_be_lost_and_not_run_again() -> None:
    """Nobody knows how it ended, so nobody claims to."""
    daemon = WholeDaemon(FakeClock(), clean_nights(), {1: [Outcome(lasts=HOUR, vanishes=True)]})
    job = daemon.submit(run_now=True, duration=HOUR)
    daemon.until_all_ended()
    daemon.pass_time(5 * HOUR)
    assert daemon.job(job.id).state is JobState.LOST
    assert len(daemon.executor.orders) == 1


def test_hours_in_which_a_lost_run_was_not_noticed_are_not_taken_off_its_limit() -> None:
    """It ran for five minutes of its hour, and the daemon was away for three."""
    minute = timedelta(minutes=1)
    daemon = WholeDaemon(
        FakeClock(), clean_nights(), {1: [Outcome(lasts=5 * minute, vanishes=True), Outcome(lasts=30 * minute)]}
    )
    job = daemon.submit(run_now=True, retries=2, time_limit=HOUR, duration=30 * minute)
    daemon.pass_time(minute, step=minute)
    daemon.clock.advance(3 * HOUR)
    daemon.restart()
    daemon.until_all_ended()
    assert daemon.job(job.id).state is JobState.COMPLETED
    assert [order.spec.time_limit_s for order in daemon.executor.orders] == [3600.0, 3300.0]
    assert daemon.store.segments(job.id)[0].held == 5 * minute


def test_a_job_whose_environment_is_gone_is_cancelled_with_the_next_step() -> None:
    """It cannot be started as it was submitted, so it is not started otherwise."""
    daemon = WholeDaemon(FakeClock(), clean_nights())
    job = daemon.submit(duration=HOUR)
    daemon.spool.environments.clear()
    daemon.until_all_ended()
    cancelled = daemon.job(job.id)
    assert cancelled.state is JobState.CANCELLED
    assert cancelled.detail is not None and "submit it again" in cancelled.detail


faults = st.lists(st.sampled_from(["agent away", "agent back", "provider down", "provider up", "restart"]), max_size=8)
outcomes = st.lists(
    st.builds(
        Outcome,
        lasts=st.integers(10, 300).map(lambda minutes: timedelta(minutes=minutes)),
        code=st.sampled_from([0, 0, 0, 1, -9, 99]),
        never_starts=st.booleans(),
        vanishes=st.sampled_from([False, False, True]),
        checkpoint_step=st.sampled_from([None, 5]),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(outcomes, st.booleans(), st.integers(0, 2), st.integers(2, 30)), min_size=1, max_size=4), faults
)
def test_whatever_fails_every_job_ends_once_and_no_start_is_doubled(
    jobs: list[tuple[list[Outcome], bool, int, int]], faults: list[str]
) -> None:
    """Agent, provider and daemon come and go: each segment is ordered once, each job ends, no GPU is given twice."""
    script = {n: [*planned, Outcome(lasts=HOUR)] for n, (planned, *_) in enumerate(jobs, start=1)}
    daemon = WholeDaemon(FakeClock(), clean_nights(20), script, gpus=2)
    for _, interruptible, retries, hours in jobs:
        daemon.submit(interruptible=interruptible, retries=retries, duration=2 * HOUR, within=hours * HOUR)
    for fault in faults:
        _befall(daemon, fault)
        daemon.pass_time(2 * HOUR)
        assert _gpus_held(daemon) <= 2
    daemon.executor.unreachable, daemon.source.error = False, None
    daemon.until_all_ended()
    ordered = [order.spec.segment for order in daemon.executor.orders]
    assert len(set(ordered)) == len(ordered)
    assert all(daemon.job(n).state in TERMINAL for n in script)


def _befall(daemon: WholeDaemon, fault: str) -> None:
    match fault:
        case "agent away" | "agent back":
            daemon.executor.unreachable = fault == "agent away"
        case "provider down":
            daemon.source.error = CarbonSourceUnavailable("no answer")
        case "provider up":
            daemon.source.error = None
        case "restart":
            daemon.restart()


def _gpus_held(daemon: WholeDaemon) -> int:
    return sum(
        len(segment.gpu_uuids) for segment in daemon.store.open_segments() if segment.state in ("starting", "running")
    )


def test_a_provider_that_revises_last_week_restates_what_was_final() -> None:
    """Settled after a day, consolidated after a week: both figures stay; a daemon killed in between asks once each."""
    daemon = WholeDaemon(FakeClock(), hourly(NOON, [200] * 24 * 14), {1: [Outcome(lasts=2 * HOUR, power=Power(500))]})
    daemon.source.settle_after, daemon.source.recheck_after = 24 * HOUR, (timedelta(days=7),)
    job = daemon.submit(run_now=True, duration=2 * HOUR, power=Power(500))
    daemon.pass_time(timedelta(days=3), step=HOUR)
    assert daemon.statement(job.id).settlement is Settlement.FINAL
    daemon.source.past = hourly(NOON, [180] * 24 * 14)
    daemon.restart()
    daemon.pass_time(timedelta(days=2), step=HOUR)
    before = daemon.store.statement_history(job.id)
    daemon.pass_time(timedelta(days=4), step=HOUR)
    after = daemon.store.statement_history(job.id)
    assert after[:-1] == before
    figures = [statement.emissions.grams for statement in after[-2:] if statement.emissions]
    assert figures == pytest.approx([200, 180])
    assert after[-1].note is not None and after[-1].note.startswith("restated: emissions 200 g -> 180 g")
    looks = [event.at - NOON for event in daemon.store.job_events(job.id) if event.event == LOOKED_AGAIN]
    assert [look.days for look in looks] == [1, 7]
