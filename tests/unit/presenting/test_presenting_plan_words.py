"""What people are told about a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any

from fakes.clock import NOON
from fakes.problems import HOUR, job, problem, series
from fakes.queue import a_job, a_spec

from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import JobState
from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.domain.prices import PowerPrice
from scheduler.planning import plan
from scheduler.presenting.plan_words import plan_words

VALUES = [400, 300, 100, 200, 50]


def of(number: int, *, deadline: bool = True, **fields: Any) -> Job:
    """A job of the queue; what matters of it is its number, its state and whether somebody named a deadline."""
    return a_job(number, **{"spec": a_spec(deadline=NOON + 4 * HOUR if deadline else None), **fields})


def words(
    asked: PlanningProblem,
    known: Job | int = 7,
    policy: str = "lowest-window",
    made: Plan | None = None,
    zone: tzinfo = UTC,
    **told: Any,
) -> tuple[str, ...]:
    known = of(known) if isinstance(known, int) else known
    return plan_words(asked, made or plan(asked, policy), known, zone, **told)


# --- when, what for, what would change it
def test_a_waiting_job_is_told_for_what_what_it_saves_and_how_late_it_can_start() -> None:
    waits, worth, change = words(problem(job(7, within=4), values=VALUES))
    assert waits == "Job 7 waits for low-carbon power: Mon 23 Nov 14:00 UTC to Mon 23 Nov 15:00 UTC."
    assert worth == "It is expected to emit 100 gCO2eq, 300 gCO2eq (75%) less than 400 gCO2eq first come, first served."
    assert "as late as Mon 23 Nov 15:00 UTC" in change
    assert "`carbonq run-now 7`" in change


def test_a_job_that_is_only_rehearsed_has_no_number_in_its_sentences() -> None:
    """A dry run plans it under a number of its own making, which would mean nothing to anyone."""
    for asked in (problem(job(4711, within=4), values=VALUES), problem(job(4711, hours=6, within=4), values=VALUES)):
        said = " ".join(words(asked, 4711, rehearsed=True))
        assert said.startswith("This job ") and "4711" not in said
    too_wide = problem(job(4711, width=3), values=VALUES)
    assert words(too_wide, 4711, rehearsed=True) == ("This job needs 3 GPUs and the machine has 1",)


def test_times_are_told_in_the_readers_zone() -> None:
    waits, *_ = words(problem(job(7, within=4), values=VALUES), zone=timezone(timedelta(hours=1), "CET"))
    assert "15:00 CET" in waits


def test_a_moment_of_another_year_is_told_with_its_year() -> None:
    """A weekday and a day of the month alone would be taken for those of this year."""
    change = words(problem(job(7, within=24 * 365), values=VALUES))[2]
    assert "as late as Tue 23 Nov 2027 11:00 UTC" in change


def test_without_a_forecast_nothing_is_claimed() -> None:
    turn, worth, _ = words(problem(job(7, within=4)))
    assert "no forecast is known" in turn
    assert "no saving is claimed" in worth


def test_a_job_that_may_run_long_is_told_why_it_does_not_wait() -> None:
    """By what is expected it could; but then fewer such jobs would be in time."""
    waits, _, change = words(problem(job(7, within=4, margin=5 * HOUR), values=VALUES))
    assert "no time to wait before its deadline" in waits
    assert change == "Begun later, it would meet its deadline with less confidence."


def test_a_job_that_cannot_be_in_time_is_told_so_when_it_ends_and_what_to_do() -> None:
    """It may even wait, for a place: that it has no time to would be no reason."""
    asked = problem(job(1, hours=2, within=2, running=True), job(7, hours=3, within=4), values=VALUES)
    waits, _, change = words(asked)
    assert waits == (
        "Job 7 cannot meet its deadline of Mon 23 Nov 16:00 UTC: it is planned from Mon 23 Nov 14:00 UTC to "
        "Mon 23 Nov 17:00 UTC and so ends 1 h late."
    )
    assert change == "`carbonq update 7 --by TIME` gives it a later one."


def test_a_late_job_that_has_no_deadline_is_not_said_to_have_one() -> None:
    waits, _, change = words(problem(job(7, hours=6, within=4), values=VALUES), of(7, deadline=False))
    assert waits.startswith("Job 7 cannot end within the longest wait, until Mon 23 Nov 16:00 UTC: ")
    assert change == "It runs as early as the jobs before it let it."


def test_a_job_without_a_deadline_that_can_wait_no_longer_is_not_said_to_have_one() -> None:
    waits = words(problem(job(7, within=1), values=VALUES), of(7, deadline=False))[0]
    assert waits.startswith("Job 7 has no time to wait before the longest wait is over: ")


def test_a_job_that_no_machine_can_hold_is_told_why() -> None:
    assert words(problem(job(7, width=3), values=VALUES)) == ("Job 7 needs 3 GPUs and the machine has 1",)


def test_a_dependant_is_told_whom_it_waits_for() -> None:
    asked = problem(job(1, within=2, hours=2), job(2, within=4, after=(1,)), values=[100, 100, 100, 100])
    assert words(asked, 2)[0].startswith("Job 2 waits for job 1 to complete")


def test_a_dependant_that_waits_for_cleaner_power_too_is_told_both_and_what_it_cannot_do() -> None:
    """To be run now is not to be run before those it comes after."""
    asked = problem(job(1, within=2), job(2, within=5, after=(1,)), values=VALUES)
    waits, _, change = words(asked, 2)
    assert waits.startswith("Job 2 waits for job 1 to complete and for low-carbon power: Mon 23 Nov 16:00 UTC")
    assert change.endswith("`carbonq run-now 2` starts it once job 1 has completed.")


def test_a_late_dependant_is_told_both() -> None:
    asked = problem(job(1, within=4, hours=2), job(2, within=2, after=(1,)), values=VALUES)
    assert words(asked, 2)[0].startswith("Job 2, which waits for job 1 to complete, cannot meet its deadline")


def test_where_first_come_first_served_would_be_too_late_that_is_told() -> None:
    """It begins in time and in dirtier hours; what would emit less is not to be had by the deadline."""
    before = job(1, hours=4, within=24)
    runs = job(2, hours=4, within=4, running=True)
    values = [300, 290, 200, 310, 100, 100, 100, 100, 100, 100]
    asked = problem(before, runs, job(7, within=3), values=values, gpus=2)
    waits, worth, _ = words(asked, policy="carbonq")
    assert waits == "Job 7 waits for low-carbon power: Mon 23 Nov 14:00 UTC to Mon 23 Nov 15:00 UTC."
    assert worth.startswith(
        "It is expected to emit 200 gCO2eq, 100 gCO2eq (100%) more than 100 gCO2eq first come, first served, which "
        "would end it after its deadline."
    )
    longest = words(asked, of(7, deadline=False), policy="carbonq")[1]
    assert "first come, first served, which would end it after the longest wait." in longest


def test_of_a_job_that_is_late_itself_nothing_more_is_told_of_the_comparison() -> None:
    asked = problem(job(1, hours=2, within=2, running=True), job(7, hours=3, within=4), values=VALUES)
    assert words(asked)[1].endswith(" first come, first served.")


# --- of a job that runs
def test_what_a_running_job_is_expected_to_emit_is_said_to_be_for_the_rest() -> None:
    """What it has emitted is known by now and is no part of a plan; nor is there anything to compare the rest with."""
    running, worth, change = words(
        problem(job(7, within=4, running=True), values=VALUES), of(7, state=JobState.RUNNING)
    )
    assert running == "Job 7 is running and is to end at Mon 23 Nov 13:00 UTC."
    assert worth == "It is expected to emit 400 gCO2eq for the rest."
    assert change == "It keeps its places until it ends."


def test_what_runs_by_its_users_wish_is_not_said_to_pause() -> None:
    asked = problem(job(7, within=4, interruptible=True, running=True, run_now=True), values=VALUES)
    *_, change = words(asked, of(7, state=JobState.RUNNING))
    assert change == "It keeps its places until it ends."


def test_so_is_that_of_a_job_that_waits_to_go_on() -> None:
    suspended = of(7, state=JobState.SUSPENDED, work_done=HOUR)
    worth = words(problem(job(7, within=4, interruptible=True), values=VALUES), suspended)[1]
    assert worth.startswith("It is expected to emit 100 gCO2eq for the rest, 300 gCO2eq (75%) less than")


def test_a_job_that_has_begun_since_the_plan_was_made_is_not_said_to_begin() -> None:
    """Until the next plan this one speaks of the start as of something to come."""
    asked = problem(job(7, within=4, run_now=True), values=VALUES)
    assert words(asked)[::2] == (
        "Job 7 starts at once: Mon 23 Nov 12:00 UTC to Mon 23 Nov 13:00 UTC.", "Nothing holds it back.",
    )  # fmt: skip
    for state in (JobState.STARTING, JobState.RUNNING):
        runs, _, change = words(asked, of(7, state=state))
        assert runs == f"Job 7 is {state} and is to end at Mon 23 Nov 13:00 UTC."
        assert change == "It keeps its places until it ends."


def test_a_running_job_that_will_be_late_is_told_so() -> None:
    asked = problem(job(7, hours=6, within=4, running=True), values=VALUES)
    runs, _, change = words(asked, of(7, state=JobState.RUNNING))
    assert runs.endswith("is to end at Mon 23 Nov 18:00 UTC, after its deadline of Mon 23 Nov 16:00 UTC.")
    assert change == "`carbonq update 7 --by TIME` gives it a later one."


# --- what others would gain, and what else is weighed
def test_a_job_is_told_whether_others_are_after_its_hours() -> None:
    """Two jobs and one GPU in the cleanest hour: a place there is worth what the other loses."""
    alone = problem(job(1, within=4), values=VALUES)
    assert "No other job would gain by having its places." in words(alone, 1, "carbonq")[1]
    both = problem(job(1, within=4), job(2, within=4), values=VALUES)
    made = plan(both, "carbonq")
    cleanest = next(p.job for p in made.placements if p.start == NOON + 2 * HOUR)
    said = words(both, cleanest, made=made)[1]
    assert "Its hours are sought after: other jobs would save" in said
    assert said.endswith("with one more GPU for an hour.")


def test_a_waiting_price_is_told_with_what_it_changed() -> None:
    asked = problem(job(7, within=5, patience_g_per_h=80), values=[400, 300, 280, 270, 150])
    said = words(asked, policy="carbonq", pue=1.5)[1]
    assert "An hour of waiting is priced at 120 gCO2eq" in said
    assert "without that it would end at Mon 23 Nov 17:00 UTC and emit 225 gCO2eq less." in said


def test_a_waiting_price_that_changed_nothing_is_told_alone() -> None:
    asked = problem(job(7, within=4, patience_g_per_h=10), values=[400, 300, 100, 200])
    assert words(asked, policy="carbonq")[1].endswith("An hour of waiting is priced at 10.0 gCO2eq.")


def test_others_are_where_they_are_when_it_is_told_what_a_waiting_price_changed() -> None:
    """The cleanest hour is another's: without its price the job would take the one before."""
    other = job(1, within=4, earliest_start=NOON + 3 * HOUR)
    asked = problem(other, job(7, within=4, patience_g_per_h=500), values=[400, 380, 250, 100])
    assert "it would end at Mon 23 Nov 15:00 UTC" in words(asked, policy="carbonq")[1]


def test_what_power_costs_is_told_in_the_readers_money() -> None:
    price = PowerPrice(series([0.4, 0.4, 0.1, 0.1]), currency="EUR")
    asked = replace(problem(job(7, within=4), values=[400, 300, 100, 200]), price=price)
    said = words(asked, policy="carbonq", pue=2.0)[1]
    assert said.endswith("Its power is expected to cost 0.20 EUR, 0.60 EUR less than first come, first served.")


def with_money(values: list[float], prices: list[float], weight_g_per_unit: float, **fields: Any) -> PlanningProblem:
    price = PowerPrice(series(prices), weight_g_per_unit, currency="EUR")
    return replace(problem(job(7, within=len(values), **fields), values=values), price=price)


def test_a_job_that_money_moves_is_not_said_to_wait_for_low_carbon_power() -> None:
    """It emits more than it could, and more than at once; what a unit of money weighs is why."""
    other = job(1, within=4, earliest_start=NOON + HOUR)
    asked = with_money([200, 300, 210, 220], [0.5, 0.4, 0.01, 0.4], 500)
    waits, worth, _ = words(replace(asked, jobs=(*asked.jobs, other)), policy="carbonq")
    assert waits.startswith("Job 7 waits for cheaper power: Mon 23 Nov 14:00 UTC")
    assert worth.startswith("It is expected to emit 210 gCO2eq, 10 gCO2eq (5%) more than 200 gCO2eq first come")
    assert "1 EUR is weighed as 500 gCO2eq; without that it would end at Mon 23 Nov 13:00 UTC and emit 10.0" in worth


def test_a_job_that_waits_for_both_is_told_so() -> None:
    """It saves grams and money, and money made it save fewer grams than it could have."""
    waits, worth, _ = words(with_money([400, 120, 100, 300], [0.5, 0.1, 0.3, 0.5], 500), policy="carbonq")
    assert waits.startswith("Job 7 waits for cheaper and low-carbon power: Mon 23 Nov 13:00 UTC")
    assert "1 EUR is weighed as 500 gCO2eq; without that it would end at Mon 23 Nov 15:00 UTC and emit 20.0" in worth


def test_what_money_hardly_changed_is_not_told() -> None:
    waits, worth, _ = words(with_money([400, 100.2, 100, 300], [0.5, 0.1, 0.3, 0.5], 500), policy="carbonq")
    assert waits.startswith("Job 7 waits for low-carbon power: Mon 23 Nov 13:00 UTC") and "without that" not in worth


def test_where_waiting_and_money_are_weighed_it_is_told_what_both_changed() -> None:
    asked = with_money([400, 120, 100, 300], [0.5, 0.1, 0.3, 0.5], 500, patience_g_per_h=10)
    said = words(asked, policy="carbonq")[1]
    assert "An hour of waiting is priced at 10.0 gCO2eq and 1 EUR is weighed as 500 gCO2eq; without both it" in said


def test_money_that_changes_nothing_leaves_a_job_waiting_for_low_carbon_power() -> None:
    waits, worth, _ = words(with_money([400, 300, 100, 200], [0.4, 0.4, 0.1, 0.4], 500), policy="carbonq")
    assert waits.startswith("Job 7 waits for low-carbon power")
    assert "1 EUR is weighed as 500 gCO2eq. " in worth


def test_a_policy_that_heeds_neither_is_not_said_to_weigh_them() -> None:
    asked = with_money([400, 300, 100, 200], [0.4, 0.4, 0.1, 0.4], 500, patience_g_per_h=10)
    said = words(asked, policy="run-now")[1]
    assert "weighed" not in said and "priced" not in said


def test_a_difference_too_small_to_speak_of_is_not_said_to_be_none() -> None:
    said = words(problem(job(7, within=2), values=[400, 399, 500]))[1]
    assert "expected to emit 399 gCO2eq, about as much as 400 gCO2eq first come, first served." in said
