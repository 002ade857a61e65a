"""The order of a stop, without a process: phases only ever go down, and each has its grace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.lifecycle import StopReason
from workers.stopping import Phase, Stopping

REASONS = st.sampled_from([*StopReason, None])


def begun(reason: StopReason | None, can_checkpoint: bool = True) -> Stopping:
    return Stopping.begin(reason, can_checkpoint, grace_s=30, now=100)


def test_a_suspend_asks_for_a_checkpoint_where_the_job_can_write_one() -> None:
    assert begun(StopReason.SUSPEND).phase is Phase.CHECKPOINT
    assert begun(StopReason.SUSPEND, can_checkpoint=False).phase is Phase.TERMINATE


def test_a_machine_that_goes_down_asks_for_a_checkpoint_too() -> None:
    assert begun(None).phase is Phase.CHECKPOINT


@pytest.mark.parametrize("reason", [StopReason.CANCEL, StopReason.TIME_LIMIT])
def test_work_that_is_not_wanted_is_not_waited_for(reason: StopReason) -> None:
    assert begun(reason).phase is Phase.TERMINATE


def test_each_phase_has_the_whole_grace_and_the_last_has_no_end() -> None:
    asked = begun(StopReason.SUSPEND)
    assert asked.at(129.9, checkpoint_written=False) is asked
    terminated = asked.at(130, checkpoint_written=False)
    assert (terminated.phase, terminated.until) == (Phase.TERMINATE, 160)
    killed = terminated.at(160, checkpoint_written=False)
    assert killed.phase is Phase.KILL
    assert killed.at(10_000, checkpoint_written=True) is killed


def test_a_written_checkpoint_ends_the_wait_for_it_and_no_other() -> None:
    terminated = begun(StopReason.SUSPEND).at(101, checkpoint_written=True)
    assert (terminated.phase, terminated.until) == (Phase.TERMINATE, 131)
    assert terminated.at(102, checkpoint_written=True) is terminated


def test_a_suspend_becomes_a_cancel_and_goes_on_at_once() -> None:
    cancelled = begun(StopReason.SUSPEND).asked_again(StopReason.CANCEL, now=110)
    assert (cancelled.reason, cancelled.phase, cancelled.until) == (StopReason.CANCEL, Phase.TERMINATE, 140)


def test_a_suspend_already_terminating_becomes_a_cancel_without_a_new_grace() -> None:
    terminating = begun(StopReason.SUSPEND, can_checkpoint=False)
    cancelled = terminating.asked_again(StopReason.CANCEL, now=110)
    assert (cancelled.reason, cancelled.phase, cancelled.until) == (StopReason.CANCEL, Phase.TERMINATE, 130)


def test_a_stop_without_a_reason_takes_the_first_it_is_given() -> None:
    assert begun(None).asked_again(StopReason.SUSPEND, now=110) == begun(StopReason.SUSPEND)


def test_a_suspend_lets_a_job_go_on_whose_training_is_done() -> None:
    """There is no step left to save, and whatever time passes, it is told nothing."""
    asked = Stopping.begin(StopReason.SUSPEND, can_checkpoint=True, grace_s=30, now=100, done=True)
    assert asked.phase is Phase.NOTHING
    assert asked.at(10_000, checkpoint_written=True, done=True) is asked


@pytest.mark.parametrize("can_checkpoint", [True, False])
def test_a_suspend_under_way_goes_no_further_once_the_training_is_done(can_checkpoint: bool) -> None:
    """The request came with the last step."""
    asked = begun(StopReason.SUSPEND, can_checkpoint)
    assert asked.at(10_000, checkpoint_written=True, done=True) is asked


def test_a_job_that_takes_back_that_it_is_done_is_suspended_after_all() -> None:
    """As one that counts each of several phases from the beginning."""
    asked = Stopping.begin(StopReason.SUSPEND, can_checkpoint=True, grace_s=30, now=100, done=True)
    later = asked.at(500, checkpoint_written=False)
    assert (later.phase, later.until) == (Phase.CHECKPOINT, 530)


@pytest.mark.parametrize(
    ("reason", "phase"),
    [(StopReason.CANCEL, Phase.TERMINATE), (StopReason.TIME_LIMIT, Phase.TERMINATE), (None, Phase.CHECKPOINT)],
)
def test_a_job_that_is_let_go_on_still_ends_for_every_other_reason(reason: StopReason | None, phase: Phase) -> None:
    """Nobody wants it, its time is over, or its machine goes down."""
    asked = Stopping.begin(StopReason.SUSPEND, can_checkpoint=True, grace_s=30, now=100, done=True)
    stopped = asked.asked_again(reason, now=500, done=True)
    assert (stopped.reason, stopped.phase, stopped.until) == (reason, phase, 530)


@pytest.mark.parametrize("reason", [StopReason.CANCEL, StopReason.TIME_LIMIT, None])
def test_other_reasons_do_not_wait_for_a_job_that_is_done(reason: StopReason | None) -> None:
    asked = Stopping.begin(reason, can_checkpoint=True, grace_s=30, now=100, done=True)
    assert asked == begun(reason)
    assert asked.at(130, checkpoint_written=False, done=True).phase > asked.phase


def test_where_the_machine_goes_down_a_suspend_is_no_reason_to_stay() -> None:
    asked = begun(None)
    assert asked.asked_again(StopReason.SUSPEND, now=110, done=True) is asked


@given(first=st.sampled_from(StopReason), again=REASONS)
def test_asking_again_changes_nothing_but_a_suspend_into_a_cancel(first: StopReason, again: StopReason | None) -> None:
    once = begun(first)
    twice = once.asked_again(again, now=110)
    assert (twice == once) == ((first, again) != (StopReason.SUSPEND, StopReason.CANCEL))


@given(first=REASONS, events=st.lists(st.tuples(st.floats(0, 20), st.booleans(), REASONS, st.booleans())))
def test_a_stop_never_goes_back_a_phase(
    first: StopReason | None, events: list[tuple[float, bool, StopReason | None, bool]]
) -> None:
    stop, now = begun(first), 100.0
    for passed, written, reason, done in events:
        now += passed
        later = stop.at(now, written, done).asked_again(reason, now, done)
        assert later.phase >= stop.phase
        stop = later


@given(first=REASONS, can_checkpoint=st.booleans(), looks=st.lists(st.floats(0, 5)))
def test_however_often_the_clock_is_looked_at_a_stop_ends_in_sigkill_after_two_graces(
    first: StopReason | None, can_checkpoint: bool, looks: list[float]
) -> None:
    stop, now = begun(first, can_checkpoint), 100.0
    for passed in [*looks, 60, 60]:
        now += passed
        stop = stop.at(now, checkpoint_written=False)
    assert stop.phase is Phase.KILL
