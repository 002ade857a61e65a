"""From the first figure of a running job to the last word: provisional, asked for again, final."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from fakes.carbon_source import KEY, FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler.config import Settings, SiteSettings
from scheduler.domain.carbon import IntensityObservation, IntensityStatus, SeriesKey
from scheduler.domain.errors import CarbonSourceUnavailable, DiskFull
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState
from scheduler.domain.readings import EnergySlice
from scheduler.domain.runs import SegmentId
from scheduler.domain.statements import Settlement, StatementMethod
from scheduler.domain.units import Power
from scheduler.grid.chain import Chain

HOUR = timedelta(hours=1)


def a_day(settings: Settings | None = None, **job1: object) -> tuple[WholeDaemon, Job]:
    """One job that runs at once for an hour at a kilowatt, on a grid of 100 g now and 300 g later."""
    outcome = Outcome(**{"lasts": HOUR, "power": Power(1000), **job1})  # type: ignore[arg-type]
    series = hourly(NOON - 72 * HOUR, [100.0] * 73 + [300.0] * 100)
    daemon = WholeDaemon(FakeClock(), series, {1: [outcome]}, settings=settings)
    return daemon, daemon.submit(duration=HOUR, run_now=True)


def settle(daemon: WholeDaemon) -> None:
    asyncio.run(daemon.settler.settle_due())


def test_a_running_job_has_figures_that_nobody_records() -> None:
    daemon, job = a_day()
    daemon.pass_time(HOUR / 2)
    so_far = daemon.settler.statement_so_far(daemon.job(job.id))
    assert so_far.settlement is Settlement.PROVISIONAL
    assert so_far.energy is not None and so_far.energy.kwh == pytest.approx(0.5)
    assert daemon.store.statement(job.id) is None


def test_a_job_is_settled_with_the_forecast_first_and_with_what_was_published_then() -> None:
    """The hour in which it ran is published when it is over."""
    daemon, job = a_day()
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 72)
    daemon.pass_time(HOUR + timedelta(minutes=5))
    provisional = daemon.statement(job.id)
    assert provisional.settlement is Settlement.PROVISIONAL
    assert provisional.emissions is not None and provisional.emissions.grams == pytest.approx(100, rel=0.01)
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 72 + [120.0] * 2)
    daemon.pass_time(HOUR)
    final = daemon.statement(job.id)
    assert final.settlement is Settlement.FINAL
    assert final.emissions is not None and final.emissions.grams == pytest.approx(120, rel=0.01)
    assert daemon.store.statement_history(job.id)[0].settlement is Settlement.PROVISIONAL


def test_an_estimate_is_not_the_last_word() -> None:
    daemon, job = a_day()
    daemon.source.status = IntensityStatus.ESTIMATED
    daemon.pass_time(6 * HOUR)
    assert daemon.statement(job.id).settlement is Settlement.PROVISIONAL


def test_a_value_that_its_provider_may_still_revise_is_not_the_last_word() -> None:
    daemon, job = a_day()
    daemon.source.settle_after = timedelta(days=1)
    daemon.pass_time(6 * HOUR)
    assert daemon.statement(job.id).settlement is Settlement.PROVISIONAL
    daemon.pass_time(timedelta(days=1), step=HOUR)
    assert daemon.statement(job.id).settlement is Settlement.FINAL


def test_settling_again_with_nothing_new_records_nothing() -> None:
    daemon, job = a_day()
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 72)
    daemon.pass_time(2 * HOUR)
    before = len(daemon.store.statement_history(job.id))
    for _ in range(5):
        daemon.clock.advance(timedelta(minutes=5))
        settle(daemon)
    assert len(daemon.store.statement_history(job.id)) == before


def test_hours_that_passed_while_nobody_polled_are_asked_for_when_a_job_needs_them() -> None:
    """The daemon was off, or the provider away, for longer than a poll looks back."""
    daemon, job = a_day()
    daemon.source.error = CarbonSourceUnavailable("no answer")
    daemon.pass_time(2 * HOUR)
    daemon.clock.advance(timedelta(days=5))
    daemon.source.error = None
    daemon.restart()
    asyncio.run(daemon.poller.poll())
    needed = Interval(NOON, NOON + HOUR)
    observed = daemon.store.observations(daemon.source.key, needed)
    if not observed:
        settle(daemon)
    assert daemon.store.observations(daemon.source.key, needed) != ()
    settle(daemon)
    assert daemon.statement(job.id).settlement is Settlement.FINAL


def questions(daemon: WholeDaemon) -> list[Interval]:
    """What is asked from now on about past hours."""
    asked: list[Interval] = []
    ask = daemon.source.observations

    async def noted(interval: Interval) -> tuple[IntensityObservation, ...]:
        asked.append(interval)
        return await ask(interval)

    daemon.source.observations = noted  # type: ignore[method-assign]
    return asked


def test_what_is_not_published_yet_is_asked_for_no_more_often_than_the_provider_is_polled() -> None:
    daemon, _ = a_day()
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 72)
    daemon.pass_time(2 * HOUR)
    asked = questions(daemon)
    for _ in range(6):
        daemon.clock.advance(timedelta(minutes=5))
        settle(daemon)
    assert len(asked) == 2
    assert asked[0] == asked[1]


def test_what_nobody_has_published_for_days_is_asked_for_ever_more_rarely_and_never_given_up() -> None:
    """Each such question may be many requests; after ten days one in ten hours is enough."""
    daemon, job = a_day()
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 72)
    daemon.pass_time(2 * HOUR)
    daemon.clock.advance(timedelta(days=10))
    asked = questions(daemon)
    for _ in range(24 * 12):
        daemon.clock.advance(timedelta(minutes=5))
        settle(daemon)
    assert 2 <= len(asked) <= 4
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 80)
    daemon.clock.advance(12 * HOUR)
    settle(daemon)
    assert daemon.statement(job.id).settlement is Settlement.FINAL


def test_a_clock_set_back_keeps_nothing_from_being_asked_for() -> None:
    """After ten days a question rests for ten hours, not for the day that the clock lost as well."""
    daemon, _ = a_day()
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 72)
    daemon.pass_time(2 * HOUR)
    daemon.clock.advance(timedelta(days=10))
    settle(daemon)
    asked = questions(daemon)
    daemon.clock.advance(-timedelta(days=1))
    settle(daemon)
    assert len(asked) == 1


def test_jobs_far_apart_are_asked_for_apart() -> None:
    """The weeks between two of them are nobody's business."""
    daemon, _ = a_day()
    daemon.source.past = hourly(NOON - 72 * HOUR, [100.0] * 72)
    daemon.pass_time(2 * HOUR)
    daemon.clock.advance(timedelta(days=20))
    daemon.submit(duration=HOUR, run_now=True)
    daemon.pass_time(2 * HOUR)
    asked = questions(daemon)
    daemon.clock.advance(timedelta(days=1))
    settle(daemon)
    assert len(asked) == 2 and max(each.length for each in asked) < timedelta(days=1)


def test_a_provider_that_does_not_answer_leaves_the_statement_provisional_and_the_daemon_up() -> None:
    daemon, job = a_day()
    daemon.pass_time(HOUR / 2)
    daemon.source.error = CarbonSourceUnavailable("no answer")
    daemon.pass_time(12 * HOUR)
    assert daemon.job(job.id).state is JobState.COMPLETED
    assert daemon.statement(job.id).settlement is Settlement.PROVISIONAL
    daemon.source.error = None
    daemon.pass_time(2 * HOUR)
    assert daemon.statement(job.id).settlement is Settlement.FINAL


def test_a_job_of_which_nothing_was_metered_has_a_statement_that_says_so_once() -> None:
    """No provider can add to that: it is not taken up again every five minutes for ever."""
    daemon, job = a_day(lasts=timedelta(0))
    daemon.pass_time(HOUR)
    statement = daemon.statement(job.id)
    assert (statement.settlement, statement.method) == (Settlement.NONE, StatementMethod.NONE)
    assert (statement.energy, statement.emissions) == (None, None)
    assert daemon.store.unsettled_jobs() == ()


def test_a_job_that_never_ran_has_no_statement() -> None:
    daemon, _ = a_day()
    waiting = daemon.submit(duration=HOUR, within=48 * HOUR)
    asyncio.run(daemon.service.cancel(ANNA, waiting.id))
    daemon.pass_time(HOUR)
    assert daemon.store.statement(waiting.id) is None


def test_the_facilitys_overhead_is_in_the_emissions_and_not_in_the_energy() -> None:
    daemon, job = a_day(settings=Settings(site=SiteSettings(pue=1.5)))
    daemon.pass_time(3 * HOUR)
    statement = daemon.statement(job.id)
    assert statement.energy is not None and statement.energy.kwh == pytest.approx(1)
    assert statement.emissions is not None and statement.emissions.grams == pytest.approx(150, rel=0.01)


def test_where_the_grid_is_a_constant_nothing_is_claimed() -> None:
    daemon, job = a_day()
    daemon.source.claims_savings = False
    daemon.pass_time(3 * HOUR)
    statement = daemon.statement(job.id)
    assert statement.settlement is Settlement.FINAL and statement.emissions is not None
    assert (statement.run_now_emissions, statement.difference) == (None, None)


def test_a_job_that_others_would_have_kept_waiting_is_compared_with_its_turn() -> None:
    """Run-now is first come, first served on this machine: the second of two starts when the first has ended."""
    daemon, _ = a_day()
    daemon.clock.advance(timedelta(seconds=1))
    second = daemon.submit(duration=HOUR, within=30 * HOUR)
    daemon.until_all_ended()
    daemon.pass_time(3 * HOUR)
    statement = daemon.statement(second.id)
    assert statement.at_submission_emissions is not None and statement.run_now_emissions is not None
    assert statement.at_submission_emissions.grams == pytest.approx(10, rel=0.01)
    assert statement.run_now_emissions.grams == pytest.approx(30, rel=0.01)


def test_a_full_disk_puts_statements_off_and_loses_none(caplog: pytest.LogCaptureFixture) -> None:
    daemon, job = a_day()
    daemon.pass_time(HOUR / 2)
    daemon.clock.advance(HOUR)
    asyncio.run(daemon.dispatcher.beat())
    daemon.store.failing_with = DiskFull("full")
    settle(daemon)
    assert daemon.store.statement(job.id) is None
    assert any(record.getMessage() == "statements could not be settled" for record in caplog.records)
    daemon.store.failing_with = None
    settle(daemon)
    assert daemon.store.statement(job.id) is not None


def test_one_job_whose_record_cannot_be_reckoned_with_keeps_no_other_from_its_statement(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And is said once, not every five minutes."""
    daemon, _ = a_day()
    second = daemon.submit(duration=HOUR, run_now=True)
    slices = daemon.store.slices

    def broken(job_id: int) -> tuple[tuple[SegmentId, EnergySlice], ...]:
        if job_id == 1:
            raise ValueError("an interval must end after it starts")
        return slices(job_id)

    daemon.store.slices = broken  # type: ignore[method-assign]
    daemon.pass_time(4 * HOUR)
    assert daemon.store.statement(1) is None
    assert daemon.statement(second.id).settlement is Settlement.FINAL
    assert sum(record.getMessage() == "statement failed" for record in caplog.records) == 1


def test_the_end_of_a_job_wakes_the_settler_at_once() -> None:
    daemon, job = a_day()
    daemon.pass_time(HOUR / 2)
    daemon.clock.advance(HOUR)

    async def woken() -> None:
        work = asyncio.create_task(daemon.settler.run())
        await daemon.dispatcher.beat()
        daemon.settler.wake()
        async with asyncio.timeout(10):
            while daemon.store.statement(job.id) is None:
                await asyncio.sleep(0)
        work.cancel()

    asyncio.run(woken())


# --- one series for plan, baseline and settlement
STATIC = SeriesKey("static", "GB")


class TwoSources(WholeDaemon):
    """A chain in which the second source, a yearly constant of 500 g, stands in while the first is silent."""

    def __init__(self, clock: FakeClock, script: dict[int, list[Outcome]]) -> None:
        series = hourly(NOON - 72 * HOUR, [100.0] * 73 + [300.0] * 400)
        self.first = FakeCarbonSource(clock, series)
        second = FakeCarbonSource(clock, None, hourly(NOON - 72 * HOUR, [500.0] * 500), STATIC, claims_savings=False)
        super().__init__(clock, series, script, chain=Chain([self.first, second], clock))


def ended_in_an_outage() -> tuple[TwoSources, Job]:
    """Planned with the first source, which then falls silent until nothing that it said is of any use."""
    daemon = TwoSources(FakeClock(), {1: [Outcome(lasts=HOUR, power=Power(1000))]})
    job = daemon.submit(duration=HOUR, run_now=True)
    daemon.pass_time(HOUR / 2)
    daemon.first.error = CarbonSourceUnavailable("no answer")
    daemon.pass_time(2 * HOUR)
    daemon.clock.advance(timedelta(days=15))
    daemon.pass_time(HOUR)
    assert daemon.poller.source.capabilities.source == "static"
    return daemon, job


def test_a_job_is_settled_with_the_series_it_was_planned_with_whichever_is_in_use_by_then() -> None:
    """The constant that stands in would make it final at once, with another figure and without a saving."""
    daemon, job = ended_in_an_outage()
    assert daemon.job(job.id).series == KEY
    waiting = daemon.statement(job.id)
    assert (waiting.settlement, waiting.key) == (Settlement.PROVISIONAL, KEY)
    daemon.first.error = None
    daemon.pass_time(HOUR)
    final = daemon.statement(job.id)
    assert (final.settlement, final.key) == (Settlement.FINAL, KEY)
    assert final.emissions is not None and final.emissions.grams == pytest.approx(100, rel=0.01)
    assert final.difference is not None


def test_what_is_missing_is_asked_of_the_source_of_its_series_and_only_as_often_as_it_is_polled() -> None:
    daemon, _ = ended_in_an_outage()
    daemon.first.asked.clear()
    for _ in range(3):
        settle(daemon)
    assert len(daemon.first.asked) <= 1
    daemon.clock.advance(daemon.parts.settings.grid.poll)
    settle(daemon)
    assert 1 <= len(daemon.first.asked) <= 2
    assert not daemon.poller.status.failing, "what ails another series ails nothing that is planned with"


def test_a_job_that_starts_without_a_forecast_is_settled_with_the_series_in_use() -> None:
    daemon = TwoSources(FakeClock(), {1: [Outcome(lasts=HOUR, power=Power(1000))]})
    daemon.first.error = CarbonSourceUnavailable("no answer")
    job = daemon.submit(duration=HOUR, run_now=True)
    daemon.pass_time(3 * HOUR)
    assert daemon.job(job.id).series is None
    statement = daemon.statement(job.id)
    assert statement.key == STATIC and statement.difference is None


def test_a_series_that_is_no_longer_asked_is_named_in_the_statement() -> None:
    """After a change of settings there is nobody left to ask; the statement is of one series all the same."""
    daemon, job = a_day()
    daemon.pass_time(HOUR / 2)
    daemon.source.key = SeriesKey("other", "GB")
    daemon.pass_time(3 * HOUR)
    statement = daemon.statement(job.id)
    assert statement.key == daemon.source.key and statement.settlement is Settlement.FINAL
    assert statement.note is not None and statement.note.startswith("planned with fake/GB")
    before = daemon.store.statement_history(job.id)
    daemon.pass_time(HOUR)
    assert daemon.store.statement_history(job.id) == before
