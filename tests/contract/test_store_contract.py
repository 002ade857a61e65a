"""What every store does, the database and its fake alike: jobs, their steps, their starts and their energy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import NOON
from fakes.queue import ANNA, HOUR, a_spec
from fakes.records import BOB, MINUTE, a_draft, a_segment, a_slice

from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.errors import IllegalTransition, NotFound, StorageError
from scheduler.domain.jobs import Owner
from scheduler.domain.lifecycle import JobEvent, JobState, Reason, SegmentState, StopReason
from scheduler.domain.runs import CompletedRun, SegmentId
from scheduler.domain.units import Power
from scheduler.ports import CLEANED, JobQuery, Store


def test_a_draft_becomes_a_queued_job_with_its_first_event(store: Store) -> None:
    """The number is the store's to give; everything else is as submitted."""
    job = store.add_job(a_draft())
    assert (job.state, job.reason, job.attempts, job.started_at) == (JobState.QUEUED, Reason.NEW, 0, None)
    assert store.job(job.id) == job
    (event,) = store.job_events(job.id)
    assert (event.job, event.at, event.event, event.state) == (job.id, NOON, "submitted", JobState.QUEUED)


def test_an_unknown_job_is_none_to_a_reader_and_not_found_to_a_writer(store: Store) -> None:
    assert store.job(7) is None
    assert store.job_events(7) == store.segments(7) == store.slices(7) == ()
    with pytest.raises(NotFound, match="no job 7"):
        store.change_job(7, NOON, JobChanges(detail="?"))
    with pytest.raises(NotFound, match="no job 7"):
        store.advance_job(7, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)


def test_a_step_sets_state_fields_and_event_together(store: Store) -> None:
    job = store.add_job(a_draft())
    changes = JobChanges(reason=Reason.LAUNCHING, detail="on GPU-0", attempts=1)
    stepped = store.advance_job(job.id, JobEvent.LAUNCH, NOON + HOUR, changes, JobState.QUEUED)
    assert stepped == replace(job, state=JobState.STARTING, reason=Reason.LAUNCHING, detail="on GPU-0", attempts=1)
    assert store.job(job.id) == stepped
    event = store.job_events(job.id)[-1]
    assert (event.at, event.event, event.state) == (NOON + HOUR, "launch", JobState.STARTING)
    assert (event.reason, event.detail) == (Reason.LAUNCHING, "on GPU-0")


def test_a_step_from_another_state_than_expected_is_refused_and_writes_nothing(store: Store) -> None:
    """The guard that makes a second start impossible."""
    job = store.add_job(a_draft())
    store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
    before = store.job(job.id), store.job_events(job.id)
    with pytest.raises(IllegalTransition, match="is starting, not queued"):
        store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(attempts=9), JobState.QUEUED)
    assert (store.job(job.id), store.job_events(job.id)) == before


def test_a_step_that_the_table_does_not_have_is_refused_and_writes_nothing(store: Store) -> None:
    job = store.add_job(a_draft())
    with pytest.raises(IllegalTransition, match="queued job cannot take"):
        store.advance_job(job.id, JobEvent.SUSPENDED, NOON, JobChanges(), JobState.QUEUED)
    assert store.job(job.id) == job


def test_a_change_without_a_step_can_leave_a_note(store: Store) -> None:
    """The deadline and `run_now` belong to the spec, and None is a value."""
    job = store.add_job(a_draft(a_spec(deadline=NOON + HOUR)))
    changed = store.change_job(job.id, NOON, JobChanges(deadline=None, run_now=True, work_done=MINUTE), "update")
    assert changed == replace(job, spec=replace(job.spec, deadline=None, run_now=True), work_done=MINUTE)
    assert store.job(job.id) == changed
    assert [event.event for event in store.job_events(job.id)] == ["submitted", "update"]
    store.change_job(job.id, NOON, JobChanges(detail="quietly"))
    assert len(store.job_events(job.id)) == 2


def test_when_jobs_were_last_noted_is_one_question(store: Store) -> None:
    """The newest by its time, whenever it was written; jobs without such a note, or not asked about, are left out."""
    often, once, never, unasked = (store.add_job(a_draft()).id for _ in range(4))
    for job_id, at in ((often, NOON + 2 * HOUR), (often, NOON + HOUR), (once, NOON), (unasked, NOON)):
        store.change_job(job_id, at, JobChanges(), "looked")
    store.change_job(never, NOON, JobChanges(), "looked elsewhere")
    asked = [often, once, never, 99]
    assert store.last_noted("looked", asked) == {often: NOON + 2 * HOUR, once: NOON}
    assert store.last_noted("never", asked) == store.last_noted("looked", []) == {}


def test_jobs_are_listed_oldest_first_and_a_limit_keeps_the_newest(store: Store) -> None:
    jobs = [store.add_job(a_draft()) for _ in range(4)]
    assert store.jobs(JobQuery()) == tuple(jobs)
    assert store.jobs(JobQuery(limit=2)) == tuple(jobs[2:])
    assert store.jobs(JobQuery(limit=0)) == ()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (JobQuery(ids=(3, 1, 99)), [1, 3]),
        (JobQuery(states=frozenset({JobState.HELD, JobState.LOST})), [2]),
        (JobQuery(uid=1001), [3]),
        (JobQuery(user="anna"), [1, 2]),
        (JobQuery(project="vision"), [1]),
        (JobQuery(zone="GB"), [2]),
        (JobQuery(tag="sweep"), [1, 3]),
        (JobQuery(tag="swee"), []),
        (JobQuery(since=NOON + HOUR), [2, 3]),
        (JobQuery(until=NOON + HOUR), [1]),
        (JobQuery(since=NOON, until=NOON + 2 * HOUR, tag="sweep"), [1]),
    ],
    ids=lambda value: str(value) if isinstance(value, list) else "query",
)
def test_every_field_of_a_query_restricts(store: Store, query: JobQuery, found: list[int]) -> None:
    store.add_job(a_draft(a_spec(project="vision", tags=("sweep", "lr"))))
    held = store.add_job(a_draft(a_spec(zone="GB"), submitted_at=NOON + HOUR))
    store.advance_job(held.id, JobEvent.HOLD, NOON, JobChanges(), JobState.QUEUED)
    store.add_job(a_draft(a_spec(tags=("lr", "sweep")), owner=BOB, submitted_at=NOON + 2 * HOUR))
    assert [job.id for job in store.jobs(query)] == found


def test_a_job_is_found_by_its_owners_idempotency_key_and_there_is_one_under_each(store: Store) -> None:
    """The key of another user is another key; jobs without one are as many as there are."""
    [mine, theirs, *_] = [
        store.add_job(a_draft(a_spec(idempotency_key=key), owner=owner))
        for owner, key in ((ANNA, "night-1"), (BOB, "night-1"), (ANNA, None), (ANNA, None))
    ]
    assert (store.job_under("night-1", ANNA), store.job_under("night-1", BOB)) == (mine, theirs)
    assert store.job_under("night-2", ANNA) is None
    with pytest.raises(StorageError):
        store.add_job(a_draft(a_spec(idempotency_key="night-1")))
    assert len(store.jobs(JobQuery())) == 4


def test_jobs_that_were_cleaned_have_no_files(store: Store) -> None:
    kept, cleaned = store.add_job(a_draft()), store.add_job(a_draft())
    store.change_job(cleaned.id, NOON, JobChanges(), note=CLEANED)
    assert [job.id for job in store.jobs(JobQuery(with_files=True))] == [kept.id]
    assert [job.id for job in store.jobs(JobQuery())] == [kept.id, cleaned.id]


def test_what_happens_in_one_transaction_happens_together_or_not_at_all(store: Store) -> None:
    job = store.add_job(a_draft())
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
        store.add_segment(a_segment(job.id))
        assert store.segments(job.id), "a reader inside the transaction sees what it wrote"
        _ = 1 / 0
    assert (store.job(job.id), store.segments(job.id), len(store.job_events(job.id))) == (job, (), 1)
    with store.transaction():
        store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
        store.add_segment(a_segment(job.id))
    assert len(store.segments(job.id)) == 1


def test_a_transaction_inside_another_is_part_of_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        with store.transaction():
            store.add_job(a_draft())
        _ = 1 / 0
    assert store.jobs(JobQuery()) == ()


def test_a_refused_step_does_not_undo_the_transaction_around_it(store: Store) -> None:
    """Refused is not failed: the caller may catch it and go on."""
    with store.transaction():
        job = store.add_job(a_draft())
        with pytest.raises(IllegalTransition):
            store.advance_job(job.id, JobEvent.STARTED, NOON, JobChanges(), JobState.STARTING)
        store.change_job(job.id, NOON, JobChanges(detail="still here"))
    assert store.jobs(JobQuery())[0].detail == "still here"


def test_segments_of_several_jobs_are_had_at_once_and_jobs_without_any_are_left_out(store: Store) -> None:
    jobs = [store.add_job(a_draft()).id for _ in range(4)]
    for job, number in ((jobs[1], 2), (jobs[0], 1), (jobs[1], 1), (jobs[3], 1)):
        store.add_segment(a_segment(job, number=number))
    wanted = [jobs[1], jobs[0], jobs[2], jobs[0], 99]
    assert store.segments_of(wanted) == {job: store.segments(job) for job in jobs[:2]}
    assert store.segments_of([]) == {}


def test_segments_of_a_job_come_in_order_and_change_in_place(store: Store) -> None:
    job = store.add_job(a_draft())
    for attempt, number in ((2, 1), (1, 2), (1, 1)):
        store.add_segment(a_segment(job.id, attempt, number))
    assert [str(s.id) for s in store.segments(job.id)] == ["1-1-1", "1-1-2", "1-2-1"]
    first = SegmentId(job.id, 1, 1)
    changes = SegmentChanges(
        state=SegmentState.ENDED,
        host="node1",
        started_at=NOON,
        ended_at=NOON + HOUR,
        exit_code=-15,
        stop_reason=StopReason.SUSPEND,
        last_seq=0,
        ran=MINUTE,
    )
    changed = store.change_segment(first, changes)
    assert changed == changes.applied_to(a_segment(job.id))
    assert store.segments(job.id)[0] == changed
    with pytest.raises(NotFound, match="no segment 1-9-9"):
        store.change_segment(SegmentId(job.id, 9, 9), changes)


def test_a_segment_is_never_recorded_twice_nor_without_its_job(store: Store) -> None:
    job = store.add_job(a_draft())
    store.add_segment(a_segment(job.id))
    with pytest.raises(StorageError):
        store.add_segment(a_segment(job.id))
    with pytest.raises(StorageError):
        store.add_segment(a_segment(99))


def test_a_segment_stays_open_until_its_last_slice_is_stored(store: Store) -> None:
    """Energy that is still on its way is waited for, even after the end."""
    job = store.add_job(a_draft())
    segment = a_segment(job.id).id
    store.add_segment(a_segment(job.id))
    store.add_segment(a_segment(job.id, 1, 2, NOON - HOUR))
    assert [str(s.id) for s in store.open_segments()] == ["1-1-2", "1-1-1"]
    store.change_segment(SegmentId(job.id, 1, 2), SegmentChanges(state=SegmentState.NEVER_STARTED))
    store.change_segment(segment, SegmentChanges(state=SegmentState.ENDED, last_seq=2))
    store.add_slices(segment, [a_slice(1)])
    assert [str(s.id) for s in store.open_segments()] == ["1-1-1"]
    store.add_slices(segment, [a_slice(2)])
    assert store.open_segments() == ()


def test_storing_slices_twice_changes_nothing(store: Store) -> None:
    """Told by `seq`: what the agent repeats after a lost answer is not counted twice."""
    job = store.add_job(a_draft())
    store.add_segment(a_segment(job.id))
    segment = a_segment(job.id).id
    assert store.add_slices(segment, []) == 0
    assert store.add_slices(segment, [a_slice(1), a_slice(2)]) == 2
    assert store.add_slices(segment, [a_slice(2, joules=999.0), a_slice(3)]) == 3
    assert store.slices(job.id) == tuple((segment, a_slice(seq)) for seq in (1, 2, 3))
    assert store.segments(job.id)[0].readings_upto == 3
    with pytest.raises(NotFound):
        store.add_slices(SegmentId(job.id, 5, 5), [a_slice(1)])


def test_a_slice_that_comes_late_is_stored_all_the_same(store: Store) -> None:
    job = store.add_job(a_draft())
    store.add_segment(a_segment(job.id))
    segment = a_segment(job.id).id
    assert store.add_slices(segment, [a_slice(3)]) == 3
    assert store.add_slices(segment, [a_slice(2)]) == 3
    assert [s.seq for _, s in store.slices(job.id)] == [2, 3]


def completed(store: Store, *held: timedelta, owner: Owner = ANNA, watts: float = 100.0, **spec: object) -> int:
    """A job that completed after segments of these lengths, each metered in one slice."""
    job = store.add_job(a_draft(a_spec(**spec), owner))
    store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(attempts=1), JobState.QUEUED)
    store.advance_job(job.id, JobEvent.STARTED, NOON, JobChanges(started_at=NOON), JobState.STARTING)
    for number, length in enumerate(held, start=1):
        segment = replace(a_segment(job.id, 1, number), started_at=NOON, ended_at=NOON + length)
        store.add_segment(replace(segment, state=SegmentState.ENDED))
        store.add_slices(segment.id, [a_slice(1, joules=watts * 60)])
    store.advance_job(job.id, JobEvent.EXITED_ZERO, NOON, JobChanges(), JobState.RUNNING)
    return job.id


def test_like_jobs_have_the_same_owner_command_and_width(store: Store) -> None:
    """Newest first; the parts of an interrupted job are added up."""
    completed(store, HOUR)
    completed(store, HOUR, MINUTE, watts=200.0)
    completed(store, 5 * HOUR, owner=BOB)
    completed(store, 6 * HOUR, argv=("python", "other.py"))
    completed(store, 7 * HOUR, gpus=4)
    store.add_job(a_draft())
    assert store.like_durations(a_spec(), ANNA) == (HOUR + MINUTE, HOUR)
    assert store.like_powers(a_spec(), ANNA) == (Power(200.0), Power(100.0))
    assert store.like_durations(a_spec(), ANNA, limit=1) == (HOUR + MINUTE,)
    assert store.like_powers(a_spec(argv=("never",)), ANNA) == ()


def test_completed_runs_are_the_owners_newest_with_what_they_said(store: Store) -> None:
    """Of every command; a job that has not completed, or is another's, is none of them."""
    completed(store, HOUR, MINUTE, duration=2 * HOUR)
    completed(store, 5 * HOUR, owner=BOB)
    completed(store, 3 * HOUR, argv=("python", "other.py"), gpus=4)
    store.add_job(a_draft())
    first = CompletedRun(a_spec().argv, a_spec().gpus, 2 * HOUR, HOUR + MINUTE)
    second = CompletedRun(("python", "other.py"), 4, a_spec().duration, 3 * HOUR)
    assert store.completed_runs(ANNA, 9) == (second, first)
    assert store.completed_runs(ANNA, 1) == (second,)


def test_a_job_ran_as_long_as_was_measured_whatever_the_clock_said(store: Store) -> None:
    """Asleep for most of two hours, it is no job of two hours."""
    completed(store, 2 * HOUR)
    measured = store.segments(1)[-1].id
    before = store.like_durations(a_spec(), ANNA)[0] - store.segments(1)[-1].held
    store.change_segment(measured, SegmentChanges(ran=MINUTE))
    assert store.like_durations(a_spec(), ANNA) == (before + MINUTE,)


def test_of_a_retried_job_only_the_attempt_that_completed_counts_as_its_length(store: Store) -> None:
    job = completed(store, HOUR)
    again = replace(a_segment(job, 2, 1), state=SegmentState.ENDED, started_at=NOON, ended_at=NOON + 2 * HOUR)
    store.add_segment(again)
    assert store.like_durations(a_spec(), ANNA) == (2 * HOUR,)
