"""Why a waiting job waits."""

from __future__ import annotations

import pytest
from fakes.clock import NOON
from fakes.queue import HOUR, a_job, a_placement, a_spec

from scheduler.dispatch.dependencies import Verdict, dependency_verdict
from scheduler.dispatch.reasons import waiting_reason
from scheduler.domain.lifecycle import JobState, Reason
from scheduler.domain.plans import Placement


@pytest.mark.parametrize(
    ("verdict", "placement", "reason"),
    [
        (Verdict.WAITING, a_placement(1, (3, 5)), Reason.DEPENDENCY),
        (Verdict.MET, a_placement(1, (3, 5)), Reason.CARBON_WINDOW),
        (Verdict.MET, a_placement(1, (3, 5), reason="resources"), Reason.RESOURCES),
        (Verdict.MET, a_placement(1, (-1, 5)), Reason.RESOURCES),
        (Verdict.MET, None, Reason.NEW),
    ],
)
def test_the_reason_says_what_keeps_a_job_waiting(
    verdict: Verdict, placement: Placement | None, reason: Reason
) -> None:
    """A job whose interval has begun and that still waits, waits for its places."""
    assert waiting_reason(a_job(), verdict, placement, NOON) is reason


def test_a_job_without_slack_is_due() -> None:
    """Whatever the plan says of it."""
    assert waiting_reason(a_job(finish_by=NOON + HOUR), Verdict.MET, None, NOON) is Reason.DUE


def test_an_unknown_job_is_waited_for() -> None:
    """Nothing fails because a state is not at hand."""
    job = a_job(2, spec=a_spec(after=(1,)))
    assert dependency_verdict(job, {}) is Verdict.WAITING
    assert dependency_verdict(job, {1: JobState.LOST}) is Verdict.FAILED
