"""What a request becomes: checked against the machine, the queue and the clock, and filled in where it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.clock import NOON
from fakes.queue import ANNA, HOUR, a_machine, a_spec
from fakes.records import BOB, a_draft, a_slice
from fakes.records import a_segment as a_recorded_segment
from fakes.store import FakeStore

from scheduler.config import QueueSettings
from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.errors import NotFound, RequestError
from scheduler.domain.gpus import Gpu, Inventory
from scheduler.domain.jobs import Basis, JobSpec, Owner
from scheduler.domain.lifecycle import JobEvent, JobState, SegmentState
from scheduler.domain.units import Power
from scheduler.drafting import LONGEST_ARGV_BYTES, draft_job
from scheduler.ports import JobDraft

QUEUE = QueueSettings()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def drafted(store: FakeStore, machine: Inventory | None = None, owner: Owner = ANNA, **spec: Any) -> JobDraft:
    return draft_job(store, a_spec(**spec), owner, NOON, machine or a_machine(), QUEUE)


def completed(store: FakeStore, ran: timedelta, joules: float = 0.0, spec: JobSpec | None = None) -> int:
    """A job of Anna's that ran so long and drew so much."""
    job = store.add_job(a_draft(spec))
    segment = a_recorded_segment(job.id)
    store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
    store.add_segment(segment)
    store.add_slices(segment.id, [a_slice(1, joules)])
    store.change_segment(
        segment.id, SegmentChanges(state=SegmentState.ENDED, started_at=NOON - ran, ended_at=NOON, last_seq=1)
    )
    store.advance_job(job.id, JobEvent.STARTED, NOON, JobChanges(started_at=NOON - ran), JobState.STARTING)
    store.advance_job(job.id, JobEvent.EXITED_ZERO, NOON, JobChanges(ended_at=NOON), JobState.RUNNING)
    return job.id


# --- how long
def test_the_users_own_estimate_holds(store: FakeStore) -> None:
    completed(store, ran=9 * HOUR)
    draft = drafted(store, duration=2 * HOUR)
    assert (draft.expected_duration, draft.duration_basis) == (2 * HOUR, Basis.USER)


def test_without_an_estimate_the_median_of_like_jobs_counts(store: FakeStore) -> None:
    """The same owner, command and GPU count; a job of another command says nothing."""
    for hours in (1, 2, 9):
        completed(store, ran=hours * HOUR)
    completed(store, ran=100 * HOUR, spec=a_spec(argv=("python", "other.py")))
    draft = drafted(store)
    assert (draft.expected_duration, draft.duration_basis) == (2 * HOUR, Basis.HISTORY)


def test_a_like_job_that_was_over_at_once_is_taken_to_need_a_second(store: FakeStore) -> None:
    completed(store, ran=timedelta(milliseconds=20))
    assert drafted(store).expected_duration == timedelta(seconds=1)


def test_without_history_four_hours_are_assumed_and_said_to_be(store: FakeStore) -> None:
    draft = drafted(store)
    assert (draft.expected_duration, draft.duration_basis) == (4 * HOUR, Basis.ASSUMED)


def test_no_job_is_expected_to_outlast_its_limit(store: FakeStore) -> None:
    assert drafted(store, time_limit=HOUR).expected_duration == HOUR
    completed(store, ran=9 * HOUR)
    assert drafted(store, time_limit=HOUR).expected_duration == HOUR


def test_an_estimate_that_its_own_limit_would_cut_short_is_refused(store: FakeStore) -> None:
    """It would be stopped before it is done; a limit as long as the estimate is a user's to set."""
    with pytest.raises(RequestError, match=r"stop the job after 1 h, before the 2 h .* raise the limit, or give"):
        drafted(store, time_limit=HOUR, duration=2 * HOUR)
    assert drafted(store, time_limit=HOUR, duration=HOUR).expected_duration == HOUR


def test_what_was_only_assumed_bends_to_a_near_deadline_and_leaves_time_to_start(store: FakeStore) -> None:
    draft = drafted(store, deadline=NOON + HOUR)
    assert draft.duration_basis is Basis.ASSUMED
    assert 0.9 * HOUR < draft.expected_duration < HOUR
    assert drafted(store, deadline=NOON + 40 * HOUR).expected_duration == 4 * HOUR


# --- finished by when
def test_a_deadline_is_kept_as_given(store: FakeStore) -> None:
    assert drafted(store, deadline=NOON + 9 * HOUR).finish_by == NOON + 9 * HOUR


@pytest.mark.parametrize("run_now", [False, True])
def test_without_a_deadline_the_longest_wait_and_the_run_itself_bound_the_end(store: FakeStore, run_now: bool) -> None:
    """Also for a job that is not to wait at all: it has no deadline that it could be said to miss."""
    draft = drafted(store, duration=2 * HOUR, run_now=run_now)
    assert draft.finish_by == NOON + QUEUE.longest_wait + 2 * HOUR


@pytest.mark.parametrize(
    ("deadline", "said"),
    [
        (NOON, "the deadline passed"),
        (NOON - 26 * HOUR, "the deadline passed 1 d 2 h ago; give a later one"),
        (NOON + HOUR, "the deadline is 1 h away, but it is expected to run for 2 h; give a later deadline"),
    ],
)
def test_a_deadline_that_cannot_be_kept_is_refused_with_the_figures(
    store: FakeStore, deadline: datetime, said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        drafted(store, duration=2 * HOUR, deadline=deadline)


def test_a_deadline_near_the_end_of_all_time_is_refused(store: FakeStore) -> None:
    """Whoever reckons with a few days more than that has no date for it, and then nothing is planned at all."""
    with pytest.raises(RequestError, match="more than ten years away; give an earlier one, or none"):
        drafted(store, deadline=datetime(9999, 12, 31, tzinfo=UTC), duration=HOUR)
    assert drafted(store, deadline=NOON + timedelta(days=3650), duration=HOUR).duration_basis is Basis.USER


def test_a_past_deadline_is_refused_even_if_the_running_time_is_assumed(store: FakeStore) -> None:
    with pytest.raises(RequestError, match="the deadline passed 1 h ago"):
        drafted(store, deadline=NOON - HOUR)


def test_a_deadline_shorter_than_like_jobs_ran_is_refused_naming_them(store: FakeStore) -> None:
    completed(store, ran=5 * HOUR)
    with pytest.raises(RequestError, match=r"jobs like it ran \(median\) for 5 h; .*a shorter --duration"):
        drafted(store, deadline=NOON + HOUR)


def test_a_deadline_exactly_as_far_as_the_run_is_long_is_granted(store: FakeStore) -> None:
    assert drafted(store, duration=2 * HOUR, deadline=NOON + 2 * HOUR).finish_by == NOON + 2 * HOUR


# --- how much
def test_the_users_own_power_holds(store: FakeStore) -> None:
    draft = drafted(store, power=Power(123))
    assert (draft.expected_power, draft.power_basis) == (Power(123), Basis.USER)


def test_without_one_the_median_power_of_like_jobs_counts(store: FakeStore) -> None:
    for joules in (6_000, 12_000, 60_000):
        completed(store, ran=HOUR, joules=joules)
    draft = drafted(store)
    assert (draft.expected_power, draft.power_basis) == (Power(200), Basis.HISTORY)


def test_a_like_job_of_which_nothing_was_metered_teaches_no_power(store: FakeStore) -> None:
    """Zero joules are unknown, not nothing."""
    completed(store, ran=timedelta(milliseconds=20), joules=0.0)
    assert drafted(store).power_basis is Basis.ASSUMED


def test_without_history_a_gpu_is_assumed_to_draw_its_power_limit_where_that_is_known(store: FakeStore) -> None:
    boards = tuple(Gpu(f"GPU-{n}", "H100", power_limit=Power(700)) for n in range(2))
    assert drafted(store, Inventory("host", "boot", boards, 2), gpus=2).expected_power == Power(1400)
    assert drafted(store, a_machine(), gpus=2).expected_power == Power(2 * QUEUE.assumed_gpu_w)
    assert draft_job(store, a_spec(), ANNA, NOON, None, QUEUE).expected_power == Power(QUEUE.assumed_gpu_w)


def test_a_cpu_slot_is_assumed_to_draw_what_the_settings_say(store: FakeStore) -> None:
    assert drafted(store, gpus=0).expected_power == Power(QUEUE.assumed_cpu_w)


# --- what is refused
def test_one_gpu_asked_for_is_not_several(store: FakeStore) -> None:
    with pytest.raises(RequestError, match=r"^1 GPU asked for, host has 0"):
        drafted(store, a_machine(gpus=0), gpus=1)


def test_more_gpus_than_there_are_are_refused_with_their_number(store: FakeStore) -> None:
    with pytest.raises(RequestError, match="3 GPUs asked for, host has 2; ask for 2 or fewer"):
        drafted(store, gpus=3)


def test_a_machine_without_gpus_offers_its_cpu_slots(store: FakeStore) -> None:
    with pytest.raises(RequestError, match="host has 0; use --gpus 0 for a CPU slot"):
        drafted(store, a_machine(gpus=0))


def test_gpus_that_should_be_there_and_are_not_are_said_to_be_missing(store: FakeStore) -> None:
    broken = Inventory("host", "boot", (), 2, degraded="the NVIDIA driver does not answer")
    with pytest.raises(RequestError, match=r"has 0 \(the NVIDIA driver does not answer\)"):
        drafted(store, broken)


def test_a_machine_without_cpu_slots_takes_no_job_without_a_gpu(store: FakeStore) -> None:
    with pytest.raises(RequestError, match=r"host has no CPU slots .*ask for --gpus 1"):
        drafted(store, a_machine(cpu_slots=0), gpus=0)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("",), "the command is empty"),
        (("echo", "a\0b"), "a NUL byte"),
        (("echo", "x" * LONGEST_ARGV_BYTES), r"the command is 131,0\d\d bytes long, more than 131,072; put it in"),
        (("echo", *["y" * 1000] * 200), "put it in a script"),
    ],
    ids=["empty", "NUL", "one long word", "many words"],
)
def test_a_command_that_no_kernel_would_take_is_refused(store: FakeStore, argv: tuple[str, ...], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        drafted(store, argv=argv)


def test_a_job_comes_only_after_jobs_that_are_there(store: FakeStore) -> None:
    with pytest.raises(NotFound, match="there is no job 7; `carbonq list --all`"):
        drafted(store, after=(7,))


def test_a_job_does_not_come_after_one_that_has_failed(store: FakeStore) -> None:
    store.add_job(a_draft())
    store.advance_job(1, JobEvent.CANCEL, NOON, JobChanges(), JobState.QUEUED)
    with pytest.raises(RequestError, match="--after 1: that job ended as cancelled, so this one could never start"):
        drafted(store, after=(1,))


def test_a_job_comes_after_jobs_of_its_own_user_only(store: FakeStore) -> None:
    store.add_job(a_draft())
    with pytest.raises(RequestError, match="--after 1: that job belongs to anna; wait for your own jobs only"):
        drafted(store, owner=BOB, after=(1,))


def test_a_job_may_come_after_one_that_has_completed(store: FakeStore) -> None:
    assert drafted(store, after=(completed(store, ran=HOUR),)).spec.after == (1,)
