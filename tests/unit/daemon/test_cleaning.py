"""What ended jobs left on disk goes when asked, or when it has been kept as long as the settings say; figures stay."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler.config import Settings, WorkerSettings
from scheduler.domain.changes import SegmentChanges
from scheduler.domain.errors import CarbonqError, ExecutorError, IllegalTransition, NotFound, NotPermitted
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import SegmentState
from scheduler.domain.runs import Segment, SegmentId
from scheduler.ports import CLEANED
from scheduler.service_views.jobs import CleanedView
from scheduler.service_views.requests import Caller, LogStream

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BOB, ROOT = Caller(1001, "bob"), Caller(0, "root")


def a_daemon(keep: timedelta | None = None) -> WholeDaemon:
    settings = Settings(worker=WorkerSettings(keep_job_files=keep))
    script = {job: [Outcome(lasts=HOUR, stdout=b"hello")] for job in (1, 2)}
    return WholeDaemon(FakeClock(), hourly(NOON, [200.0] * 24 * 90), script, settings=settings)


def an_ended_job(daemon: WholeDaemon) -> Job:
    job = daemon.submit(duration=HOUR, run_now=True)
    daemon.until_all_ended()
    return daemon.job(job.id)


def cleaned(daemon: WholeDaemon, job_id: int, caller: Caller = ANNA, dry_run: bool = False) -> CleanedView:
    return asyncio.run(daemon.service.clean(caller, job_id, dry_run))


def log_of(daemon: WholeDaemon, job_id: int) -> str:
    return asyncio.run(daemon.service.log(ANNA, job_id, LogStream.STDOUT, "")).data_base64


def times_noted(daemon: WholeDaemon, job_id: int) -> int:
    return sum(event.event == CLEANED for event in daemon.store.job_events(job_id))


def test_a_cleaned_job_keeps_its_figures_and_its_log_is_said_to_be_removed() -> None:
    daemon = a_daemon()
    job = an_ended_job(daemon)
    energy = daemon.statement(job.id).energy
    assert cleaned(daemon, job.id) == CleanedView(job.id, len(b"hello"), ())
    assert daemon.statement(job.id).energy == energy
    with pytest.raises(NotFound, match=f"the logs of job {job.id} were removed at 2026-.* UTC"):
        log_of(daemon, job.id)


def test_a_dry_run_changes_nothing() -> None:
    daemon = a_daemon()
    job = an_ended_job(daemon)
    assert cleaned(daemon, job.id, dry_run=True).freed_bytes == len(b"hello")
    assert log_of(daemon, job.id)
    assert times_noted(daemon, job.id) == 0


def test_cleaning_twice_is_noted_once() -> None:
    daemon = a_daemon()
    job = an_ended_job(daemon)
    assert [cleaned(daemon, job.id).freed_bytes for _ in range(2)] == [len(b"hello"), 0]
    assert times_noted(daemon, job.id) == 1


def test_a_job_that_never_started_left_nothing() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, hold=True)
    asyncio.run(daemon.service.cancel(ANNA, job.id))
    assert cleaned(daemon, job.id) == CleanedView(job.id, 0, ())


@pytest.mark.parametrize("caller", [ANNA, ROOT])
def test_a_job_that_has_not_ended_needs_its_files(caller: Caller) -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, run_now=True)
    daemon.pass_time(HOUR / 2)
    with pytest.raises(IllegalTransition, match="clean it once it has ended"):
        cleaned(daemon, job.id, caller)
    assert log_of(daemon, job.id)


def test_only_its_owner_and_root_may_clean_a_job() -> None:
    daemon = a_daemon()
    job = an_ended_job(daemon)
    with pytest.raises(NotPermitted):
        cleaned(daemon, job.id, BOB)
    assert cleaned(daemon, job.id, ROOT).freed_bytes == len(b"hello")


def test_what_the_worker_did_not_remove_is_not_noted_as_removed() -> None:
    daemon = a_daemon()
    job = an_ended_job(daemon)
    daemon.executor.unreachable = True
    with pytest.raises(ExecutorError):
        cleaned(daemon, job.id)
    assert times_noted(daemon, job.id) == 0


def test_files_are_removed_by_themselves_once_they_have_been_kept_as_long_as_set() -> None:
    daemon = a_daemon(keep=30 * DAY)
    job = an_ended_job(daemon)
    daemon.clock.advance(29 * DAY)
    asyncio.run(daemon.cleaner.clean_due())
    assert log_of(daemon, job.id)
    daemon.clock.advance(DAY)
    asyncio.run(daemon.cleaner.clean_due())
    asyncio.run(daemon.cleaner.clean_due())
    assert times_noted(daemon, job.id) == 1


def test_without_a_setting_they_stay() -> None:
    daemon = a_daemon()
    job = an_ended_job(daemon)
    daemon.clock.advance(1000 * DAY)
    asyncio.run(daemon.cleaner.clean_due())
    assert log_of(daemon, job.id)


def test_while_the_worker_is_away_nothing_is_lost_and_the_next_round_removes_them() -> None:
    daemon = a_daemon(keep=DAY)
    job = an_ended_job(daemon)
    daemon.clock.advance(2 * DAY)
    daemon.executor.unreachable = True
    asyncio.run(daemon.cleaner.clean_due())
    assert times_noted(daemon, job.id) == 0
    daemon.executor.unreachable = False
    asyncio.run(daemon.cleaner.clean_due())
    assert times_noted(daemon, job.id) == 1


def test_an_unknown_job_is_said_to_be_unknown() -> None:
    with pytest.raises(CarbonqError, match="there is no job 7"):
        cleaned(a_daemon(), 7)


# --- what a daemon left that was killed
class Killed(BaseException):
    """`kill -9` of the daemon: nothing after it is carried out."""


def killed_once_the_end_is_recorded(daemon: WholeDaemon) -> None:
    change_segment = daemon.store.change_segment

    def last_deed(segment: SegmentId, changes: SegmentChanges) -> Segment:
        after = change_segment(segment, changes)
        if after.state is SegmentState.ENDED:
            daemon.executor.fault = Killed()
        return after

    daemon.store.change_segment = last_deed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        daemon.until_all_ended()
    daemon.store.change_segment = change_segment  # type: ignore[method-assign]
    daemon.executor.fault = None
    daemon.restart()


def leftovers(daemon: WholeDaemon) -> tuple[set[int], tuple[SegmentId, ...]]:
    return set(daemon.spool.environments), daemon.executor.unforgotten()


def test_environment_and_lock_of_a_job_that_ended_as_the_daemon_was_killed_go_at_the_next_start() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, run_now=True)
    waiting = daemon.submit(duration=HOUR, within=24 * HOUR, hold=True)
    killed_once_the_end_is_recorded(daemon)
    assert leftovers(daemon) == ({job.id, waiting.id}, (SegmentId(job.id, 1, 1),))
    asyncio.run(daemon.cleaner.drop_leftovers())
    assert leftovers(daemon) == ({waiting.id}, ())


def test_an_environment_whose_job_is_not_there_is_dropped() -> None:
    """A copy of the database was put back in which it had not been submitted yet."""
    daemon = a_daemon()
    daemon.spool.put(77, {"TOKEN": "secret"})
    asyncio.run(daemon.cleaner.clean_due())
    assert daemon.spool.environments == {}


def test_what_runs_or_waits_keeps_its_environment_and_its_lock() -> None:
    daemon = a_daemon()
    running = daemon.submit(duration=HOUR, run_now=True)
    waiting = daemon.submit(duration=HOUR)
    daemon.pass_time(MINUTE, step=MINUTE)
    asyncio.run(daemon.cleaner.drop_leftovers())
    assert leftovers(daemon) == ({running.id, waiting.id}, (SegmentId(running.id, 1, 1),))
    daemon.until_all_ended()
    assert leftovers(daemon) == (set(), ())


def test_what_cannot_be_dropped_while_the_worker_is_away_is_dropped_the_next_time() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, run_now=True)
    killed_once_the_end_is_recorded(daemon)
    daemon.executor.unreachable = True
    asyncio.run(daemon.cleaner.clean_due())
    assert leftovers(daemon) == (set(), (SegmentId(job.id, 1, 1),))
    daemon.executor.unreachable = False
    asyncio.run(daemon.cleaner.clean_due())
    assert leftovers(daemon) == (set(), ())
