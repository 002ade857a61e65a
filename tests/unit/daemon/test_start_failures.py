"""A start that comes to nothing is tried ever more rarely until one runs, and is told of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.clock import NOON

from scheduler.daemon.start_failures import StartFailures
from scheduler.domain.runs import SegmentId

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
SEGMENT = SegmentId(1, 1, 1)


@pytest.fixture
def failures() -> StartFailures:
    return StartFailures()


def test_each_failure_doubles_the_rest_up_to_five_minutes_and_a_run_ends_it(failures: StartFailures) -> None:
    rests = []
    for _ in range(10):
        failures.note(SEGMENT, "refused", NOON)
        rests.append(next(s for s in range(1000) if not failures.resting(NOON + s * SECOND)))
    assert rests == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    failures.forget(1)
    failures.note(SEGMENT, "refused", NOON)
    assert failures.resting(NOON + 2 * SECOND) == frozenset()


def test_a_start_that_failed_before_the_clock_was_set_back_rests_no_longer(failures: StartFailures) -> None:
    failures.note(SEGMENT, "refused", NOON)
    assert failures.resting(NOON) == {1}
    assert failures.resting(NOON - HOUR) == frozenset()


def test_a_start_that_was_refused_and_is_then_seen_never_to_have_begun_failed_once(failures: StartFailures) -> None:
    refused = failures.note(SEGMENT, "refused", NOON)
    assert failures.note_never_begun(SEGMENT, NOON + HOUR) == refused
    again = failures.note_never_begun(SegmentId(1, 1, 2), NOON + HOUR)
    assert (again.times, "`supervisor.log` in the folder 1-1-2" in again.reason) == (2, True)


def test_the_third_failure_in_a_row_is_worth_telling_and_those_of_ended_jobs_are_not(failures: StartFailures) -> None:
    for number in (1, 2, 3):
        assert failures.keeping_on() == {}
        failing = failures.note(SegmentId(1, 1, number), "refused", NOON)
        failures.note(SegmentId(number + 1, 1, 1), "refused", NOON)
    assert failures.keeping_on() == {1: failing}
    assert failing.words == "each of its last 3 starts came to nothing: refused; it is tried again within 8.0 s"
    failures.keep_only({2, 3})
    assert failures.keeping_on() == {} and failures.resting(NOON) == {2, 3}
