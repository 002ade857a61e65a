"""When to look again, and when to plan again."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_placement, a_plan
from hypothesis import given
from hypothesis import strategies as st

from scheduler.dispatch.replanning import START_GRACE, ReplanRules, ReplanState, Trigger, is_overtaken, on_event
from scheduler.dispatch.wakeup import next_wakeup
from scheduler.domain.lifecycle import JobState

GRACE = timedelta(seconds=2)
RULES = ReplanRules(debounce=timedelta(minutes=15), longest_plan=6 * HOUR)


def test_the_next_wakeup_is_the_next_planned_edge() -> None:
    """A pause counts as well as a start."""
    jobs = [a_job(1), a_job(2, JobState.RUNNING)]
    plan = a_plan(a_placement(1, (3, 5)), a_placement(2, (-1, 2), (4, 5)))
    assert next_wakeup(plan, jobs, NOON) == NOON + 2 * HOUR


def test_a_last_safe_start_wakes_the_daemon_without_a_plan() -> None:
    """Two hours of work by 24 h from noon."""
    assert next_wakeup(None, [a_job(1)], NOON) == NOON + 22 * HOUR


def test_nothing_ahead_is_no_wakeup() -> None:
    """Held jobs and placements of jobs that are gone do not count."""
    assert next_wakeup(a_plan(a_placement(9, (1, 2))), [a_job(1, JobState.HELD)], NOON) is None


def test_the_first_event_plans_at_once() -> None:
    """Someone waits for an answer."""
    decision = on_event(ReplanState(), Trigger.SUBMISSION, NOON, RULES)
    assert decision.replan_now and decision.at == NOON + 6 * HOUR


def test_a_burst_is_planned_once_more_after_the_debounce() -> None:
    """The second event waits, the third changes nothing, the tick plans."""
    state = on_event(ReplanState(), Trigger.SUBMISSION, NOON, RULES).state
    second = on_event(state, Trigger.END, NOON + timedelta(minutes=1), RULES)
    third = on_event(second.state, Trigger.FORECAST, NOON + timedelta(minutes=2), RULES)
    assert not second.replan_now and not third.replan_now
    assert second.at == third.at == NOON + timedelta(minutes=15)
    assert on_event(third.state, Trigger.TICK, NOON + timedelta(minutes=15), RULES).replan_now


def test_an_old_plan_is_made_again_though_nothing_happened() -> None:
    """Time itself makes a plan stale."""
    state = on_event(ReplanState(), Trigger.FORECAST, NOON, RULES).state
    assert not on_event(state, Trigger.TICK, NOON + 5 * HOUR, RULES).replan_now
    assert on_event(state, Trigger.TICK, NOON + 6 * HOUR, RULES).replan_now


def test_after_the_clock_was_set_back_a_plan_is_made_at_once() -> None:
    """A plan made in the future has passed: by its age it would be trusted until that comes."""
    state = on_event(ReplanState(), Trigger.FORECAST, NOON, RULES).state
    decision = on_event(state, Trigger.TICK, NOON - 3 * HOUR, RULES)
    assert decision.replan_now and decision.at == NOON + 3 * HOUR


def test_before_the_first_event_nothing_is_planned() -> None:
    """An empty house needs no plan."""
    assert on_event(ReplanState(), Trigger.TICK, NOON, RULES).at is None


@given(st.lists(st.tuples(st.sampled_from(sorted(Trigger)), st.integers(0, 3600)), max_size=40))
def test_plans_keep_their_distance_and_no_event_is_forgotten(events: list[tuple[Trigger, int]]) -> None:
    """Two plans are never closer than the debounce, and every event is followed by a plan within it."""
    state, at, now = ReplanState(), None, NOON
    plans, owed = list[datetime](), list[datetime]()
    for trigger, seconds in events:
        now += timedelta(seconds=seconds)
        while at is not None and at <= now:
            plans.append(at)
            ticked = on_event(state, Trigger.TICK, at, RULES)
            state, at = ticked.state, ticked.at
        decision = on_event(state, trigger, now, RULES)
        state, at = decision.state, decision.at
        plans += [now] if decision.replan_now else []
        owed += [now] if trigger is not Trigger.TICK else []
    plans += [state.wanted_at] if state.wanted_at else []
    assert all(later - earlier >= RULES.debounce for earlier, later in pairwise(plans))
    assert all(any(timedelta(0) <= plan - event <= RULES.debounce for plan in plans) for event in owed)


def test_a_plan_whose_job_has_not_ended_when_it_was_to_is_overtaken() -> None:
    """Not at the moment itself: a process takes a while to begin and to be seen to have ended."""
    plan, jobs = a_plan(a_placement(1, (0, 2), reason="running")), [a_job(1, JobState.RUNNING)]
    assert not is_overtaken(plan, jobs, NOON + 2 * HOUR, GRACE)
    assert is_overtaken(plan, jobs, NOON + 2 * HOUR + GRACE, GRACE)


def test_a_plan_whose_job_has_not_begun_when_it_was_to_is_overtaken() -> None:
    """Later than one whose job has not ended, for what keeps it from starting may keep it whatever is planned."""
    plan, jobs = a_plan(a_placement(1, (1, 3))), [a_job(1)]
    assert not is_overtaken(plan, jobs, NOON + HOUR + GRACE, GRACE)
    assert is_overtaken(plan, jobs, NOON + HOUR + START_GRACE, GRACE)
    assert is_overtaken(plan, jobs, NOON + 9 * HOUR, GRACE)


def test_jobs_shorter_than_a_minute_that_cannot_start_do_not_overtake_each_plan_at_once() -> None:
    plan, jobs = a_plan(a_placement(1, (0, 0.001))), [a_job(1)]
    assert not is_overtaken(plan, jobs, NOON + START_GRACE / 2, GRACE)
    assert is_overtaken(plan, jobs, NOON + START_GRACE, GRACE)


def test_a_plan_is_not_overtaken_while_jobs_wait_as_planned() -> None:
    """Before its start, between two stretches, held, cancelled since, or in no plan."""
    plan = a_plan(a_placement(1, (5, 6)), a_placement(2, (-1, 1), (5, 6)), a_placement(3, (0, 1)))
    jobs = [a_job(1), a_job(2, JobState.SUSPENDED), a_job(3, JobState.HELD), a_job(4, JobState.RUNNING)]
    assert not is_overtaken(plan, jobs, NOON + 4 * HOUR, GRACE)
    assert not is_overtaken(None, jobs, NOON + 4 * HOUR, GRACE)
