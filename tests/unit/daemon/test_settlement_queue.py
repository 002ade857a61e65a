"""What a job is compared with: the queue as it was, once nobody before it can change that, under the terms of then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler.config import QueueSettings, SiteSettings
from scheduler.domain.gpus import Gpu
from scheduler.domain.jobs import Job
from scheduler.domain.statements import Settlement
from scheduler.domain.units import Power

HOUR = timedelta(hours=1)
KILOWATT = Power(1000)


def a_daemon(values: Sequence[float], script: Mapping[int, Sequence[Outcome]], **machine: object) -> WholeDaemon:
    """Hours of 500 g/kWh until noon, then `values`, then 100 g/kWh; one GPU unless said otherwise."""
    series = hourly(NOON - 72 * HOUR, [500.0] * 72 + list(values) + [100.0] * 200)
    return WholeDaemon(FakeClock(), series, script, **machine)  # type: ignore[arg-type]


def of(hours: float, **outcome: object) -> list[Outcome]:
    return [Outcome(lasts=hours * HOUR, power=KILOWATT, **outcome)]  # type: ignore[arg-type]


def settle(daemon: WholeDaemon) -> None:
    asyncio.run(daemon.settler.settle_due())


def recomputed(daemon: WholeDaemon, job: Job) -> None:
    asyncio.run(daemon.service.recompute(ANNA, (job.id,)))


def restart_with(daemon: WholeDaemon, **changed: object) -> None:
    """The daemon is started anew after these sections of its settings were changed."""
    daemon.parts = replace(daemon.parts, settings=daemon.parts.settings.model_copy(update=changed))
    daemon.restart()


def an_overtaken_job_and_the_one_that_overtook_it() -> tuple[WholeDaemon, Job, Job]:
    """Ten hours that wait for clean power, and one hour that came five minutes later and ran at once."""
    daemon = a_daemon([500.0] * 4 + [400.0] * 6, {1: of(10), 2: of(1)})
    waiting = daemon.submit(duration=10 * HOUR)
    daemon.pass_time(timedelta(minutes=5))
    overtaker = daemon.submit(duration=HOUR, run_now=True)
    daemon.pass_time(3 * HOUR)
    return daemon, waiting, overtaker


def test_a_job_that_its_user_held_is_compared_with_beginning_at_its_release() -> None:
    """Grid of 300 g until 18:00, then 100 g: that it ran in the clean hours was the user's doing."""
    daemon = a_daemon([300.0] * 6, {1: of(1), 2: of(1)})
    held = daemon.submit(duration=HOUR, hold=True)
    daemon.pass_time(HOUR / 2)
    other = daemon.submit(duration=HOUR, run_now=True)
    daemon.pass_time(5.5 * HOUR)
    asyncio.run(daemon.service.release(ANNA, held.id))
    daemon.until_all_ended()
    daemon.pass_time(2 * HOUR)
    statement = daemon.statement(held.id)
    assert statement.settlement is Settlement.FINAL
    assert statement.difference is not None and statement.difference.grams == pytest.approx(0, abs=0.5)
    assert statement.run_now_start == NOON + 6 * HOUR
    assert daemon.statement(other.id).run_now_start == NOON + HOUR / 2, "nobody stood in its way"


def test_a_comparison_is_not_final_while_a_job_that_came_before_has_not_run() -> None:
    """First come, first served would have begun the small one after the long one, in cleaner hours: it lost."""
    daemon, waiting, overtaker = an_overtaken_job_and_the_one_that_overtook_it()
    before = daemon.statement(overtaker.id)
    assert before.settlement is Settlement.PROVISIONAL
    assert before.note is not None and "have not ended" in before.note
    assert before.run_now_start == waiting.submitted_at + 10 * HOUR, "as long as it is expected to run"
    daemon.until_all_ended()
    daemon.pass_time(2 * HOUR)
    statement = daemon.statement(overtaker.id)
    assert statement.settlement is Settlement.FINAL
    assert statement.difference is not None and statement.difference.grams == pytest.approx(-400, rel=0.01)
    recomputed(daemon, overtaker)
    assert daemon.store.statement_history(overtaker.id)[-1] == statement, "the same facts add nothing"


def test_a_cancelled_job_that_never_ran_kept_nobody_waiting() -> None:
    daemon, waiting, overtaker = an_overtaken_job_and_the_one_that_overtook_it()
    asyncio.run(daemon.service.cancel(ANNA, waiting.id))
    settle(daemon)
    statement = daemon.statement(overtaker.id)
    assert (statement.settlement, statement.run_now_start) == (Settlement.FINAL, overtaker.submitted_at)


def test_work_that_a_suspension_threw_away_keeps_nobody_waiting_in_the_queue_of_the_comparison() -> None:
    """Six hours of work, some lost at a suspension: run at once, the next job would have begun after six hours."""
    values = [100.0] * 3 + [900.0] * 3 + [100.0] * 2 + [900.0] * 3 + [100.0] * 2 + [900.0] * 60
    pieces = [
        Outcome(lasts=9 * HOUR, power=KILOWATT, stops_with=99),
        Outcome(lasts=9 * HOUR, power=KILOWATT, stops_with=-9),
        Outcome(lasts=3 * HOUR, power=KILOWATT),
    ]
    daemon = a_daemon(values, {1: pieces, 2: of(1)})
    first = daemon.submit(duration=6 * HOUR, power=KILOWATT, interruptible=True)
    daemon.pass_time(HOUR / 2)
    second = daemon.submit(duration=HOUR, power=KILOWATT)
    daemon.until_all_ended()
    daemon.pass_time(5 * HOUR, HOUR)
    ran = daemon.store.segments(first.id)
    assert [segment.work_kept for segment in ran] == [True, False, None]
    kept = ran[0].held + ran[2].held - 2 * daemon.parts.settings.queue.switch_cost
    start = daemon.statement(second.id).run_now_start
    assert start is not None
    assert abs(start - (first.submitted_at + kept)) <= daemon.parts.settings.queue.switch_cost


def test_a_final_comparison_stays_whatever_the_machine_and_the_settings_become() -> None:
    """A GPU more, another cost of a switch, another PUE: they hold for jobs of today."""
    daemon = a_daemon([500.0] * 2, {1: of(2), 2: of(1)})
    daemon.submit(duration=2 * HOUR, run_now=True)
    second = daemon.submit(duration=HOUR, run_now=True)
    daemon.until_all_ended()
    daemon.pass_time(2 * HOUR)
    final = daemon.statement(second.id)
    assert (final.settlement, final.run_now_start) == (Settlement.FINAL, NOON + 2 * HOUR)
    daemon.executor.gpus = (Gpu("GPU-0", "Fake A100"), Gpu("GPU-1", "Fake A100"))
    restart_with(daemon, queue=QueueSettings(switch_cost=HOUR / 2), site=SiteSettings(pue=2.0))
    daemon.pass_time(timedelta(minutes=5))
    recomputed(daemon, second)
    assert daemon.store.statement_history(second.id)[-1] == final


def test_a_final_comparison_stays_where_its_provider_is_no_longer_asked_and_the_new_one_claims_nothing() -> None:
    daemon = a_daemon([500.0] * 2, {1: of(1)})
    job = daemon.submit(duration=HOUR, run_now=True)
    daemon.until_all_ended()
    daemon.pass_time(2 * HOUR)
    final = daemon.statement(job.id)
    assert final.settlement is Settlement.FINAL and final.run_now_emissions is not None
    daemon.source.key = replace(daemon.source.key, source="static")
    daemon.source.claims_savings = False
    daemon.restart()
    daemon.pass_time(timedelta(minutes=5))
    recomputed(daemon, job)
    assert daemon.store.statement_history(job.id)[-1] == final


def test_a_changed_pue_holds_for_jobs_that_end_after_it() -> None:
    """A statement that waits for the grid's last word keeps the one that it was begun with."""
    daemon = a_daemon([500.0] * 2, {1: of(1)})
    daemon.source.settle_after = timedelta(days=1)
    job = daemon.submit(duration=HOUR, run_now=True)
    daemon.until_all_ended()
    settle(daemon)
    assert daemon.statement(job.id).settlement is Settlement.PROVISIONAL
    restart_with(daemon, site=SiteSettings(pue=2.0))
    daemon.pass_time(timedelta(days=2), HOUR)
    statement = daemon.statement(job.id)
    assert (statement.settlement, statement.pue) == (Settlement.FINAL, 1.0)
