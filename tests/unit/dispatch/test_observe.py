"""What is concluded of a segment, from its lock and from what lies on disk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fakes.clock import NOON
from fakes.queue import a_job, a_segment, a_spec
from hypothesis import given
from hypothesis import strategies as st

from scheduler.dispatch.observe import Observation, observe
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobEvent, JobState, Reason, SegmentState, StopReason, advance
from scheduler.domain.runs import Segment
from scheduler.protocol import EXIT_SUSPENDED, ExitRecord, RunRecord, SegmentReport, SlicePart, SliceRecord

T0 = NOON.timestamp()
LATER = NOON + timedelta(hours=2)
RUN = RunRecord("1-1-1", 77, "boot", "host", T0)


def an_exit(code: int | None = 0, **fields: Any) -> ExitRecord:
    """An hour's run."""
    return ExitRecord(**{"segment": "1-1-1", "started_t": T0, "ended_t": T0 + 3600, "code": code, **fields})


def a_slice(seq: int) -> SliceRecord:
    start = T0 + 60 * seq
    return SliceRecord(seq, start, start + 60, [SlicePart("gpu", "GPU-0", 18_000.0, "nvml-counter")])


def a_report(
    run: RunRecord | None = RUN, exit_record: ExitRecord | None = None, slices: list[SliceRecord] | None = None
) -> SegmentReport:
    return SegmentReport("1-1-1", run, exit_record, slices or [])


def a_running_job(**fields: Any) -> Job:
    return a_job(state=JobState.RUNNING, **{"attempts": 1, "started_at": NOON, **fields})


def a_running_segment(**fields: Any) -> Segment:
    return a_segment(state=SegmentState.RUNNING, **{"started_at": NOON, **fields})


def end_of(job: Job, record: ExitRecord) -> tuple[JobState, Job]:
    """State and fields of a running job once its exit.json is judged."""
    seen = observe(job, a_running_segment(), True, a_report(exit_record=record), LATER)
    return written(job, seen)


def written(job: Job, seen: Observation) -> tuple[JobState, Job]:
    state = job.state
    for step in seen.steps:
        state, job = advance(state, step.event), step.changes.applied_to(job)
    return state, job


def test_without_a_report_nothing_is_concluded() -> None:
    """An agent that is down says nothing about the runs, even when a lock is free."""
    assert not observe(a_running_job(), a_running_segment(), True, None, LATER)


def test_a_held_lock_means_alive_whatever_else_is_on_disk() -> None:
    """The supervisor writes exit.json just before it goes; until the lock is free it is left alone."""
    seen = observe(a_running_job(), a_running_segment(), False, a_report(exit_record=an_exit()), LATER)
    assert not seen


def test_a_job_runs_once_run_json_is_there() -> None:
    """The first sight of run.json counts the attempt and keeps the moment of the start."""
    job = a_job(state=JobState.STARTING)
    seen = observe(job, a_segment(), False, a_report(), LATER)
    state, after = written(job, seen)
    assert state is JobState.RUNNING
    assert (after.attempts, after.started_at, after.reason) == (1, NOON, Reason.EXECUTING)
    assert seen.segment and seen.segment.applied_to(a_segment()).state is SegmentState.RUNNING


def test_a_resumed_job_keeps_its_first_start_and_its_attempt() -> None:
    """The second segment of a run is no new run."""
    job = a_job(state=JobState.STARTING, attempts=1, started_at=NOON - timedelta(hours=5))
    seen = observe(job, a_segment(number=2), False, a_report(), LATER)
    _, after = written(job, seen)
    assert (after.attempts, after.started_at) == (1, NOON - timedelta(hours=5))


def test_a_run_that_ended_before_it_was_seen_starts_and_ends_in_one_go() -> None:
    """A job of half a second is COMPLETED with both steps in its history."""
    job = a_job(state=JobState.STARTING)
    seen = observe(job, a_segment(), True, a_report(exit_record=an_exit()), LATER)
    assert [step.event for step in seen.steps] == [JobEvent.STARTED, JobEvent.EXITED_ZERO]
    assert seen.concluded


def test_run_json_alone_with_a_free_lock_is_lost_and_not_run_again() -> None:
    """Nobody knows how it ended, so it is said so and left."""
    job = a_running_job()
    state, after = written(job, observe(job, a_running_segment(), True, a_report(), LATER))
    assert (state, after.reason) == (JobState.LOST, Reason.WORKER_LOST)


@pytest.mark.parametrize("run", [RUN, None], ids=["its run.json", "its row alone"])
def test_a_lost_run_ended_with_its_last_sign_of_life_whenever_that_is_noticed(run: RunRecord | None) -> None:
    """The daemon may have been away for days: that time counts neither as run nor toward a limit."""
    job, segment, metered = a_running_job(), a_running_segment(), NOON + timedelta(minutes=7)
    for metered_until, ended_at in ((metered, metered), (None, NOON), (NOON - timedelta(hours=1), NOON)):
        seen = observe(job, segment, True, a_report(run=run), LATER, metered_until=metered_until)
        _, after = written(job, seen)
        assert seen.segment is not None and seen.segment.applied_to(segment).held == ended_at - NOON
        assert after.ended_at == ended_at


def test_a_lost_run_is_tried_again_where_the_user_allowed_it() -> None:
    """Attempt 1 of 2 goes back to the queue; attempt 2 is lost."""
    spec = a_spec(retries=1)
    first, second = a_running_job(spec=spec), a_running_job(spec=spec, attempts=2)
    assert written(first, observe(first, a_running_segment(), True, a_report(), LATER))[0] is JobState.QUEUED
    assert written(second, observe(second, a_running_segment(), True, a_report(), LATER))[0] is JobState.LOST


def test_neither_file_with_a_free_lock_never_started_and_goes_back_to_the_queue() -> None:
    """No run was begun, so no attempt is counted."""
    job = a_job(state=JobState.STARTING)
    seen = observe(job, a_segment(), True, a_report(run=None), LATER)
    state, after = written(job, seen)
    assert (state, after.attempts, after.reason) == (JobState.QUEUED, 0, Reason.NEVER_STARTED)
    assert seen.segment and seen.segment.state is SegmentState.NEVER_STARTED


def test_a_run_whose_directory_vanished_is_lost_not_queued_again() -> None:
    """It was seen running; a swept directory must not make it run twice."""
    job = a_running_job()
    state, _ = written(job, observe(job, a_running_segment(), True, a_report(run=None), LATER))
    assert state is JobState.LOST


def test_a_job_cancelled_before_it_started_is_cancelled() -> None:
    """Back in the queue it would be started again against the user's word."""
    job = a_job(state=JobState.STARTING, stop_requested="cancel")
    state, _ = written(job, observe(job, a_segment(), True, a_report(run=None), LATER))
    assert state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("record", "state", "reason", "exit_code"),
    [
        (an_exit(0), JobState.COMPLETED, Reason.EXITED_ZERO, 0),
        (an_exit(3), JobState.FAILED, Reason.EXITED_NONZERO, 3),
        (an_exit(-9), JobState.FAILED, Reason.SIGNALLED, 137),
        (an_exit(-15, stop_reason="cancel"), JobState.CANCELLED, Reason.CANCELLED_BY_USER, 143),
        (an_exit(-15, stop_reason="time-limit"), JobState.TIMEOUT, Reason.TIME_LIMIT, 143),
        (an_exit(0, stop_reason="suspend", finished=True), JobState.COMPLETED, Reason.EXITED_ZERO, 0),
        (an_exit(None, spawn_error="no such file: train"), JobState.FAILED, Reason.COULD_NOT_START, 127),
        (an_exit(0, stop_reason="suspend"), JobState.SUSPENDED, Reason.CARBON_WINDOW, None),
    ],
)
def test_what_an_exit_means(record: ExitRecord, state: JobState, reason: Reason, exit_code: int | None) -> None:
    """Each row of the table in docs/architecture.md, with the code as the shell would say it."""
    after_state, after = end_of(a_running_job(), record)
    assert (after_state, after.reason, after.exit_code) == (state, reason, exit_code)


def test_a_command_that_could_not_be_executed_is_no_attempt() -> None:
    """Nothing ran: the job fails with the reason, and is not tried again."""
    job = a_job(state=JobState.STARTING, spec=a_spec(retries=3))
    record = an_exit(None, spawn_error="no such file: train")
    state, after = written(job, observe(job, a_segment(), True, a_report(exit_record=record), LATER))
    assert (state, after.attempts, after.detail) == (JobState.FAILED, 0, "no such file: train")


def test_a_failure_is_tried_again_while_attempts_are_left() -> None:
    """With one retry the first failure queues the job and says which attempt failed, and how."""
    state, after = end_of(a_running_job(spec=a_spec(retries=1)), an_exit(2))
    assert (state, after.reason, after.detail) == (JobState.QUEUED, Reason.RETRY, "attempt 1 failed: exit code 2")


def test_a_cancelled_job_is_not_tried_again() -> None:
    """The user's cancel beats the retries, also when the process failed before the signal came."""
    state, _ = end_of(a_running_job(spec=a_spec(retries=5), stop_requested="cancel"), an_exit(1))
    assert state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("spec", "record"),
    [
        (a_spec(), an_exit(0, stop_reason="suspend", checkpoint_step=400)),
        (a_spec(checkpoint_signal="SIGUSR1"), an_exit(-15, stop_reason="suspend")),
    ],
)
def test_work_that_reached_a_checkpoint_counts(spec: Any, record: ExitRecord) -> None:
    """An hour run and saved is an hour less to do."""
    job = a_running_job(spec=spec, work_done=timedelta(minutes=30), stop_requested="suspend")
    state, after = end_of(job, record)
    assert (state, after.work_done, after.stop_requested) == (JobState.SUSPENDED, timedelta(minutes=90), None)


def test_time_in_which_the_machine_slept_is_neither_work_nor_running_time() -> None:
    """The clock went on for an hour, the process for eight seconds."""
    record = an_exit(-15, stop_reason="suspend", checkpoint_step=4, ended_t=T0 + 3608, ran_s=8.0)
    job, segment = a_running_job(stop_requested="suspend"), a_running_segment()
    seen = observe(job, segment, True, a_report(exit_record=record), LATER)
    assert written(job, seen)[1].work_done == timedelta(seconds=8)
    after = seen.segment.applied_to(segment) if seen.segment else segment
    assert (after.held, after.ended_at) == (timedelta(seconds=8), NOON + timedelta(seconds=3608))


def test_work_without_a_checkpoint_is_lost() -> None:
    """The next segment starts where the last checkpoint was."""
    _, after = end_of(a_running_job(work_done=timedelta(minutes=30)), an_exit(-15, stop_reason="suspend"))
    assert after.work_done == timedelta(minutes=30)


def test_exit_code_99_asks_to_be_run_again_in_the_same_run() -> None:
    """The segment is marked suspended, so that the next one belongs to the same attempt."""
    job = a_running_job()
    seen = observe(job, a_running_segment(), True, a_report(exit_record=an_exit(EXIT_SUSPENDED)), LATER)
    state, after = written(job, seen)
    assert (state, after.work_done) == (JobState.SUSPENDED, timedelta(hours=1))
    assert seen.segment and seen.segment.stop_reason is StopReason.SUSPEND


def test_exit_code_99_at_once_is_a_failure() -> None:
    """A job that asks to be run again after a second would ask for ever."""
    state, after = end_of(a_running_job(), an_exit(EXIT_SUSPENDED, ended_t=T0 + 1))
    assert (state, after.exit_code) == (JobState.FAILED, EXIT_SUSPENDED)


def test_exit_code_99_at_once_is_a_suspension_where_the_machine_asked_for_it() -> None:
    """It saved in good order as the machine went down, however short its run was."""
    state, after = end_of(a_running_job(), an_exit(EXIT_SUSPENDED, ended_t=T0 + 4, asked_by_machine=True))
    assert (state, after.reason, after.work_done) == (JobState.SUSPENDED, Reason.RETRY, timedelta(seconds=4))
    assert after.detail == "the machine went down, and it wrote its checkpoint (exit code 99)"


def test_the_end_waits_for_the_last_energy_slice() -> None:
    """With 3 slices in the journal and 2 in the report, only energy is written; then the end comes with the third."""
    job, segment = a_running_job(), a_running_segment()
    record = an_exit(last_seq=3)
    first = observe(job, segment, True, a_report(exit_record=record, slices=[a_slice(1), a_slice(2)]), LATER)
    assert (len(first.slices), first.steps, first.concluded) == (2, (), False)
    rest = a_report(exit_record=record, slices=[a_slice(2), a_slice(3)])
    then = observe(job, a_running_segment(readings_upto=2), True, rest, LATER)
    assert [s.seq for s in then.slices] == [3]
    assert then.concluded and then.segment and then.segment.last_seq == 3


def test_a_journal_that_holds_less_than_it_should_does_not_keep_the_job_for_ever() -> None:
    """Nothing more comes, so the job ends with the energy that is there."""
    seen = observe(
        a_running_job(),
        a_running_segment(readings_upto=2),
        True,
        a_report(exit_record=an_exit(last_seq=3), slices=[a_slice(2)]),
        LATER,
    )
    assert seen.concluded and seen.segment and seen.segment.last_seq == 2


def test_a_lost_run_is_read_dry_first() -> None:
    """Its energy counts, though nobody knows how many slices there are."""
    job, segment = a_running_job(), a_running_segment()
    seen = observe(job, segment, True, a_report(slices=[a_slice(1)]), LATER)
    assert (len(seen.slices), seen.concluded) == (1, False)


@pytest.mark.parametrize(
    ("record", "asked", "reason"),
    [
        (an_exit(0, stop_reason="suspend"), "suspend", StopReason.SUSPEND),
        (an_exit(0, stop_reason="suspend", finished=True), "suspend", None),
        (an_exit(-15, stop_reason="suspend"), "cancel", StopReason.CANCEL),
        (an_exit(-15, stop_reason="time-limit"), None, StopReason.TIME_LIMIT),
        (an_exit(1), None, None),
    ],
)
def test_a_segment_keeps_the_stop_that_its_job_took_it_for(
    record: ExitRecord, asked: str | None, reason: StopReason | None
) -> None:
    """One that finished although it was asked to pause was not suspended: nothing follows it."""
    segment = a_running_segment(stop_reason=StopReason.SUSPEND)
    job = a_running_job(stop_requested=asked)
    seen = observe(job, segment, True, a_report(exit_record=record), LATER)
    assert seen.segment is not None and seen.segment.applied_to(segment).stop_reason is reason


@given(
    state=st.sampled_from([JobState.STARTING, JobState.RUNNING]),
    lock_free=st.booleans(),
    has_run=st.booleans(),
    code=st.one_of(st.none(), st.integers(-64, 255)),
    has_exit=st.booleans(),
    stop_reason=st.sampled_from([None, "suspend", "cancel", "time-limit"]),
    asked=st.sampled_from([None, "suspend", "cancel"]),
    finished=st.booleans(),
    seconds=st.floats(0, 1e6),
    retries=st.integers(0, 2),
    last_seq=st.integers(0, 4),
    upto=st.integers(0, 4),
    seqs=st.lists(st.integers(1, 4)),
)
def test_every_observation_is_a_path_of_the_transition_table(
    state: JobState,
    lock_free: bool,
    has_run: bool,
    code: int | None,
    has_exit: bool,
    stop_reason: str | None,
    asked: str | None,
    finished: bool,
    seconds: float,
    retries: int,
    last_seq: int,
    upto: int,
    seqs: list[int],
) -> None:
    """Whatever lies on disk, the steps are legal, and a concluded segment leaves a job that holds nothing."""
    job = a_job(state=state, attempts=1, spec=a_spec(retries=retries), stop_requested=asked)
    record = an_exit(code, stop_reason=stop_reason, finished=finished, ended_t=T0 + seconds, last_seq=last_seq)
    report = a_report(RUN if has_run else None, record if has_exit else None, [a_slice(seq) for seq in seqs])
    segment_state = SegmentState.RUNNING if state is JobState.RUNNING else SegmentState.STARTING
    segment = a_segment(state=segment_state, readings_upto=upto)
    seen = observe(job, segment, lock_free, report, LATER)
    after_state, _ = written(job, seen)
    assert seen.concluded == (after_state not in (JobState.STARTING, JobState.RUNNING))
    assert all(later.seq > earlier.seq for earlier, later in zip(seen.slices, seen.slices[1:], strict=False))
    assert all(s.seq > upto for s in seen.slices)
