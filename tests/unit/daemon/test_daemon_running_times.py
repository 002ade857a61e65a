"""How long jobs will run, learnt from the store: asked once, and again when a job has ended."""

from __future__ import annotations

from datetime import timedelta

from fakes.clock import NOON
from fakes.queue import ANNA, HOUR, a_job, a_segment, a_spec
from fakes.records import a_draft
from fakes.store import FakeStore

from scheduler.daemon.running_times import RunningTimes
from scheduler.domain.changes import JobChanges
from scheduler.domain.jobs import Owner
from scheduler.domain.lifecycle import JobEvent, JobState, SegmentState
from scheduler.domain.running_time import Learnt


def completed(store: FakeStore, ran: timedelta, estimate: timedelta, owner: Owner = ANNA) -> None:
    job = store.add_job(a_draft(a_spec(duration=estimate), owner))
    store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(attempts=1), JobState.QUEUED)
    store.advance_job(job.id, JobEvent.STARTED, NOON, JobChanges(started_at=NOON), JobState.STARTING)
    store.add_segment(a_segment(job.id, state=SegmentState.ENDED, started_at=NOON, ended_at=NOON + ran))
    store.advance_job(job.id, JobEvent.EXITED_ZERO, NOON, JobChanges(), JobState.RUNNING)


def test_each_user_is_judged_by_their_own_jobs() -> None:
    store = FakeStore()
    for _ in range(9):
        completed(store, 2 * HOUR, HOUR)
    times = RunningTimes(store, HOUR)
    careless, unknown = times.of(a_job()), times.of(a_job(owner=Owner(4242, "bob")))
    assert careless.quantile(0.5) == 4 * HOUR
    assert (unknown.quantile(0.5), unknown.spread.learnt) == (2 * HOUR, Learnt.NOTHING)


def test_a_job_that_has_ended_is_learnt_from_once_the_past_is_forgotten() -> None:
    store = FakeStore()
    times = RunningTimes(store, HOUR)
    assert times.of(a_job()).spread.jobs == 0
    completed(store, HOUR, HOUR)
    assert times.of(a_job()).spread.jobs == 0
    times.forget()
    assert times.of(a_job()).spread.jobs == 1


def test_what_a_job_has_run_is_known_of_it() -> None:
    """Half an hour saved before, an hour since it was started."""
    store = FakeStore()
    draft = store.add_job(a_draft())
    store.add_segment(a_segment(draft.id, state=SegmentState.RUNNING, started_at=NOON))
    running = a_job(draft.id, JobState.RUNNING, work_done=HOUR / 2)
    likely, left = RunningTimes(store, HOUR).at(running, NOON + HOUR)
    assert (likely.ran, left) == (1.5 * HOUR, 0.5 * HOUR)
    assert RunningTimes(store, HOUR).at(a_job(), NOON)[1] == 2 * HOUR
