"""Final statements are looked at again when their provider revises, and restated in the open."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fakes.carbon_source import FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.store import FakeStore
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler.daemon.review import LOOKED_AGAIN
from scheduler.domain.carbon import SeriesKey
from scheduler.domain.errors import CarbonSourceUnavailable, ExecutorError, IllegalTransition, NotPermitted
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import Settlement
from scheduler.domain.units import Power
from scheduler.grid.chain import Chain
from scheduler.ports import JobEventRecord
from scheduler.service_views.requests import Caller
from scheduler.service_views.statements import RecomputedView

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def flat(g_per_kwh: float) -> StepSeries:
    return hourly(NOON, [g_per_kwh] * 24 * 12)


class CountingStore(FakeStore):
    """Counts the questions after events: of one job, and of many at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def job_events(self, job_id: int) -> tuple[JobEventRecord, ...]:
        self.asked["job_events"] += 1
        return super().job_events(job_id)

    def last_noted(self, event: str, job_ids: Iterable[int]) -> Mapping[int, datetime]:
        self.asked["last_noted"] += 1
        return super().last_noted(event, job_ids)


def settled(jobs: int = 1, store: FakeStore | None = None) -> tuple[WholeDaemon, list[Job]]:
    """Jobs of 2 h at 500 W that ended three days ago, settled at 200 g/kWh; no look has been due yet."""
    outcome = [Outcome(lasts=2 * HOUR, power=Power(500))]
    daemon = WholeDaemon(FakeClock(), flat(200), dict.fromkeys(range(1, jobs + 1), outcome), store=store)
    submitted = [daemon.submit(run_now=True, duration=2 * HOUR, power=Power(500)) for _ in range(jobs)]
    daemon.until_all_ended()
    daemon.clock.advance(3 * DAY)
    daemon.source.recheck_after = (2 * DAY,)
    daemon.source.asked.clear()
    return daemon, submitted


def review(daemon: WholeDaemon) -> None:
    asyncio.run(daemon.reviewer.review_due())


def looks(daemon: WholeDaemon, job: Job) -> int:
    return sum(event.event == LOOKED_AGAIN for event in daemon.store.job_events(job.id))


def test_a_revised_value_restates_the_statement_and_says_what_it_was() -> None:
    """The old figure stays in the history; the new statement names both and why."""
    daemon, [job] = settled()
    daemon.source.past = flat(260)
    review(daemon)
    first, second = daemon.store.statement_history(job.id)[-2:]
    assert (first.settlement, second.settlement) == (Settlement.FINAL, Settlement.FINAL)
    assert first.emissions is not None and first.emissions.grams == pytest.approx(200)
    assert second.emissions is not None and second.emissions.grams == pytest.approx(260)
    assert second.note is not None and "200 g -> 260 g" in second.note and "revised" in second.note


def test_what_became_final_while_the_machine_was_off_is_asked_for_once() -> None:
    """It was fetched minutes after the job, and its provider had a day to revise it, which nobody saw."""
    outcome = [Outcome(lasts=2 * HOUR, power=Power(500))]
    month = hourly(NOON - 30 * DAY, [200] * 24 * 42)
    daemon = WholeDaemon(FakeClock(), month, dict.fromkeys((1, 2, 3), outcome))
    daemon.source.settle_after = DAY
    jobs = [daemon.submit(run_now=True, duration=2 * HOUR, power=Power(500)) for _ in range(3)]
    daemon.until_all_ended()
    daemon.clock.advance(2.5 * DAY)
    daemon.source.past = flat(260)
    daemon.restart()
    daemon.source.asked.clear()
    daemon.pass_time(3 * DAY, step=HOUR)
    for job in jobs:
        statement = daemon.statement(job.id)
        assert statement.settlement is Settlement.FINAL
        assert statement.emissions is not None and statement.emissions.grams == pytest.approx(260)
        assert looks(daemon, job) == 1
    about_them = [asked for asked in daemon.source.asked if asked.overlaps(Interval(NOON, NOON + 2 * HOUR))]
    assert len(about_them) == 1


def test_no_look_is_due_where_the_provider_tells_the_last_hours_alone() -> None:
    """It could only be asked in vain."""
    said = FakeCarbonSource(FakeClock(), flat(200), settle_after=DAY, recheck_after=(2 * DAY,)).capabilities
    assert said.review_ages == (DAY, 2 * DAY)
    assert replace(said, reaches_back=False).review_ages == ()


def test_a_look_that_finds_nothing_new_adds_no_statement() -> None:
    """The look is noted in the job's history, and that is all."""
    daemon, [job] = settled()
    before = daemon.store.statement_history(job.id)
    review(daemon)
    assert daemon.store.statement_history(job.id) == before
    assert looks(daemon, job) == 1


def test_looking_and_settling_twice_adds_nothing() -> None:
    """Computing again from the same facts changes nothing, whichever way it comes about."""
    daemon, [job] = settled()
    daemon.source.past = flat(260)
    review(daemon)
    once = daemon.store.statement_history(job.id)
    review(daemon)
    asyncio.run(daemon.settler.settle_due())
    daemon.settler.restate_if_revised(daemon.job(job.id))
    assert daemon.store.statement_history(job.id) == once
    assert len(daemon.source.asked) == 1


def test_a_restart_asks_for_nothing_that_was_looked_at() -> None:
    """What was looked at is in the database, not in memory."""
    daemon, [job] = settled()
    review(daemon)
    daemon.restart()
    asyncio.run(daemon.dispatcher.beat())
    daemon.source.asked.clear()
    review(daemon)
    assert daemon.source.asked == []
    assert looks(daemon, job) == 1


def test_neighbouring_jobs_are_asked_for_together() -> None:
    """Five jobs of one day are one question."""
    daemon, jobs = settled(5)
    review(daemon)
    assert len(daemon.source.asked) == 1
    assert [looks(daemon, job) for job in jobs] == [1] * 5


def test_whether_looks_are_due_is_asked_of_the_store_once_for_all_jobs() -> None:
    """Each hour, of every job of the last months: what grew with their number would hold up everything else."""
    store = CountingStore()
    daemon, jobs = settled(5, store)
    store.asked.clear()
    review(daemon)
    assert store.asked == {"last_noted": 1}
    assert [looks(daemon, job) for job in jobs] == [1] * 5


def test_a_silent_provider_leaves_the_look_due() -> None:
    """An outage at the age of the check postpones it."""
    daemon, [job] = settled()
    daemon.source.error = CarbonSourceUnavailable("no answer")
    review(daemon)
    assert looks(daemon, job) == 0
    daemon.source.error = None
    daemon.clock.advance(HOUR)
    review(daemon)
    assert looks(daemon, job) == 1


def test_what_was_settled_with_another_series_is_left_alone() -> None:
    """After a change of provider its values restate nothing of the one before."""
    daemon, [job] = settled()
    daemon.source.key = SeriesKey("other", "GB")
    review(daemon)
    assert daemon.source.asked == []
    assert looks(daemon, job) == 0


def test_missing_hours_are_asked_for_again_and_never_counted_as_zero() -> None:
    """A hole in the series keeps the statement provisional, without a figure, until the hole is filled."""
    daemon = WholeDaemon(FakeClock(), None, {1: [Outcome(lasts=4 * HOUR, power=Power(500))]})
    whole = flat(200)
    daemon.source.past = StepSeries.of((slot, value) for slot, value in whole.rows() if slot.start != NOON + 2 * HOUR)
    job = daemon.submit(run_now=True, duration=4 * HOUR, power=Power(500))
    daemon.until_all_ended()
    daemon.pass_time(DAY, step=HOUR)
    holed = daemon.statement(job.id)
    assert holed.settlement is Settlement.PROVISIONAL
    assert holed.emissions is None and 0.7 < holed.coverage < 0.8
    daemon.source.past = whole
    daemon.pass_time(4 * DAY, step=HOUR)
    filled = daemon.statement(job.id)
    assert filled.settlement is Settlement.FINAL
    assert filled.emissions is not None and filled.emissions.grams == pytest.approx(400)


def test_a_job_of_a_series_that_is_not_in_use_is_looked_at_with_its_own_source() -> None:
    """The chain has moved on to another link; what the first one revises is still its word on that job."""
    clock = FakeClock()
    first = FakeCarbonSource(clock, flat(200), recheck_after=(2 * DAY,))
    second = FakeCarbonSource(clock, flat(900), key=SeriesKey("second", "GB"))
    script = {1: [Outcome(lasts=2 * HOUR, power=Power(500))]}
    daemon = WholeDaemon(clock, None, script, chain=Chain([first, second], clock))
    job = daemon.submit(run_now=True, duration=2 * HOUR, power=Power(500))
    daemon.until_all_ended()
    clock.advance(3 * DAY)
    first.ahead, first.past = None, flat(260)
    asyncio.run(daemon.poller.poll())
    assert daemon.poller.source.capabilities.source == "second"
    review(daemon)
    restated = daemon.statement(job.id)
    assert restated.key == first.key and looks(daemon, job) == 1
    assert restated.note is not None and "200 g -> 260 g" in restated.note


# --- when somebody asks for it
def recomputed(daemon: WholeDaemon, *jobs: Job, caller: Caller = ANNA) -> list[RecomputedView]:
    return list(asyncio.run(daemon.service.recompute(caller, tuple(job.id for job in jobs))))


def test_recomputing_asks_anew_and_restates_in_the_open() -> None:
    """Before any look is due: old figure, new one and reason are in the answer and in the history."""
    daemon, [job] = settled()
    daemon.source.past = flat(260)
    [answer] = recomputed(daemon, job)
    assert answer.changed and answer.asked
    assert answer.before is not None and answer.before.emissions_g == pytest.approx(200)
    assert answer.statement is not None and answer.statement.emissions_g == pytest.approx(260)
    assert answer.statement.note is not None and "200 g -> 260 g" in answer.statement.note
    assert daemon.statement(job.id).settlement is Settlement.FINAL


def test_recomputing_twice_changes_nothing_the_second_time() -> None:
    daemon, [job] = settled()
    daemon.source.past = flat(260)
    recomputed(daemon, job)
    once = daemon.store.statement_history(job.id)
    daemon.clock.advance(DAY)
    [again] = recomputed(daemon, job)
    assert not again.changed and again.before == again.statement
    assert daemon.store.statement_history(job.id) == once


def test_recomputing_what_is_not_final_yet_settles_it() -> None:
    daemon = WholeDaemon(FakeClock(), None, {1: [Outcome(lasts=2 * HOUR, power=Power(500))]})
    daemon.source.past = StepSeries.empty()
    job = daemon.submit(run_now=True, duration=2 * HOUR, power=Power(500))
    daemon.until_all_ended()
    daemon.source.past = flat(200)
    [answer] = recomputed(daemon, job)
    assert answer.statement is not None
    assert (answer.statement.statement, answer.statement.emissions_g) == ("final", pytest.approx(200))


def test_jobs_of_the_same_days_are_asked_for_in_one_question() -> None:
    daemon, jobs = settled(4)
    assert [answer.job for answer in recomputed(daemon, *jobs)] == [job.id for job in jobs]
    assert len(daemon.source.asked) == 1


def test_where_the_provider_is_silent_what_is_recorded_has_to_do_and_that_is_said() -> None:
    daemon, [job] = settled()
    daemon.source.error = CarbonSourceUnavailable("no answer")
    [answer] = recomputed(daemon, job)
    assert not answer.asked and not answer.changed
    assert answer.statement is not None and answer.statement.emissions_g == pytest.approx(200)


def test_only_ended_jobs_of_ones_own_can_be_recomputed() -> None:
    daemon, [job] = settled()
    waiting = daemon.submit(hold=True)
    with pytest.raises(IllegalTransition, match="recompute it once it has ended"):
        recomputed(daemon, waiting)
    with pytest.raises(NotPermitted):
        recomputed(daemon, job, caller=Caller(4242, "mallory"))
    asyncio.run(daemon.service.cancel(ANNA, waiting.id))
    [never_ran] = recomputed(daemon, daemon.job(waiting.id))
    assert (never_ran.statement, never_ran.changed) == (None, False)


def test_nothing_is_recomputed_before_the_worker_has_been_seen() -> None:
    """How many places run-now would have had is part of the comparison."""
    daemon, [job] = settled()
    daemon.restart()
    with pytest.raises(ExecutorError, match="try again"):
        recomputed(daemon, job)
