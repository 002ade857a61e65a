"""The one table of steps between a job's states."""

from __future__ import annotations

import pytest

from scheduler.domain.errors import IllegalTransition
from scheduler.domain.lifecycle import TERMINAL, TRANSITIONS, JobEvent, JobState, advance


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("event", list(JobEvent))
def test_nothing_leaves_a_terminal_state(state: JobState, event: JobEvent) -> None:
    with pytest.raises(IllegalTransition, match=f"a {state} job cannot take the step '{event}'"):
        advance(state, event)


def test_every_state_can_be_reached_from_the_queue() -> None:
    reached = {JobState.QUEUED}
    while fresh := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
        reached |= fresh
    assert reached == set(JobState)


@pytest.mark.parametrize("state", sorted(set(JobState) - TERMINAL))
def test_every_living_state_leads_to_an_end(state: JobState) -> None:
    """No job can be stuck for ever by the table itself."""
    reached = {state}
    while fresh := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
        reached |= fresh
    assert reached & TERMINAL


def test_a_job_starts_only_from_a_state_in_which_it_waits() -> None:
    """One start at a time: a job that starts, runs or is held cannot be launched again."""
    launchable = {before for before, event in TRANSITIONS if event is JobEvent.LAUNCH}
    assert launchable == {JobState.QUEUED, JobState.SUSPENDED}


def test_the_life_of_a_job_that_is_suspended_once() -> None:
    state = JobState.QUEUED
    for event in (
        JobEvent.LAUNCH, JobEvent.STARTED, JobEvent.SUSPENDED, JobEvent.LAUNCH, JobEvent.STARTED, JobEvent.EXITED_ZERO,
    ):  # fmt: skip
        state = advance(state, event)
    assert state is JobState.COMPLETED
