"""The heartbeat: what wakes it, what it survives, and that what users do meanwhile is not undone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.queue import a_job
from fakes.records import a_draft
from fakes.store import FakeStore
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler import service
from scheduler.config import DaemonSettings, Settings
from scheduler.dispatch.replanning import Trigger
from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import DiskFull, StorageError
from scheduler.domain.intervals import Interval
from scheduler.domain.lifecycle import WAITING, JobState, Reason
from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.domain.series import StepSeries
from scheduler.ports import JobQuery
from scheduler.service_views.requests import JobRequest

HOUR = timedelta(hours=1)
FULL = DiskFull("the disk that holds carbonq.db is full; make room there, then do it again")


def dirty_now_clean_at_six() -> StepSeries:
    return hourly(NOON, [400.0] * 6 + [50.0] * 6 + [400.0] * 36)


def a_daemon(**script: list[Outcome]) -> WholeDaemon:
    outcomes = {int(number.removeprefix("job")): planned for number, planned in script.items()}
    daemon = WholeDaemon(FakeClock(), dirty_now_clean_at_six(), outcomes)
    daemon.pass_time(timedelta(0))
    return daemon


def beat(daemon: WholeDaemon) -> None:
    asyncio.run(daemon.dispatcher.beat())


def test_a_plan_is_made_at_once_for_someone_who_waits_for_the_answer() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, within=24 * HOUR)
    plan = daemon.parts.live.plan
    assert plan is not None and plan.placement(job.id) is not None
    assert (job.state, job.reason) == (JobState.QUEUED, Reason.CARBON_WINDOW)


def test_where_planning_is_slow_a_burst_of_submissions_shares_a_plan() -> None:
    """Nobody waits for a plan that takes seconds; the debounce gathers them."""
    daemon = a_daemon()
    daemon.submit(duration=HOUR)
    made_at = daemon.parts.live.plan
    daemon.parts.live.plan_took = timedelta(seconds=3)
    daemon.clock.advance(timedelta(milliseconds=100))
    daemon.submit(duration=HOUR)
    assert daemon.parts.live.plan is made_at
    daemon.pass_time(timedelta(seconds=4), step=timedelta(seconds=1))
    plan = daemon.parts.live.plan
    assert plan is not None and plan.placement(2) is not None


def test_an_hour_without_any_news_is_news_too() -> None:
    """Not even of the grid, which nobody asks here; but work that was expected has not come."""
    daemon = a_daemon()
    daemon.submit(duration=HOUR, within=24 * HOUR)
    daemon.clock.advance(HOUR)
    beat(daemon)
    plan = daemon.parts.live.plan
    assert plan is not None and plan.made_at == daemon.clock.now()


def test_a_daemon_started_anew_keeps_to_what_was_announced() -> None:
    """An hour that has become a little cleaner than the announced one is not worth moving to, for it either."""
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, within=10 * HOUR)
    told = daemon.parts.live.plan
    assert told is not None
    daemon.source.ahead = hourly(NOON, [400.0] * 3 + [49.0] + [400.0] * 2 + [50.0] * 6 + [400.0] * 36)
    daemon.restart()
    daemon.pass_time(timedelta(0))
    again = daemon.parts.live.plan
    assert again is not None and again is not told
    assert [plan.placement(job.id).intervals for plan in (told, again)] == [  # type: ignore[union-attr]
        (Interval(NOON + 6 * HOUR, NOON + 7 * HOUR),)
    ] * 2


def test_without_a_worker_there_is_no_plan_and_one_as_soon_as_it_is_seen() -> None:
    daemon = WholeDaemon(FakeClock(), dirty_now_clean_at_six())
    daemon.executor.unreachable = True
    beat(daemon)
    assert daemon.parts.live.plan is None
    assert asyncio.run(daemon.dispatcher.rehearse(a_job())) is None
    assert asyncio.run(daemon.dispatcher.machine_seen(timedelta(0))) is False
    daemon.executor.unreachable = False
    daemon.pass_time(timedelta(minutes=1))
    assert daemon.parts.live.plan is not None


def test_a_submission_waits_for_a_worker_that_is_only_starting() -> None:
    daemon = WholeDaemon(FakeClock(), dirty_now_clean_at_six())

    async def seen_while_waited_for() -> bool:
        waiting = asyncio.create_task(daemon.dispatcher.machine_seen(timedelta(seconds=20)))
        await asyncio.sleep(0)
        await daemon.dispatcher.beat()
        return await waiting

    assert asyncio.run(seen_while_waited_for()) is True


def test_the_loop_beats_when_it_is_woken_and_not_only_each_tick() -> None:
    """The next tick is a minute away, so nothing but the wake can have called for the beat."""
    daemon = WholeDaemon(
        FakeClock(), dirty_now_clean_at_six(), settings=Settings(daemon=DaemonSettings(tick=timedelta(minutes=1)))
    )

    async def woken() -> None:
        loop = asyncio.create_task(daemon.dispatcher.run())
        async with asyncio.timeout(10):
            await _beaten(daemon)
            daemon.clock.advance(HOUR)
            daemon.dispatcher.wake(Trigger.USER_CHANGE)
            await _beaten(daemon)
        loop.cancel()

    asyncio.run(woken())


async def _beaten(daemon: WholeDaemon) -> None:
    while daemon.dispatcher.since_beat() != timedelta(0):
        await asyncio.sleep(0.005)


# --- what goes on for longer than planned
def planned_over(daemon: WholeDaemon, length: timedelta) -> list[Plan]:
    """The plans that hold, a beat each second, one after another."""
    plans = list[Plan]()
    for _ in range(int(length.total_seconds())):
        daemon.clock.advance(timedelta(seconds=1))
        beat(daemon)
        assert daemon.parts.live.plan is not None
        plans += [daemon.parts.live.plan] if not plans or daemon.parts.live.plan is not plans[-1] else []
        for placement in daemon.parts.live.plan.placements:
            assert placement.end > daemon.clock.now() - timedelta(seconds=4)
    return plans


def test_a_job_that_outlives_its_estimate_leaves_no_plan_in_the_past() -> None:
    """Nor is a plan made at every beat: each expects a little more of what has run the longer."""
    daemon = a_daemon(job1=[Outcome(lasts=timedelta(seconds=95))], job2=[Outcome(lasts=timedelta(seconds=10))])
    daemon.submit(run_now=True, duration=timedelta(seconds=20))
    waiting = daemon.submit(duration=timedelta(seconds=10), within=timedelta(seconds=40))
    plans = planned_over(daemon, timedelta(seconds=70))
    assert 5 <= len(plans) <= 15
    placed = plans[-1].placement(waiting.id)
    assert placed is not None and placed.late and placed.start > daemon.clock.now()
    daemon.pass_time(timedelta(minutes=2), step=timedelta(seconds=1))
    assert daemon.job(waiting.id).state is JobState.COMPLETED


def test_a_job_that_ends_as_estimated_makes_no_plan_before_it_has_ended() -> None:
    daemon = a_daemon(job1=[Outcome(lasts=HOUR / 2)])
    daemon.submit(run_now=True, duration=HOUR / 2)
    daemon.clock.advance(HOUR / 2 - timedelta(seconds=10))
    beat(daemon)
    before = daemon.parts.live.plan
    daemon.executor.unreachable = True  # Nobody hears of its end for a second.
    assert planned_over(daemon, timedelta(seconds=11)) == [before]
    daemon.executor.unreachable = False
    assert len(planned_over(daemon, timedelta(seconds=5))) == 1


def test_a_job_that_finds_its_place_taken_is_planned_anew_once_a_minute() -> None:
    """By a process that is not ours: the plan takes it to end, and nobody can say when."""
    daemon = a_daemon()
    (board,) = daemon.executor.gpus
    daemon.executor.gpus = (replace(board, busy_with=(4242,)),)
    daemon.pass_time(timedelta(seconds=20), step=timedelta(seconds=1))
    job = daemon.submit(run_now=True, duration=2 * HOUR)
    plans = planned_over(daemon, timedelta(minutes=10))
    assert 9 <= len(plans) <= 11
    placed = plans[-1].placement(job.id)
    assert placed is not None and placed.start > daemon.clock.now() - timedelta(minutes=1, seconds=5)


def test_a_plan_that_takes_long_is_not_made_anew_over_and_over() -> None:
    """Three seconds each: planning would be all that the daemon does."""
    daemon = a_daemon(job1=[Outcome(lasts=HOUR)])
    daemon.submit(run_now=True, duration=timedelta(seconds=20))
    daemon.clock.advance(timedelta(seconds=40))
    daemon.parts.live.plan_took = timedelta(seconds=3)
    before = daemon.parts.live.plan
    beat(daemon)
    beat(daemon)
    assert daemon.parts.live.plan is before
    daemon.clock.advance(timedelta(seconds=10))
    beat(daemon)
    beat(daemon)
    assert daemon.parts.live.plan is not before


# --- storage
def test_a_full_disk_is_said_once_survived_and_over_when_there_is_room(caplog: pytest.LogCaptureFixture) -> None:
    daemon = a_daemon(job1=[Outcome(lasts=HOUR)])
    job = daemon.submit(run_now=True, duration=HOUR)
    daemon.store.failing_with = FULL
    daemon.pass_time(3 * HOUR)
    assert daemon.parts.live.storage_error == str(FULL)
    assert daemon.job(job.id).state is not JobState.COMPLETED
    said = [record for record in caplog.records if record.getMessage() == "the database cannot be written"]
    assert len(said) == 1
    daemon.store.failing_with = None
    daemon.pass_time(HOUR)
    assert daemon.parts.live.storage_error is None
    ended = daemon.job(job.id)
    assert (ended.state, ended.ended_at) == (JobState.COMPLETED, NOON + HOUR)
    assert len(daemon.executor.orders) == 1


def test_no_process_is_started_that_could_not_be_recorded() -> None:
    """The commit comes before the process."""
    daemon = a_daemon()
    daemon.store.failing_with = FULL
    with pytest.raises(DiskFull):
        daemon.submit(run_now=True, duration=HOUR)
    daemon.store.failing_with = None
    job = daemon.submit(duration=HOUR, within=20 * HOUR)
    daemon.store.failing_with = FULL
    daemon.pass_time(8 * HOUR)
    assert daemon.executor.orders == []
    daemon.store.failing_with = None
    daemon.until_all_ended()
    assert daemon.job(job.id).state is JobState.COMPLETED


def test_a_damaged_environment_of_one_job_keeps_no_other_from_starting(caplog: pytest.LogCaptureFixture) -> None:
    daemon = a_daemon()
    get = daemon.spool.get

    def damaged(job_id: int) -> dict[str, str]:
        if job_id == 1:
            raise StorageError("1.json is damaged; submit job 1 again")
        return get(job_id)

    daemon.spool.get = damaged  # type: ignore[method-assign]
    first, second = (daemon.submit(duration=HOUR, within=3 * HOUR) for _ in range(2))
    daemon.pass_time(4 * HOUR)
    assert daemon.job(second.id).state is JobState.COMPLETED
    assert daemon.job(first.id).detail == "1.json is damaged; submit job 1 again"
    assert daemon.parts.live.storage_error is None
    assert sum(record.getMessage() == "job cannot be started" for record in caplog.records) == 1


class OncePlanlessStore(FakeStore):
    """Does not take the next plan."""

    refusing = False

    def add_plan(self, plan: Plan) -> None:
        if self.refusing:
            self.refusing = False
            raise StorageError("the database is busy")
        super().add_plan(plan)


def test_a_plan_that_could_not_be_recorded_is_made_again_by_the_next_beat() -> None:
    """Nothing else has to happen, and no time to pass."""
    store = OncePlanlessStore()
    daemon = WholeDaemon(FakeClock(), dirty_now_clean_at_six(), store=store)
    daemon.pass_time(timedelta(0))
    store.refusing = True
    job = daemon.submit(duration=HOUR, within=24 * HOUR)
    assert (job.reason, daemon.parts.live.storage_error) == (Reason.NEW, "the database is busy")
    beat(daemon)
    recorded = store.latest_plan()
    assert recorded is not None and recorded.placement(job.id) is not None
    assert (daemon.job(job.id).reason, daemon.parts.live.storage_error) == (Reason.CARBON_WINDOW, None)


# --- faults of ours
def test_while_no_plan_can_be_made_jobs_start_by_the_last_one_and_then_planning_goes_on() -> None:
    daemon = a_daemon(job1=[Outcome(lasts=HOUR)])
    job = daemon.submit(duration=HOUR, within=24 * HOUR)
    planned = daemon.dispatcher._planned

    async def failing(problem: PlanningProblem) -> Plan:
        raise ZeroDivisionError("whatever is asked")

    daemon.dispatcher._planned = failing  # type: ignore[method-assign]
    daemon.pass_time(8 * HOUR)
    started = daemon.job(job.id).started_at
    assert started is not None and NOON + 6 * HOUR <= started < NOON + 7 * HOUR
    daemon.dispatcher._planned = planned  # type: ignore[method-assign]
    beat(daemon)
    assert daemon.parts.live.plan is not None and daemon.parts.live.plan.made_at == daemon.clock.now()


def test_a_beat_that_fails_in_one_way_again_and_again_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """None is finished, so that the watchdog can tell."""
    daemon = a_daemon()
    beat(daemon)

    daemon.executor.fault = ZeroDivisionError("once and always")
    for _ in range(5):
        daemon.clock.advance(timedelta(seconds=30))
        beat(daemon)
    assert daemon.dispatcher.since_beat() == timedelta(seconds=150)
    assert sum(record.getMessage() == "beat failed" for record in caplog.records) == 1
    daemon.executor.fault = None
    beat(daemon)
    assert daemon.dispatcher.since_beat() == timedelta(0)


def test_a_job_that_cannot_be_started_by_a_fault_of_ours_keeps_no_other_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor the daemon from beating; and it is not tried each second."""
    cannot_be_sent = UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed")
    daemon = a_daemon(job1=[Outcome(start_fault=cannot_be_sent)], job2=[Outcome(lasts=timedelta(seconds=30))])
    for _ in range(2):
        daemon.submit(run_now=True, duration=timedelta(minutes=1))
    daemon.pass_time(timedelta(minutes=2), step=timedelta(seconds=1))
    assert daemon.job(2).state is JobState.COMPLETED
    assert daemon.job(1).state is JobState.QUEUED
    assert 2 <= sum(record.getMessage() == "start failed" for record in caplog.records) <= 8
    assert daemon.dispatcher.since_beat() == timedelta(0)


def test_a_start_that_comes_to_nothing_is_tried_ever_more_rarely_and_told_of_until_one_runs() -> None:
    """The order is taken each time, and the supervisor dies before it has begun."""
    minute = timedelta(minutes=1)
    daemon = a_daemon(job1=[*[Outcome(never_starts=True)] * 6, Outcome(lasts=minute)])
    job = daemon.submit(run_now=True, duration=minute)
    daemon.pass_time(minute, step=timedelta(seconds=1))
    told = "each of its last 5 starts came to nothing: its supervisor ended before it had begun"
    assert len(daemon.executor.orders) == 5
    assert (daemon.job(job.id).detail or "").startswith(told)
    explained = asyncio.run(daemon.service.explain(ANNA, job.id)).sentences
    assert explained[0].startswith(f"Job {job.id} should run by now, but {told}")
    doctor = asyncio.run(daemon.service.status(ANNA)).warnings
    assert any(warning.startswith(f"job {job.id} does not start: {told}") for warning in doctor)

    daemon.pass_time(2 * minute, step=timedelta(seconds=1))
    assert daemon.job(job.id).state is JobState.RUNNING and daemon.job(job.id).detail is None
    doctor = asyncio.run(daemon.service.status(ANNA)).warnings
    assert not any("does not start" in warning for warning in doctor)


def test_a_stop_that_fails_by_a_fault_of_ours_is_told_once_and_ends_no_beat(caplog: pytest.LogCaptureFixture) -> None:
    daemon = a_daemon(job1=[Outcome(lasts=9 * HOUR, stop_fault=ZeroDivisionError("once and always"))])
    job = daemon.submit(run_now=True, duration=HOUR)
    daemon.pass_time(timedelta(seconds=1))
    asyncio.run(daemon.service.cancel(ANNA, job.id))
    daemon.pass_time(timedelta(minutes=1), step=timedelta(seconds=1))
    assert sum(record.getMessage() == "instruction failed" for record in caplog.records) == 1
    assert daemon.dispatcher.since_beat() == timedelta(0)


def test_a_lock_that_cannot_be_looked_at_is_a_problem_of_the_worker_and_no_failed_beat() -> None:
    daemon = a_daemon(job1=[Outcome(lasts=HOUR)])
    daemon.submit(run_now=True, duration=HOUR)
    daemon.executor.unreadable_locks = True
    daemon.clock.advance(timedelta(seconds=1))
    beat(daemon)
    assert daemon.parts.live.agent_error is not None
    assert "the lock of 1-1-1 cannot be looked at" in daemon.parts.live.agent_error
    assert daemon.dispatcher.since_beat() == timedelta(0)
    daemon.executor.unreadable_locks = False
    daemon.until_all_ended()


# --- a clock that is set back
def test_a_clock_set_back_delays_neither_the_plan_nor_the_next_look_at_the_machine() -> None:
    daemon = a_daemon()
    daemon.submit(duration=HOUR, within=24 * HOUR)
    daemon.clock.advance(-3 * HOUR)
    daemon.executor.unreachable = True
    daemon.pass_time(timedelta(seconds=1), step=timedelta(seconds=1))
    assert daemon.parts.live.agent_error is not None
    daemon.executor.unreachable = False
    daemon.pass_time(timedelta(seconds=1), step=timedelta(seconds=1))
    plan = daemon.parts.live.plan
    assert plan is not None and plan.made_at <= daemon.clock.now()


# --- what users do while a plan is made
def while_planning(daemon: WholeDaemon, act: Callable[[], object]) -> None:
    """The next plan takes long enough for its user to act before it is there."""
    planned: Callable[[PlanningProblem], Awaitable[Plan]] = daemon.dispatcher._planned

    async def slowly(problem: PlanningProblem) -> Plan:
        plan = await planned(problem)
        act()
        return plan

    for job in daemon.store.jobs(JobQuery(states=WAITING)):
        daemon.store.change_job(job.id, NOON, JobChanges(reason=Reason.NEW))
    daemon.dispatcher._planned = slowly  # type: ignore[method-assign]
    daemon.dispatcher.wake(Trigger.FORECAST)
    daemon.clock.advance(HOUR)
    beat(daemon)
    daemon.dispatcher._planned = planned  # type: ignore[method-assign]


def test_a_job_held_while_a_plan_was_made_stays_held_and_says_so() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, within=24 * HOUR)
    while_planning(daemon, lambda: service.hold(daemon.store, job.id, daemon.clock.now()))
    held = daemon.job(job.id)
    assert (held.state, held.reason) == (JobState.HELD, Reason.HELD_BY_USER)


def test_a_job_cancelled_while_a_plan_was_made_stays_cancelled_by_its_user() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, within=24 * HOUR)
    while_planning(daemon, lambda: service.cancel(daemon.store, job.id, daemon.clock.now()))
    daemon.pass_time(24 * HOUR)
    cancelled = daemon.job(job.id)
    assert (cancelled.state, cancelled.reason) == (JobState.CANCELLED, Reason.CANCELLED_BY_USER)
    assert daemon.executor.orders == []


def test_a_job_that_came_while_a_plan_was_made_is_no_dependant_of_anyone() -> None:
    daemon = a_daemon()
    daemon.submit(duration=HOUR, within=24 * HOUR)
    while_planning(daemon, lambda: daemon.store.add_job(a_draft()))
    assert daemon.job(2).reason is Reason.NEW


def test_every_waiting_job_says_why_it_waits() -> None:
    daemon = a_daemon(job1=[Outcome(lasts=3 * HOUR)])
    running = daemon.submit(run_now=True, duration=3 * HOUR)
    clean = daemon.submit(duration=HOUR, within=24 * HOUR)
    after = daemon.submit(duration=HOUR, after=(clean.id,))
    due = daemon.submit(duration=2 * HOUR, within=2 * HOUR + timedelta(seconds=1))
    daemon.pass_time(timedelta(minutes=1))
    reasons = {job.id: daemon.job(job.id).reason for job in (running, clean, after, due)}
    assert reasons == {
        running.id: Reason.EXECUTING,
        clean.id: Reason.CARBON_WINDOW,
        after.id: Reason.DEPENDENCY,
        due.id: Reason.DUE,
    }


def test_a_dry_run_is_planned_and_leaves_nothing_behind() -> None:
    daemon = a_daemon()
    request = JobRequest(
        argv=("python", "train.py"), workdir="/home/anna", env={}, gpus=1, duration=HOUR, within=24 * HOUR
    )
    answer = asyncio.run(daemon.service.submit(ANNA, request, dry_run=True))
    assert answer.id is None and answer.dry_run
    assert answer.placement is not None and answer.placement.job is None
    assert answer.placement.start >= NOON + 6 * HOUR
    assert answer.words[0].startswith("This job waits for low-carbon power")
    assert not any(str(2**62) in sentence for sentence in answer.words)
    assert daemon.store.job(1) is None and daemon.spool.environments == {}
