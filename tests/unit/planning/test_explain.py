"""What people are told about a plan."""

from __future__ import annotations

from datetime import timedelta, timezone

from fakes.clock import NOON
from fakes.problems import HOUR, job, problem

from scheduler.planning import explain, latest_safe_start, plan

VALUES = [400, 300, 100, 200, 50]


def test_a_waiting_job_is_told_for_what_what_it_saves_and_how_late_it_can_start() -> None:
    asked = problem(job(7, within=4), values=VALUES)
    waits, worth, change = explain(asked, plan(asked, "lowest-window"), 7)
    assert waits == "Job 7 waits for low-carbon power: Mon 23 Nov 14:00 UTC to Mon 23 Nov 15:00 UTC."
    assert worth == "It is expected to emit 100 gCO2eq, 300 gCO2eq (75%) less than 400 gCO2eq first come, first served."
    assert "as late as Mon 23 Nov 15:00 UTC" in change
    assert "`carbonq run-now 7`" in change


def test_a_job_that_is_only_rehearsed_has_no_number_in_its_sentences() -> None:
    """A dry run plans it under a number of its own making, which would mean nothing to anyone."""
    for asked in (problem(job(4711, within=4), values=VALUES), problem(job(4711, hours=6, within=4), values=VALUES)):
        said = " ".join(explain(asked, plan(asked, "lowest-window"), 4711, rehearsed=True))
        assert said.startswith("This job ") and "4711" not in said
    too_wide = problem(job(4711, width=3), values=VALUES)
    assert explain(too_wide, plan(too_wide, "lowest-window"), 4711, rehearsed=True) == (
        "This job needs 3 GPUs and the machine has 1",
    )


def test_times_are_told_in_the_readers_zone() -> None:
    asked = problem(job(7, within=4), values=VALUES)
    waits, *_ = explain(asked, plan(asked, "lowest-window"), 7, timezone(timedelta(hours=1), "CET"))
    assert "15:00 CET" in waits


def test_without_a_forecast_nothing_is_claimed() -> None:
    asked = problem(job(7, within=4))
    turn, worth, _ = explain(asked, plan(asked, "lowest-window"), 7)
    assert "no forecast is known" in turn
    assert "no saving is claimed" in worth


def test_a_job_that_may_run_long_is_told_why_it_does_not_wait() -> None:
    """By what is expected it could; but then fewer such jobs would be in time."""
    asked = problem(job(7, within=4, margin=5 * HOUR), values=VALUES)
    waits, _, change = explain(asked, plan(asked, "lowest-window"), 7)
    assert "no time to wait before its deadline" in waits
    assert change == "Begun later, it would meet its deadline with less confidence."


def test_a_job_that_will_be_late_is_told_so_and_what_to_do() -> None:
    asked = problem(job(7, hours=6, within=4), values=VALUES)
    assert "`carbonq update 7 --by TIME`" in explain(asked, plan(asked, "lowest-window"), 7)[2]


def test_a_job_that_no_machine_can_hold_is_told_why() -> None:
    asked = problem(job(7, width=3), values=VALUES)
    assert explain(asked, plan(asked, "lowest-window"), 7) == ("Job 7 needs 3 GPUs and the machine has 1",)


def test_a_dependant_is_told_whom_it_waits_for() -> None:
    asked = problem(job(1, within=2, hours=2), job(2, within=4, after=(1,)), values=[100, 100, 100, 100])
    assert explain(asked, plan(asked, "lowest-window"), 2)[0].startswith("Job 2 waits for job 1 to complete")


def test_the_latest_safe_start_leaves_time_for_the_work() -> None:
    assert latest_safe_start(job(hours=3, within=8)) == NOON + 5 * HOUR


def test_a_job_is_told_whether_others_are_after_its_hours() -> None:
    """Two jobs and one GPU in the cleanest hour: a place there is worth what the other loses."""
    alone = problem(job(1, within=4), values=VALUES)
    assert "Nobody else is after its hours." in explain(alone, plan(alone, "carbonq"), 1)[1]
    both = problem(job(1, within=4), job(2, within=4), values=VALUES)
    made = plan(both, "carbonq")
    cleanest = next(p.job for p in made.placements if p.start == NOON + 2 * HOUR)
    assert "Its hours are sought after: other jobs would save" in explain(both, made, cleanest)[1]
