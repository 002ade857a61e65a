"""What is started and stopped, given a plan and what is really there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_machine, a_placement, a_plan, a_segment, a_spec
from hypothesis import given
from hypothesis import strategies as st

from scheduler.dispatch.reconcile import (
    CancelDependant,
    Instruction,
    StartSegment,
    StopSegment,
    next_segment,
    reconcile,
)
from scheduler.domain.gpus import Inventory
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import TERMINAL, JobEvent, JobState, SegmentState, StopReason, advance
from scheduler.domain.plans import Plan
from scheduler.domain.runs import Segment

INTERRUPTIBLE = a_spec(interruptible=True)


@dataclass(frozen=True)
class Reality:
    """Jobs and open segments, and what they become when instructions are carried out."""

    jobs: tuple[Job, ...]
    segments: tuple[Segment, ...] = ()
    ended: tuple[Job, ...] = ()

    def asked(self, plan: Plan | None, machine: Inventory | None, now: object = NOON) -> tuple[Instruction, ...]:
        assert isinstance(now, type(NOON))
        return reconcile(self.jobs, self.segments, plan, machine, now, {job.id: job.state for job in self.ended})

    def after(self, instructions: Sequence[Instruction]) -> Reality:
        reality = self
        for instruction in instructions:
            reality = reality._after_one(instruction)
        return reality

    def _after_one(self, instruction: Instruction) -> Reality:
        if isinstance(instruction, StopSegment):
            return replace(self, **self._stopped(instruction))
        job = next(job for job in self.jobs if job.id == instruction.job)
        if isinstance(instruction, CancelDependant):
            fallen = replace(job, state=advance(job.state, JobEvent.DEPENDENCY_FAILED))
            rest = tuple(other for other in self.jobs if other is not job)
            return replace(self, jobs=rest, ended=(*self.ended, fallen))
        past = [segment for segment in self.segments if segment.id.job == job.id]
        started = replace(job, state=advance(job.state, JobEvent.LAUNCH))
        segment = next_segment(job, past, instruction.gpu_uuids, NOON)
        return replace(self, jobs=_swap(self.jobs, job, started), segments=(*self.segments, segment))

    def _stopped(self, stop: StopSegment) -> dict[str, tuple[Job, ...] | tuple[Segment, ...]]:
        job = next(job for job in self.jobs if job.id == stop.segment.job)
        asked = replace(job, stop_requested=stop.reason.value)
        segments = tuple(
            replace(segment, stop_reason=stop.reason) if segment.id == stop.segment else segment
            for segment in self.segments
        )
        return {"jobs": _swap(self.jobs, job, asked), "segments": segments}


def _swap(jobs: tuple[Job, ...], old: Job, new: Job) -> tuple[Job, ...]:
    return tuple(new if job is old else job for job in jobs)


def a_run(job_id: int, *gpus: str, **fields: object) -> tuple[Job, Segment]:
    """A job that has been running since noon."""
    job = a_job(job_id, JobState.RUNNING, **{"spec": INTERRUPTIBLE, "attempts": 1, **fields})
    return job, a_segment(job_id, state=SegmentState.RUNNING, gpu_uuids=gpus, started_at=NOON)


def test_a_job_starts_when_its_interval_begins_and_not_before() -> None:
    """The interval is half-open: its first instant belongs to it."""
    reality, plan = Reality((a_job(1),)), a_plan(a_placement(1, (1, 3)))
    assert reality.asked(plan, a_machine(), NOON + HOUR - timedelta(microseconds=1)) == ()
    assert reality.asked(plan, a_machine(), NOON + HOUR) == (StartSegment(1, ("GPU-0",)),)


def test_a_job_does_not_start_after_its_interval() -> None:
    """The clean hours are over; the planner is to say anew what comes now."""
    assert Reality((a_job(1),)).asked(a_plan(a_placement(1, (1, 3))), a_machine(), NOON + 3 * HOUR) == ()


def test_a_gpu_with_a_foreign_process_is_not_given_out() -> None:
    """Someone works on GPU-0; the job gets GPU-1."""
    plan = a_plan(a_placement(1, (0, 2)))
    assert Reality((a_job(1),)).asked(plan, a_machine(busy=(0,))) == (StartSegment(1, ("GPU-1",)),)
    assert Reality((a_job(1),)).asked(plan, a_machine(busy=(0, 1))) == ()


def test_places_held_by_a_segment_that_is_only_starting_are_not_free() -> None:
    """From the commit on its GPUs are its own."""
    starting = a_job(2, JobState.STARTING, spec=a_spec(gpus=2))
    reality = Reality((a_job(1), starting), (a_segment(2, gpu_uuids=("GPU-0", "GPU-1")),))
    assert reality.asked(a_plan(a_placement(1, (0, 2)), a_placement(2, (0, 2))), a_machine()) == ()


def test_cpu_slots_are_counted_apart_from_gpus() -> None:
    """A full set of GPUs does not keep a CPU job waiting, and takes no UUID."""
    runner, segment = a_run(2, "GPU-0", "GPU-1")
    plan = a_plan(a_placement(1, (0, 2)), a_placement(2, (0, 2)))
    reality = Reality((a_job(1, spec=a_spec(gpus=0)), runner), (segment,))
    assert reality.asked(plan, a_machine()) == (StartSegment(1, ()),)
    assert reality.asked(plan, a_machine(cpu_slots=0)) == ()


def test_held_jobs_and_jobs_with_unmet_dependencies_do_not_start() -> None:
    """Even where the plan covers now."""
    held, behind = a_job(1, JobState.HELD), a_job(2, spec=a_spec(after=(1,)))
    plan = a_plan(a_placement(1, (0, 2)), a_placement(2, (0, 2)))
    assert Reality((held, behind)).asked(plan, a_machine()) == ()


def test_a_job_starts_once_what_it_comes_after_has_completed() -> None:
    """The state of an ended job is passed beside the live ones."""
    reality = Reality((a_job(2, spec=a_spec(after=(1,))),), ended=(a_job(1, JobState.COMPLETED),))
    assert reality.asked(a_plan(a_placement(2, (0, 2))), a_machine()) == (StartSegment(2, ("GPU-0",)),)


def test_a_failed_job_takes_all_that_come_after_it() -> None:
    """The whole chain falls at once, each named with the job before it."""
    chain = (a_job(2, spec=a_spec(after=(1,))), a_job(3, JobState.HELD, spec=a_spec(after=(2,))))
    reality = Reality(chain, ended=(a_job(1, JobState.FAILED),))
    assert reality.asked(None, None) == (CancelDependant(2, 1), CancelDependant(3, 2))


def test_a_running_interruptible_job_is_suspended_when_the_plan_lets_it_wait() -> None:
    """Now is between its intervals."""
    job, segment = a_run(1, "GPU-0")
    stops = Reality((job,), (segment,)).asked(a_plan(a_placement(1, (0, 1), (5, 6))), a_machine(), NOON + HOUR)
    assert stops == (StopSegment(segment.id, StopReason.SUSPEND),)


def test_a_job_that_cannot_be_interrupted_is_never_suspended() -> None:
    """Whatever the plan says."""
    job, segment = a_run(1, "GPU-0", spec=a_spec())
    assert Reality((job,), (segment,)).asked(a_plan(a_placement(1, (0, 1), (5, 6))), a_machine(), NOON + HOUR) == ()


def test_a_run_that_outlives_its_last_interval_goes_on() -> None:
    """Its estimate was too short; there is nothing to wait for."""
    job, segment = a_run(1, "GPU-0")
    assert Reality((job,), (segment,)).asked(a_plan(a_placement(1, (0, 1))), a_machine(), NOON + HOUR) == ()


def test_a_run_without_slack_is_not_suspended() -> None:
    """A stale plan may not cost a deadline."""
    job, segment = a_run(1, "GPU-0", finish_by=NOON + 2 * HOUR)
    assert Reality((job,), (segment,)).asked(a_plan(a_placement(1, (0, 1), (5, 6))), a_machine(), NOON + HOUR) == ()


def test_a_cancel_reaches_the_run_once() -> None:
    """It is asked again until the segment says that the agent has it."""
    job, segment = a_run(1, "GPU-0", stop_requested="cancel")
    asked = Reality((job,), (segment,)).asked(None, None)
    assert asked == (StopSegment(segment.id, StopReason.CANCEL),)
    assert Reality((job,), (replace(segment, stop_reason=StopReason.CANCEL),)).asked(None, None) == ()


def test_a_suspend_on_its_way_becomes_a_cancel() -> None:
    """The user's word reaches a run that is already being suspended."""
    job, segment = a_run(1, "GPU-0", stop_requested="cancel")
    suspending = replace(segment, stop_reason=StopReason.SUSPEND)
    assert Reality((job,), (suspending,)).asked(None, None) == (StopSegment(segment.id, StopReason.CANCEL),)


def test_a_job_that_is_due_starts_without_any_plan() -> None:
    """Provider down, planner down: a deadline is a deadline."""
    job = a_job(1, finish_by=NOON + 3 * HOUR)
    assert Reality((job,)).asked(None, a_machine(), NOON + HOUR) == (StartSegment(1, ("GPU-0",)),)
    assert Reality((job,)).asked(None, a_machine(), NOON + HOUR - timedelta(seconds=1)) == ()


def test_a_job_that_is_due_goes_before_one_that_the_plan_wants_now() -> None:
    """There is one GPU for both."""
    due, planned = a_job(1, finish_by=NOON + 2 * HOUR), a_job(2)
    plan = a_plan(a_placement(1, (5, 7)), a_placement(2, (0, 2)))
    assert Reality((due, planned)).asked(plan, a_machine(1)) == (StartSegment(1, ("GPU-0",)),)


def test_a_job_that_is_late_anyway_waits_where_a_fresh_plan_puts_it() -> None:
    """It would only make another late; after an hour the plan is no longer trusted with that."""
    late = a_job(1, finish_by=NOON - HOUR)
    plan = a_plan(a_placement(1, (5, 7), late=True))
    assert Reality((late,)).asked(plan, a_machine()) == ()
    assert Reality((late,)).asked(plan, a_machine(), NOON + 2 * HOUR) == (StartSegment(1, ("GPU-0",)),)


def test_narrow_jobs_do_not_slip_in_before_a_wide_one_that_is_due() -> None:
    """One of two GPUs is free: it is kept for the job that needs both."""
    wide = a_job(1, spec=a_spec(gpus=2), finish_by=NOON + 2 * HOUR)
    runner, segment = a_run(2, "GPU-0")
    plan = a_plan(a_placement(1, (1, 3)), a_placement(2, (0, 1)), a_placement(3, (0, 2)))
    assert Reality((wide, a_job(3), runner), (segment,)).asked(plan, a_machine()) == ()


def test_a_due_job_that_cannot_fit_holds_nobody_up() -> None:
    """A foreign process sits on one of two GPUs; a job for both must not idle the other."""
    wide = a_job(1, spec=a_spec(gpus=2), finish_by=NOON + 2 * HOUR)
    plan = a_plan(a_placement(1, (1, 3)), a_placement(3, (0, 2)))
    assert Reality((wide, a_job(3))).asked(plan, a_machine(busy=(0,))) == (StartSegment(3, ("GPU-1",)),)


def test_nothing_starts_while_the_agent_is_away() -> None:
    """Without an inventory there is no place to give."""
    assert Reality((a_job(1),)).asked(a_plan(a_placement(1, (0, 2))), None) == ()


def test_a_start_that_never_was_keeps_its_attempt_and_takes_a_new_number() -> None:
    """No segment's number is used twice."""
    past = [a_segment(state=SegmentState.NEVER_STARTED)]
    segment = next_segment(a_job(), past, ("GPU-0",), NOON)
    assert (str(segment.id), segment.resume) == ("1-1-2", False)


def test_a_resumed_segment_stays_in_its_run_and_a_retry_begins_another() -> None:
    """Suspended: 1-1-2. Failed: 1-2-1. Both may find a checkpoint."""
    job = a_job(attempts=1)
    suspended = [a_segment(state=SegmentState.ENDED, stop_reason=StopReason.SUSPEND)]
    failed = [a_segment(state=SegmentState.ENDED, exit_code=1)]
    resumed, retried = next_segment(job, suspended, (), NOON), next_segment(job, failed, (), NOON)
    assert (str(resumed.id), resumed.resume) == ("1-1-2", True)
    assert (str(retried.id), retried.resume) == ("1-2-1", True)


def test_a_run_lost_on_its_way_to_a_pause_is_retried_as_another_run() -> None:
    """Else its attempts would never be used up."""
    lost = [a_segment(state=SegmentState.LOST, stop_reason=StopReason.SUSPEND)]
    assert str(next_segment(a_job(attempts=1), lost, (), NOON).id) == "1-2-1"


@st.composite
def realities(draw: st.DrawFn) -> tuple[Reality, Plan | None, Inventory]:
    """Some jobs in any live state, the running ones on GPUs of their own, and any plan."""
    machine = a_machine(6, cpu_slots=2, busy=tuple(draw(st.sets(st.integers(0, 5), max_size=2))))
    unused = [gpu.uuid for gpu in machine.gpus if not gpu.busy_with]
    jobs, segments, placements = [], [], []
    for job_id in range(1, draw(st.integers(1, 7)) + 1):
        spec = a_spec(
            gpus=draw(st.integers(0, 4)),
            interruptible=draw(st.booleans()),
            run_now=draw(st.integers(0, 9)) == 0,
            after=tuple(draw(st.sets(st.integers(1, job_id - 1), max_size=2))) if job_id > 1 else (),
        )
        state = draw(st.sampled_from([JobState.QUEUED, JobState.SUSPENDED, JobState.HELD, JobState.RUNNING]))
        if state is JobState.RUNNING and (spec.gpus > len(unused) or not spec.gpus):
            state = JobState.QUEUED
        job = a_job(job_id, state, spec=spec, finish_by=NOON + draw(st.integers(-2, 12)) * HOUR)
        if state is JobState.RUNNING:
            held, unused = unused[: spec.gpus], unused[spec.gpus :]
            job = replace(job, stop_requested=draw(st.sampled_from([None, None, "cancel", "suspend"])))
            segments.append(a_segment(job_id, state=SegmentState.RUNNING, gpu_uuids=tuple(held), started_at=NOON))
        jobs.append(job)
        if draw(st.booleans()):
            start, length, pause = draw(st.integers(-2, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
            second = start + length + pause
            placements.append(a_placement(job_id, (start, start + length), (second, second + 1)))
    ended = (a_job(99, draw(st.sampled_from(sorted(TERMINAL)))),)
    plan = a_plan(*placements) if draw(st.booleans()) else None
    return Reality(tuple(jobs), tuple(segments), ended), plan, machine


@given(realities())
def test_reconcile_on_its_own_result_asks_for_nothing(case: tuple[Reality, Plan | None, Inventory]) -> None:
    """Carried out, the instructions are complete."""
    reality, plan, machine = case
    assert reality.after(reality.asked(plan, machine)).asked(plan, machine) == ()


@given(realities())
def test_no_place_is_given_out_twice(case: tuple[Reality, Plan | None, Inventory]) -> None:
    """GPUs are disjoint and without foreign processes, widths are met, CPU slots are not over-committed."""
    reality, plan, machine = case
    after = reality.after(reality.asked(plan, machine))
    held = [uuid for segment in after.segments for uuid in segment.gpu_uuids]
    free_of_others = {gpu.uuid for gpu in machine.gpus if not gpu.busy_with}
    widths = {job.id: job.spec.gpus for job in after.jobs}
    assert len(held) == len(set(held)) and set(held) <= free_of_others
    assert all(len(segment.gpu_uuids) == widths[segment.id.job] for segment in after.segments)
    assert sum(not segment.gpu_uuids for segment in after.segments) <= machine.cpu_slots


@given(realities())
def test_only_jobs_whose_time_has_come_are_started(case: tuple[Reality, Plan | None, Inventory]) -> None:
    """Started means: waiting, and either planned for now or out of slack."""
    reality, plan, machine = case
    jobs = {job.id: job for job in reality.jobs}
    for start in (i for i in reality.asked(plan, machine) if isinstance(i, StartSegment)):
        job, placement = jobs[start.job], plan.placement(start.job) if plan else None
        planned = placement is not None and placement.active_at(NOON)
        assert planned or job.spec.run_now or job.finish_by - job.remaining <= NOON
        assert job.state in (JobState.QUEUED, JobState.SUSPENDED)


@given(realities())
def test_the_order_of_the_queue_changes_nothing(case: tuple[Reality, Plan | None, Inventory]) -> None:
    """Jobs and segments are sets."""
    reality, plan, machine = case
    shuffled = Reality(reality.jobs[::-1], reality.segments[::-1], reality.ended)
    assert set(shuffled.asked(plan, machine)) == set(reality.asked(plan, machine))


def test_a_job_whose_start_failed_a_moment_ago_keeps_no_place_from_the_next() -> None:
    first, second = a_job(1, finish_by=NOON + 2 * HOUR), a_job(2, finish_by=NOON + 2 * HOUR)
    one_gpu = a_machine(gpus=1)
    assert reconcile([first, second], [], None, one_gpu, NOON) == (StartSegment(1, ("GPU-0",)),)
    assert reconcile([first, second], [], None, one_gpu, NOON, resting={1}) == (StartSegment(2, ("GPU-0",)),)
