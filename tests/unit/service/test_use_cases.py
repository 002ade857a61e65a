"""What users do with their jobs, and what they are told where that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from fakes.clock import NOON
from fakes.queue import HOUR, a_spec
from fakes.records import a_draft, a_segment
from fakes.secrets import FakeSecretSpool
from fakes.store import FakeStore

from scheduler import service
from scheduler.config import QueueSettings
from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.errors import DiskFull, IllegalTransition, NotFound, RequestError
from scheduler.domain.jobs import Basis, Job
from scheduler.domain.lifecycle import JobEvent, JobState, Reason, SegmentState, StopReason

QUEUE = QueueSettings()
STEPS_TO = {
    JobState.QUEUED: [],
    JobState.HELD: [JobEvent.HOLD],
    JobState.STARTING: [JobEvent.LAUNCH],
    JobState.RUNNING: [JobEvent.LAUNCH, JobEvent.STARTED],
    JobState.SUSPENDED: [JobEvent.LAUNCH, JobEvent.STARTED, JobEvent.SUSPENDED],
    JobState.COMPLETED: [JobEvent.LAUNCH, JobEvent.STARTED, JobEvent.EXITED_ZERO],
    JobState.FAILED: [JobEvent.LAUNCH, JobEvent.STARTED, JobEvent.EXITED_NONZERO],
}
ENDED = [JobState.COMPLETED, JobState.FAILED]


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def a_job_in(store: FakeStore, state: JobState, **spec: Any) -> Job:
    job = store.add_job(a_draft(a_spec(**spec)))
    for event in STEPS_TO[state]:
        job = store.advance_job(job.id, event, NOON, JobChanges(), job.state)
    return job


def submitted(
    store: FakeStore, spool: FakeSecretSpool, held: bool = False, limit: int = 10, env: Mapping[str, str] | None = None
) -> Job:
    return service.submit(store, spool, a_draft(), env or {"KEY": "secret"}, held, limit)


# --- submit
def test_a_submitted_job_is_queued_and_its_environment_waits_aside(store: FakeStore) -> None:
    spool = FakeSecretSpool()
    job = submitted(store, spool)
    assert (job.state, job.reason) == (JobState.QUEUED, Reason.NEW)
    assert spool.kept == {job.id: {"KEY": "secret"}}


def test_a_job_submitted_held_waits_for_its_user(store: FakeStore) -> None:
    job = submitted(store, FakeSecretSpool(), held=True)
    assert (job.state, job.reason) == (JobState.HELD, Reason.HELD_BY_USER)


def test_a_full_queue_takes_no_more_and_says_what_to_do(store: FakeStore) -> None:
    spool = FakeSecretSpool()
    submitted(store, spool, limit=1)
    with pytest.raises(RequestError, match=r"the queue holds 1 jobs, its limit; .* queue\.most_queued"):
        submitted(store, spool, limit=1)
    assert list(spool.kept) == [1]


def under_a_key(store: FakeStore, spool: FakeSecretSpool, limit: int = 10, **spec: Any) -> Job:
    draft = a_draft(a_spec(idempotency_key="night-1", **spec))
    return service.submit(store, spool, draft, {"KEY": "secret"}, False, limit)


def test_a_second_submission_under_one_key_is_the_first_job_even_where_the_queue_is_full(store: FakeStore) -> None:
    """And whatever became of the job meanwhile."""
    spool = FakeSecretSpool()
    first = under_a_key(store, spool, limit=1)
    assert under_a_key(store, spool, limit=1) == first
    cancelled = service.cancel(store, first.id, NOON)
    assert under_a_key(store, spool) == cancelled
    assert list(spool.kept) == [first.id]


@pytest.mark.parametrize("other", [{"argv": ("python", "other.py")}, {"workdir": "/elsewhere"}])
def test_a_key_that_stands_for_another_command_is_refused_and_the_job_named(
    store: FakeStore, other: dict[str, Any]
) -> None:
    spool = FakeSecretSpool()
    under_a_key(store, spool)
    with pytest.raises(RequestError, match=r"idempotency_key: 'night-1' stands for job 1, .*key of its own"):
        under_a_key(store, spool, **other)
    assert list(spool.kept) == [1]


def test_jobs_that_run_or_have_ended_are_not_in_the_queue(store: FakeStore) -> None:
    a_job_in(store, JobState.RUNNING)
    a_job_in(store, JobState.COMPLETED)
    assert submitted(store, FakeSecretSpool(), limit=1).id == 3


class FullSpool(FakeSecretSpool):
    def put(self, job_id: int, env: Mapping[str, str]) -> None:
        raise DiskFull("the disk is full; make room there")


def test_a_job_whose_environment_cannot_be_kept_is_not_recorded(store: FakeStore) -> None:
    with pytest.raises(DiskFull):
        submitted(store, FullSpool())
    assert store.job(1) is None


def test_an_environment_whose_job_cannot_be_recorded_is_not_kept(store: FakeStore) -> None:
    """The disk fills up between the two."""

    class FillingSpool(FakeSecretSpool):
        def put(self, job_id: int, env: Mapping[str, str]) -> None:
            super().put(job_id, env)
            store.failing_with = DiskFull("the disk is full; make room there")

    spool = FillingSpool()
    with pytest.raises(DiskFull):
        submitted(store, spool, held=True)
    assert spool.kept == {}
    assert store.job(1) is None


# --- cancel
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.HELD, JobState.SUSPENDED])
def test_a_job_that_waits_is_cancelled_at_once(store: FakeStore, state: JobState) -> None:
    job = service.cancel(store, a_job_in(store, state).id, NOON + HOUR)
    assert (job.state, job.reason, job.ended_at) == (
        JobState.CANCELLED,
        Reason.CANCELLED_BY_USER,
        NOON + HOUR,
    )


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING])
def test_a_job_that_runs_is_asked_to_stop_and_asked_once(store: FakeStore, state: JobState) -> None:
    job = service.cancel(store, a_job_in(store, state).id, NOON)
    assert (job.state, job.reason, job.stop_requested) == (state, Reason.CANCELLING, StopReason.CANCEL)
    before = store.job_events(job.id)
    assert service.cancel(store, job.id, NOON + HOUR) == job
    assert store.job_events(job.id) == before


def test_a_job_that_is_being_suspended_can_still_be_cancelled(store: FakeStore) -> None:
    job = a_job_in(store, JobState.RUNNING)
    store.change_job(job.id, NOON, JobChanges(stop_requested=StopReason.SUSPEND))
    assert service.cancel(store, job.id, NOON).stop_requested == StopReason.CANCEL


@pytest.mark.parametrize("state", ENDED)
def test_an_ended_job_cannot_be_cancelled(store: FakeStore, state: JobState) -> None:
    with pytest.raises(IllegalTransition, match=rf"job 1 has already ended \({state}\); there is nothing to cancel"):
        service.cancel(store, a_job_in(store, state).id, NOON)


# --- hold and release
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SUSPENDED])
def test_a_job_that_waits_can_be_held_and_let_go(store: FakeStore, state: JobState) -> None:
    held = service.hold(store, a_job_in(store, state).id, NOON)
    assert (held.state, held.reason) == (JobState.HELD, Reason.HELD_BY_USER)
    released = service.release(store, held.id, NOON, QUEUE)
    assert (released.state, released.reason) == (JobState.QUEUED, Reason.NEW)


def test_holding_twice_changes_nothing(store: FakeStore) -> None:
    job = a_job_in(store, JobState.HELD)
    assert service.hold(store, job.id, NOON + HOUR) == job


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING, *ENDED])
def test_only_a_job_that_waits_can_be_held(store: FakeStore, state: JobState) -> None:
    with pytest.raises(IllegalTransition, match=rf"job 1 is {state}; only a waiting job can be held"):
        service.hold(store, a_job_in(store, state).id, NOON)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.SUSPENDED, *ENDED])
def test_only_a_held_job_can_be_released(store: FakeStore, state: JobState) -> None:
    with pytest.raises(IllegalTransition, match=rf"job 1 is {state}, not held; there is nothing to release"):
        service.release(store, a_job_in(store, state).id, NOON, QUEUE)


def test_a_released_job_waits_as_long_as_a_new_one(store: FakeStore) -> None:
    """A week in the hold must not make it a job that is late."""
    job = a_job_in(store, JobState.HELD)
    week = NOON + timedelta(days=7)
    assert service.release(store, job.id, week, QUEUE).finish_by == week + QUEUE.longest_wait + job.remaining


def test_a_released_job_keeps_its_deadline(store: FakeStore) -> None:
    job = a_job_in(store, JobState.HELD, deadline=NOON + 9 * HOUR)
    assert service.release(store, job.id, NOON + HOUR, QUEUE).finish_by == NOON + 9 * HOUR


# --- run now
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SUSPENDED])
def test_a_job_that_waits_can_be_told_to_wait_no_longer(store: FakeStore, state: JobState) -> None:
    job = service.run_now(store, a_job_in(store, state).id, NOON)
    assert job.spec.run_now and job.state is state
    assert store.job_events(job.id)[-1].event == "run-now-requested"


def test_a_held_job_is_released_before_it_can_run_now(store: FakeStore) -> None:
    with pytest.raises(IllegalTransition, match="job 1 is held; release it first with `carbonq release 1`"):
        service.run_now(store, a_job_in(store, JobState.HELD).id, NOON)


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING, *ENDED])
def test_only_a_job_that_waits_can_be_told_to_run_now(store: FakeStore, state: JobState) -> None:
    with pytest.raises(IllegalTransition, match=rf"job 1 is {state}; only a waiting job can be told to run now"):
        service.run_now(store, a_job_in(store, state).id, NOON)


# --- the deadline
def test_a_deadline_can_be_moved_and_taken_away(store: FakeStore) -> None:
    job = service.update_deadline(store, a_job_in(store, JobState.QUEUED).id, NOON + 9 * HOUR, NOON, QUEUE)
    assert (job.spec.deadline, job.finish_by) == (NOON + 9 * HOUR, NOON + 9 * HOUR)
    freed = service.update_deadline(store, job.id, None, NOON, QUEUE)
    assert (freed.spec.deadline, freed.finish_by) == (None, NOON + QUEUE.longest_wait + freed.remaining)


def test_a_job_that_has_waited_its_longest_and_loses_its_deadline_is_to_start_at_once(store: FakeStore) -> None:
    later = NOON + 3 * QUEUE.longest_wait
    job = service.update_deadline(store, a_job_in(store, JobState.QUEUED).id, None, later, QUEUE)
    assert job.finish_by == later + job.remaining


@pytest.mark.parametrize("state", ENDED)
def test_the_deadline_of_an_ended_job_stays(store: FakeStore, state: JobState) -> None:
    with pytest.raises(IllegalTransition, match=rf"job 1 has ended \({state}\); its deadline can no longer be moved"):
        service.update_deadline(store, a_job_in(store, state).id, NOON + HOUR, NOON, QUEUE)


def test_a_deadline_cannot_be_moved_into_the_past(store: FakeStore) -> None:
    with pytest.raises(RequestError, match="the deadline passed 1 h ago"):
        service.update_deadline(store, a_job_in(store, JobState.QUEUED).id, NOON - HOUR, NOON, QUEUE)


def estimated(store: FakeStore, hours: float, basis: Basis = Basis.USER) -> Job:
    """A queued job that is expected to run so long."""
    draft = a_draft()
    fields = {name: getattr(draft, name) for name in draft.__slots__}
    return store.add_job(type(draft)(**{**fields, "expected_duration": hours * HOUR, "duration_basis": basis}))


def test_a_deadline_cannot_be_moved_nearer_than_the_run_is_long(store: FakeStore) -> None:
    with pytest.raises(RequestError, match="1 h away, but it is expected to run for 3 h"):
        service.update_deadline(store, estimated(store, hours=3).id, NOON + HOUR, NOON, QUEUE)


def test_an_assumed_running_time_bends_to_a_moved_deadline_and_back(store: FakeStore) -> None:
    """Nobody said that the job takes four hours, so nobody is refused for it."""
    job = estimated(store, hours=4, basis=Basis.ASSUMED)
    nearer = service.update_deadline(store, job.id, NOON + HOUR, NOON, QUEUE)
    assert nearer.expected_duration < HOUR
    farther = service.update_deadline(store, job.id, NOON + 9 * HOUR, NOON, QUEUE)
    assert farther.expected_duration == 4 * HOUR
    assert service.update_deadline(store, job.id, None, NOON, QUEUE).expected_duration == 4 * HOUR


def test_what_a_run_has_done_counts_when_its_deadline_is_moved(store: FakeStore) -> None:
    """After two of three hours the deadline may be an hour and a bit away."""
    job = estimated(store, hours=3)
    store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
    store.advance_job(job.id, JobEvent.STARTED, NOON, JobChanges(), JobState.STARTING)
    segment = a_segment(job.id)
    store.add_segment(segment)
    store.change_segment(segment.id, SegmentChanges(state=SegmentState.RUNNING, started_at=NOON))
    moved = service.update_deadline(store, job.id, NOON + 3.2 * HOUR, NOON + 2 * HOUR, QUEUE)
    assert moved.spec.deadline == NOON + 3.2 * HOUR


@pytest.mark.parametrize(
    "change",
    [
        lambda store: service.cancel(store, 7, NOON),
        lambda store: service.hold(store, 7, NOON),
        lambda store: service.release(store, 7, NOON, QUEUE),
        lambda store: service.run_now(store, 7, NOON),
        lambda store: service.update_deadline(store, 7, None, NOON, QUEUE),
    ],
    ids=["cancel", "hold", "release", "run-now", "update"],
)
def test_a_job_that_is_not_there_is_named(store: FakeStore, change: Any) -> None:
    with pytest.raises(NotFound, match="there is no job 7; `carbonq list --all` shows those there are"):
        change(store)


def test_a_dry_run_shows_the_job_as_it_would_be_recorded(store: FakeStore) -> None:
    draft = a_draft()
    assert draft.as_job(1) == store.add_job(draft)
