"""The queue as the planner is shown it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_machine, a_segment, a_spec

from scheduler.config import QueueSettings
from scheduler.dispatch.problem import Weights, build_problem
from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState, SegmentState
from scheduler.domain.plans import PlannableJob, PlanningProblem
from scheduler.domain.running_time import RunningTime, estimate_spread
from scheduler.domain.runs import Segment


def problem(
    *jobs: Job,
    segments: tuple[Segment, ...] = (),
    machine: Inventory | None = None,
    ended: Mapping[int, JobState] | None = None,
) -> PlanningProblem:
    return build_problem(jobs, segments, machine or a_machine(), None, NOON + HOUR, QueueSettings(), ended)


def ids(of: PlanningProblem) -> list[int]:
    return [job.id for job in of.jobs]


def test_a_running_job_needs_only_what_is_left() -> None:
    """Half an hour saved before, an hour run since noon, of two."""
    runner = a_job(1, JobState.RUNNING, work_done=timedelta(minutes=30))
    segment = a_segment(1, state=SegmentState.RUNNING, started_at=NOON)
    planned = problem(runner, segments=(segment,)).job(1)
    assert planned.running and planned.remaining == timedelta(minutes=30)


def test_a_run_that_outlives_its_estimate_still_needs_some_time() -> None:
    """Its places are not promised to another for the very next second."""
    runner = a_job(1, JobState.RUNNING, expected_duration=HOUR)
    segment = a_segment(1, state=SegmentState.RUNNING, started_at=NOON - HOUR)
    assert problem(runner, segments=(segment,)).job(1).remaining == timedelta(minutes=6)


def test_held_cancelled_and_too_wide_jobs_are_left_out() -> None:
    """None of them can be started now."""
    held, cancelling = a_job(1, JobState.HELD), a_job(2, JobState.RUNNING, stop_requested="cancel")
    assert ids(problem(held, cancelling, a_job(3, spec=a_spec(gpus=3)), a_job(4))) == [4]


def test_a_job_that_waits_for_another_is_planned_after_it() -> None:
    """Where the other is in the problem; where it is held, both stay out."""
    first, second = a_job(1), a_job(2, spec=a_spec(after=(1,)))
    assert problem(first, second).job(2).after == (1,)
    assert ids(problem(a_job(1, JobState.HELD), second)) == []


def test_a_completed_dependency_is_no_dependency() -> None:
    """Only what is still to come is named to the planner."""
    planned = problem(a_job(2, spec=a_spec(after=(1,))), ended={1: JobState.COMPLETED})
    assert planned.job(2).after == ()


def test_a_doomed_job_is_left_out() -> None:
    """It will be cancelled, not planned."""
    assert ids(problem(a_job(2, spec=a_spec(after=(1,))), ended={1: JobState.FAILED})) == []


def test_a_run_that_is_being_suspended_is_one_that_waits() -> None:
    """It can go on once its grace times have passed."""
    runner = a_job(1, JobState.RUNNING, stop_requested="suspend", spec=a_spec(interruptible=True))
    segment = a_segment(1, state=SegmentState.RUNNING, started_at=NOON)
    planned = problem(runner, segments=(segment,)).job(1)
    assert not planned.running and planned.earliest_start == NOON + HOUR + timedelta(minutes=1)


def test_gpus_with_foreign_processes_are_not_planned_with_unless_a_job_needs_them() -> None:
    """Three GPUs, one of them in use by others."""
    machine = a_machine(3, busy=(0,))
    assert problem(a_job(1), machine=machine).capacity[Pool.GPU] == 2
    assert problem(a_job(1, spec=a_spec(gpus=3)), machine=machine).capacity[Pool.GPU] == 3


def test_the_cost_of_a_switch_and_the_shortest_run_come_from_the_settings() -> None:
    """So that planner and user speak of the same figures."""
    planned = problem(a_job(1)).job(1)
    assert (planned.switch.time, planned.min_run) == (timedelta(seconds=120), timedelta(minutes=5))


def test_a_suspended_job_still_owes_the_time_of_coming_back() -> None:
    """The planner sees a job that never ran and one that must be resumed as alike, but for that time."""
    queue = QueueSettings(switch_cost=timedelta(minutes=10))
    jobs = [a_job(1), a_job(2, JobState.SUSPENDED)]
    fresh, suspended = build_problem(jobs, [], a_machine(), None, NOON, queue).jobs
    assert suspended.remaining - fresh.remaining == timedelta(minutes=10)


def test_a_waiting_price_is_the_jobs_own_else_the_sites_and_counts_the_building_in() -> None:
    """Plans reckon in grams of IT alone: with a PUE of 1.25, 50 g of the facility are 40 of them."""
    jobs = [a_job(n, spec=a_spec(patience_g_per_h=said)) for n, said in enumerate((None, 0.0, 100.0), start=1)]
    weights = Weights(patience_g_per_h=50, pue=1.25)
    built = build_problem(jobs, [], a_machine(), None, NOON, QueueSettings(), weights=weights)
    assert [job.patience_g_per_h for job in built.jobs] == [40, 0, 80]


def with_chances(job: Job, *ratios: float, ran: timedelta = timedelta(0)) -> PlannableJob:
    """The job as planned with a confidence of 0.9; `ratios`: of its user's earlier jobs, length to estimate."""
    running = (a_segment(1, state=SegmentState.RUNNING, started_at=NOON - ran),) if ran else ()

    def likely(job: Job) -> RunningTime:
        return RunningTime(job.expected_duration, estimate_spread(ratios))

    planned = build_problem([job], running, a_machine(), None, NOON, QueueSettings(), None, likely, 0.9)
    return planned.job(1)


DEADLINE = a_spec(deadline=NOON + 24 * HOUR)


def test_a_deadline_asks_for_a_margin_as_long_as_the_estimate_may_be_wrong() -> None:
    """Two hours that, as nine jobs before, will be three."""
    assert with_chances(a_job(1, spec=DEADLINE), *[1.5] * 9).margin == HOUR
    assert with_chances(a_job(1, spec=DEADLINE), *[1.0] * 9).margin == timedelta(0)


def test_a_job_without_a_deadline_needs_no_margin() -> None:
    """Its longest wait is ours, and nobody counts on it to the hour."""
    assert with_chances(a_job(1), *[1.5] * 9).margin == timedelta(0)


def test_what_runs_on_whatever_is_planned_needs_no_margin() -> None:
    running = a_job(1, JobState.RUNNING, spec=DEADLINE)
    assert with_chances(running, *[1.5] * 9, ran=HOUR).margin == timedelta(0)


def test_the_margin_of_a_job_that_can_pause_shrinks_as_it_runs() -> None:
    """What it may run longer does not grow by its having run, as long as that is within the estimate."""
    running = a_job(1, JobState.RUNNING, spec=a_spec(deadline=NOON + 24 * HOUR, interruptible=True))
    planned = with_chances(running, *[1.5] * 9, ran=HOUR)
    assert (planned.remaining, planned.margin) == (HOUR, HOUR)


def test_a_run_that_outlives_its_estimate_is_expected_to_go_on_as_others_did() -> None:
    """Nine jobs took half as long again: so will this one, and not just a tenth."""
    overdue = a_job(1, JobState.RUNNING, spec=DEADLINE)
    assert with_chances(overdue, *[1.5] * 9, ran=2 * HOUR).remaining == HOUR
