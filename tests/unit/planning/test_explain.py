"""What people are told about a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

from fakes.clock import NOON
from fakes.problems import HOUR, job, problem, series

from scheduler.domain.prices import PowerPrice
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


def test_a_waiting_price_is_told_with_what_it_changed() -> None:
    asked = problem(job(7, within=5, patience_g_per_h=80), values=[400, 300, 280, 270, 150])
    said = explain(asked, plan(asked, "carbonq"), 7, pue=1.5)[1]
    assert "An hour of waiting is priced at 120 gCO2eq" in said
    assert "without that it would end at Mon 23 Nov 17:00 UTC and emit 225 gCO2eq less." in said


def test_a_waiting_price_that_changed_nothing_is_told_alone() -> None:
    asked = problem(job(7, within=4, patience_g_per_h=10), values=[400, 300, 100, 200])
    assert explain(asked, plan(asked, "carbonq"), 7)[1].endswith("An hour of waiting is priced at 10.0 gCO2eq.")


def test_others_are_where_they_are_when_it_is_told_what_a_waiting_price_changed() -> None:
    """The cleanest hour is another's: without its price the job would take the one before."""
    other = job(1, within=4, earliest_start=NOON + 3 * HOUR)
    asked = problem(other, job(7, within=4, patience_g_per_h=500), values=[400, 380, 250, 100])
    assert "it would end at Mon 23 Nov 15:00 UTC" in explain(asked, plan(asked, "carbonq"), 7)[1]


def test_what_power_costs_is_told_in_the_readers_money() -> None:
    price = PowerPrice(series([0.4, 0.4, 0.1, 0.1]), currency="EUR")
    asked = replace(problem(job(7, within=4), values=[400, 300, 100, 200]), price=price)
    said = explain(asked, plan(asked, "carbonq"), 7, pue=2.0)[1]
    assert said.endswith("Its power is expected to cost 0.20 EUR, 0.60 EUR less than first come, first served.")
