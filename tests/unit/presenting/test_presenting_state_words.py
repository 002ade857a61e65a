"""What people are told of a job that is in no plan."""

from __future__ import annotations

from typing import Any

from fakes.queue import a_job, a_spec

from scheduler.domain.lifecycle import JobState, Reason
from scheduler.presenting.state_words import kept_waiting_words, state_words


def dependant(*after: int, **fields: Any) -> Any:
    return a_job(50, spec=a_spec(after=after), reason=Reason.DEPENDENCY, **fields)


def test_a_held_job_is_told_how_to_let_it_go() -> None:
    assert state_words(a_job(6, JobState.HELD)) == ("Job 6 is held; `carbonq release 6` lets it be planned.",)


def test_a_job_behind_a_held_one_is_told_which_and_how_to_let_that_go() -> None:
    before = (a_job(48, JobState.COMPLETED), a_job(49, JobState.HELD))
    assert state_words(dependant(48, 49), before) == (
        "Job 50 waits for job 49 to complete; job 49 is held, and `carbonq release 49` lets it be planned.",
    )


def test_several_held_ones_are_let_go_at_once() -> None:
    before = (a_job(47), a_job(48, JobState.HELD), a_job(49, JobState.HELD))
    assert state_words(dependant(47, 48, 49), before) == (
        "Job 50 waits for jobs 47, 48, 49 to complete; jobs 48, 49 are held, and `carbonq release 48 49` lets them be "
        "planned.",
    )


def test_behind_one_that_waits_itself_it_is_told_where_more_is_said() -> None:
    """Nobody here knows what keeps that one waiting; who asks about it is told."""
    assert state_words(dependant(49), (a_job(49),)) == (
        "Job 50 waits for job 49 to complete; `carbonq explain 49` says what that waits for.",
    )


def test_a_rehearsed_job_behind_a_held_one_has_no_number() -> None:
    (said,) = kept_waiting_words(dependant(49), (a_job(49, JobState.HELD),), rehearsed=True)
    assert said.startswith("This job waits for job 49")


def test_a_job_that_nothing_keeps_from_the_plan_is_told_its_state() -> None:
    assert kept_waiting_words(a_job(3)) == kept_waiting_words(dependant(1), (a_job(1, JobState.COMPLETED),)) == ()
    assert state_words(a_job(3)) == ("Job 3 is queued (new).",)


def test_of_a_job_that_has_ended_it_is_said_where_its_figures_are() -> None:
    ended = a_job(8, JobState.COMPLETED, reason=Reason.EXITED_ZERO, attempts=1)
    assert state_words(ended) == ("Job 8 is completed (exited-zero); `carbonq show 8` shows what it used and emitted.",)
    never = a_job(8, JobState.CANCELLED, reason=Reason.CANCELLED_BY_USER)
    assert state_words(never) == ("Job 8 is cancelled (cancelled-by-user); `carbonq show 8` shows its history.",)
