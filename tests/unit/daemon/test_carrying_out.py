"""Lock, commit, send; and that nothing a user does in between is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.clock import NOON, FakeClock
from fakes.executor import FakeExecutor, Outcome
from fakes.queue import HOUR, a_spec
from fakes.records import a_draft
from fakes.secrets import FakeSecretSpool
from fakes.store import FakeStore
from fakes.whole_daemon import InlineWriter

from scheduler import protocol, service
from scheduler.config import Settings
from scheduler.daemon.carrying_out import carry_out, start_order
from scheduler.daemon.live import Live
from scheduler.daemon.parts import Parts
from scheduler.daemon.start_failures import StartFailures
from scheduler.dispatch.reconcile import CancelDependant, StartSegment, StopSegment, next_segment
from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.errors import DiskFull, ExecutorError
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobEvent, JobState, Reason, SegmentState, StopReason
from scheduler.domain.runs import SegmentId
from scheduler.paths import Paths

SECOND = timedelta(seconds=1)
SEGMENT = SegmentId(1, 1, 1)


@dataclass(slots=True)
class WatchedExecutor(FakeExecutor):
    """Knows which locks it lent; `before_start` happens when the order arrives."""

    lent: list[int] = field(default_factory=list)
    before_start: Callable[[], None] | None = None

    def lock(self, segment: SegmentId) -> int:
        self.lent.append(FakeExecutor.lock(self, segment))
        return self.lent[-1]

    async def start(self, order: protocol.StartOrder, lock: int) -> None:
        if self.before_start is not None:
            self.before_start()
        await FakeExecutor.start(self, order, lock)


@dataclass
class Desk:
    """The parts around one instruction, and one job that waits."""

    clock: FakeClock = field(default_factory=FakeClock)
    store: FakeStore = field(default_factory=FakeStore)
    spool: FakeSecretSpool = field(default_factory=FakeSecretSpool)
    failures: StartFailures = field(default_factory=StartFailures)

    def __post_init__(self) -> None:
        self.executor = WatchedExecutor(self.clock, {1: [Outcome(lasts=HOUR)]})
        nowhere = Path("/nonexistent")
        paths, live = Paths(nowhere, nowhere, nowhere), Live(NOON)
        self.parts = Parts(
            Settings(), paths, self.clock, self.store, self.spool, InlineWriter(), self.executor, live,
            paths.settings_file,
        )  # fmt: skip
        service.submit(self.store, self.spool, a_draft(), {"KEY": "secret"}, held=False, limit=9)

    def job(self) -> Job:
        job = self.store.job(1)
        assert job is not None
        return job

    def start(self) -> bool:
        return self.do(StartSegment(1, ("GPU-0",)))

    def do(self, instruction: StartSegment | StopSegment | CancelDependant, job: Job | None = None) -> bool:
        """As the dispatcher does it, with the job as it was when the instruction was made."""
        known = {1: job or self.job()}
        return asyncio.run(carry_out(self.parts, instruction, known, self.failures))

    def running(self) -> None:
        assert self.start()
        self.store.advance_job(1, JobEvent.STARTED, NOON, JobChanges(), JobState.STARTING)
        self.store.change_segment(SEGMENT, SegmentChanges(state=SegmentState.RUNNING, started_at=NOON))


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    asyncio.run(desk.executor.close())


def our_copy_is_closed(desk: Desk) -> bool:
    """Every descriptor that was lent has been given back."""
    assert desk.executor.lent
    for descriptor in desk.executor.lent:
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        return False
    return True


# --- starting
def test_a_start_is_recorded_before_it_is_ordered_and_our_copy_of_its_lock_is_closed(desk: Desk) -> None:
    """From then on the lock is the supervisor's alone."""
    seen: list[tuple[JobState, SegmentState]] = []
    desk.executor.before_start = lambda: seen.append((desk.job().state, desk.store.segments(1)[0].state))
    assert desk.start() is True
    assert seen == [(JobState.STARTING, SegmentState.STARTING)]
    assert our_copy_is_closed(desk) and not desk.executor.lock_is_free(SEGMENT)
    assert desk.executor.orders[0].spec.env == {"KEY": "secret"}
    assert desk.executor.orders[0].run_as_uid == 1000


def test_a_refused_start_closes_its_lock_and_is_tried_later_each_time(desk: Desk) -> None:
    desk.executor.unreachable = True
    assert desk.start() is False
    assert our_copy_is_closed(desk) and desk.executor.lock_is_free(SEGMENT)
    assert desk.failures.resting(NOON + 1.9 * SECOND) == {1}
    assert desk.failures.resting(NOON + 2 * SECOND) == frozenset()
    told = "its last start came to nothing: the worker agent cannot be reached; the daemon starts it again; "
    assert desk.job().detail == f"{told}it is tried again within 2.0 s"


def test_a_start_that_fails_as_nobody_foresaw_rests_like_a_refused_one(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.executor.fault = ZeroDivisionError("once and always")
    assert desk.start() is False
    assert our_copy_is_closed(desk) and desk.failures.resting(NOON) == {1}
    told = next(record for record in caplog.records if record.getMessage() == "start failed")
    assert (told.levelname, vars(told)["segment"]) == ("ERROR", "1-1-1") and told.exc_info
    assert "in an unforeseen way (ZeroDivisionError), its log" in (desk.job().detail or "")


def test_a_lock_that_cannot_be_made_is_a_refused_start_and_records_nothing(desk: Desk) -> None:
    desk.executor.unreadable_locks = True
    assert desk.start() is False
    assert desk.failures.resting(NOON) == {1}
    assert desk.job().state is JobState.QUEUED and desk.store.segments(1) == ()


def test_a_start_that_cannot_be_recorded_is_not_ordered_and_closes_its_lock(desk: Desk) -> None:
    desk.store.failing_with = DiskFull("full")
    with pytest.raises(DiskFull):
        desk.start()
    assert desk.executor.orders == [] and our_copy_is_closed(desk)
    assert desk.executor.lock_is_free(SEGMENT)


@pytest.mark.parametrize("meanwhile", [service.cancel, service.hold], ids=["cancelled", "held"])
def test_what_its_user_did_meanwhile_wins_over_a_start(desk: Desk, meanwhile: Callable[..., Job]) -> None:
    """The instruction was made for a job that was queued then."""
    as_it_was = desk.job()
    after = meanwhile(desk.store, 1, NOON)
    assert desk.do(StartSegment(1, ("GPU-0",)), as_it_was) is False
    assert desk.job() == after and desk.store.segments(1) == ()
    assert desk.executor.orders == [] and our_copy_is_closed(desk)


def _cancel(desk: Desk) -> None:
    service.cancel(desk.store, 1, NOON)


def test_a_cancel_between_commit_and_order_is_kept_for_the_next_look(desk: Desk) -> None:
    desk.executor.before_start = lambda: _cancel(desk)
    assert desk.start() is True
    assert (desk.job().state, desk.job().stop_requested) == (JobState.STARTING, StopReason.CANCEL)


def test_a_job_without_its_environment_is_ended_with_the_way_out(desk: Desk) -> None:
    desk.spool.kept.clear()
    assert desk.start() is True
    job = desk.job()
    assert (job.state, job.reason, job.ended_at) == (JobState.CANCELLED, Reason.COULD_NOT_START, NOON)
    assert job.detail is not None and "submit it again" in job.detail
    assert desk.executor.lent == []


def test_a_job_cancelled_with_its_environment_meanwhile_stays_cancelled_by_its_user(desk: Desk) -> None:
    as_it_was = desk.job()
    service.cancel(desk.store, 1, NOON)
    desk.spool.drop(1)
    assert desk.do(StartSegment(1, ("GPU-0",)), as_it_was) is False
    assert desk.job().reason is Reason.CANCELLED_BY_USER


# --- stopping
def test_the_reason_of_a_stop_is_written_down_before_the_worker_is_asked(desk: Desk) -> None:
    desk.running()
    desk.executor.unreachable = True
    assert desk.do(StopSegment(SEGMENT, StopReason.SUSPEND)) is False
    assert (desk.job().stop_requested, desk.job().reason) == (StopReason.SUSPEND, Reason.SUSPENDING)
    assert desk.store.segments(1)[0].stop_reason is None
    desk.executor.unreachable = False
    assert desk.do(StopSegment(SEGMENT, StopReason.SUSPEND)) is True
    assert desk.store.segments(1)[0].stop_reason is StopReason.SUSPEND
    assert [event.event for event in desk.store.job_events(1)].count("suspend-requested") == 1


def test_a_cancel_that_came_after_the_plan_is_not_turned_into_a_suspension(desk: Desk) -> None:
    """The next look stops the job for good."""
    desk.running()
    as_it_was = desk.job()
    service.cancel(desk.store, 1, NOON)
    assert desk.do(StopSegment(SEGMENT, StopReason.SUSPEND), as_it_was) is False
    assert (desk.job().stop_requested, desk.job().reason) == (StopReason.CANCEL, Reason.CANCELLING)
    assert desk.executor.stops == []


def test_a_job_that_has_ended_meanwhile_is_not_stopped(desk: Desk) -> None:
    desk.running()
    as_it_was = desk.job()
    desk.store.advance_job(1, JobEvent.EXITED_ZERO, NOON, JobChanges(), JobState.RUNNING)
    assert desk.do(StopSegment(SEGMENT, StopReason.SUSPEND), as_it_was) is False
    assert desk.job().stop_requested is None


# --- falling with another
def test_a_dependant_falls_with_its_reason_and_its_environment_goes(desk: Desk) -> None:
    assert desk.do(CancelDependant(1, before=7)) is True
    job = desk.job()
    assert (job.state, job.reason) == (JobState.CANCELLED, Reason.DEPENDENCY_FAILED)
    assert job.detail == "job 7, which it comes after, did not complete"
    assert desk.spool.kept == {}


def test_a_dependant_that_its_user_cancelled_first_stays_as_it_is(desk: Desk) -> None:
    as_it_was = desk.job()
    service.cancel(desk.store, 1, NOON)
    assert desk.do(CancelDependant(1, before=7), as_it_was) is False
    assert desk.job().reason is Reason.CANCELLED_BY_USER


# --- the order
def test_what_is_left_of_the_time_limit_is_what_earlier_starts_did_not_use(desk: Desk) -> None:
    desk.running()
    desk.store.change_segment(SEGMENT, SegmentChanges(state=SegmentState.ENDED, ended_at=NOON + HOUR))
    past = desk.store.segments(1)
    for limit, left_s in ((3 * HOUR, 7200.0), (HOUR, 1.0)):
        job = Job(**{**_fields(desk.job()), "spec": a_spec(time_limit=limit)})
        order = start_order(desk.parts, job, next_segment(job, past, (), NOON), past, {})
        assert order.spec.time_limit_s == left_s


def test_time_in_which_the_machine_slept_is_not_taken_off_the_limit(desk: Desk) -> None:
    desk.running()
    changes = SegmentChanges(state=SegmentState.ENDED, ended_at=NOON + 9 * HOUR, ran=HOUR / 2)
    desk.store.change_segment(SEGMENT, changes)
    past = desk.store.segments(1)
    job = Job(**{**_fields(desk.job()), "spec": a_spec(time_limit=HOUR)})
    assert start_order(desk.parts, job, next_segment(job, past, (), NOON), past, {}).spec.time_limit_s == 1800


def _fields(job: Job) -> dict[str, object]:
    return {name: getattr(job, name) for name in job.__slots__}


def test_a_held_lock_is_no_start(desk: Desk) -> None:
    """Someone is alive there: the worst that could be done is to start a second."""
    descriptor = FakeExecutor.lock(desk.executor, SEGMENT)
    try:
        with pytest.raises(ExecutorError):
            desk.executor.lock(SEGMENT)
        assert desk.start() is False
        assert desk.job().state is JobState.QUEUED
    finally:
        os.close(descriptor)
