"""What the commands that look show: lists, one job, history, plan, grid, health."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fakes.clock import NOON
from fakes.views import COMPLETED, a_certainty, a_placement, a_status

from scheduler.cli import times
from scheduler.cli.plan import plan_lines
from scheduler.domain.lifecycle import JobState, Reason
from scheduler.domain.statements import Settlement

if TYPE_CHECKING:
    from conftest import CommandLine

ROW_FIELDS = {
    "id", "name", "state", "reason", "user", "project", "tags", "zone", "gpus", "submitted_at", "started_at",
    "ended_at", "exit_code", "attempts", "energy_kwh", "pue", "emissions_g", "run_now_emissions_g",
    "at_submission_emissions_g", "difference_g", "statement", "coverage", "method",
}  # fmt: skip
"""Promised to programs that read --json."""


def test_a_job_row_has_every_promised_field(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    for argv in (["list"], ["history"]):
        assert set(carbonq(*argv, "--json").json[0]) >= ROW_FIELDS
    assert set(carbonq("show", "1", "--json").json) >= ROW_FIELDS
    assert set(carbonq("submit", "--json", "true").json) >= ROW_FIELDS


def test_list_asks_for_what_the_user_wants(carbonq: CommandLine) -> None:
    carbonq("list", "--state", "queued,held", "--state", "running", "--user", "ada", "--tag", "x", "--limit", "5")
    query = carbonq.service.queries[0]
    assert query.states == {JobState.QUEUED, JobState.HELD, JobState.RUNNING}
    assert (query.user, query.tag, query.limit) == ("ada", "x", 5)


def test_list_shows_old_jobs_only_when_asked(carbonq: CommandLine) -> None:
    carbonq.service.add(**{**COMPLETED, "ended_at": NOON - timedelta(days=3)})
    assert carbonq("list", "--json").json == []
    assert len(carbonq("list", "--all", "--json").json) == 1


def test_a_planned_time_is_told_from_one_that_happened(carbonq: CommandLine) -> None:
    carbonq.service.add()
    carbonq.service.add(**COMPLETED)
    waiting, done = carbonq("list").out.splitlines()[1:3]
    assert "~" in waiting and "~" not in done


def test_history_sums_are_asked_for_by_name(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    assert "2026-11-23" in carbonq("history", "--by", "day").out
    assert carbonq("history", "--by", "user", "--json").json[0]["by"] == "user"


def test_history_is_asked_for_between_two_moments(carbonq: CommandLine) -> None:
    carbonq("history", "--since", "2026-11-01", "--until", "2026-11-20 12:00", "--project", "p", "--zone", "GB")
    query = carbonq.service.queries[0]
    assert query.since is not None and query.since.isoformat() == "2026-11-01T00:00:00+00:00"
    assert query.until is not None and query.until.isoformat() == "2026-11-20T12:00:00+00:00"
    assert (query.project, query.zone) == ("p", "GB")


def test_history_as_csv_can_be_read_back(carbonq: CommandLine) -> None:
    """Unknown is an empty cell; a heading is there even without rows."""
    assert carbonq("history", "--csv").out.startswith("id,name,state")
    carbonq.service.add(**{**COMPLETED, "name": 'a "b", c', "tags": ("x", "y"), "at_submission_emissions_g": None})
    (row,) = csv.DictReader(io.StringIO(carbonq("history", "--csv").out))
    assert (row["name"], row["tags"], row["emissions_g"]) == ('a "b", c', "x y", "24.0")
    assert row["at_submission_emissions_g"] == ""
    groups = list(csv.DictReader(io.StringIO(carbonq("history", "--by", "day", "--csv").out)))
    assert groups[0]["jobs"] == "1"


def test_a_provisional_figure_is_marked_and_explained(carbonq: CommandLine) -> None:
    carbonq.service.add(**{**COMPLETED, "statement": Settlement.PROVISIONAL})
    out = carbonq("history").out
    assert "~24.0 gCO2eq" in out and "provisional" in out.splitlines()[-1]
    assert "~24.0 gCO2eq" in carbonq("list", "--all").out


@pytest.mark.parametrize("argv", [["list", "--all"], ["history"], ["history", "--by", "day"]])
def test_the_intensity_that_emissions_are_by_is_said_once(carbonq: CommandLine, argv: list[str]) -> None:
    """A job that has not run has none."""
    for fields in (COMPLETED, COMPLETED, {}):
        carbonq.service.add(**fields)
    lines = carbonq(*argv).out.splitlines()
    assert [line for line in lines if "average" in line] == [
        "Carbon intensity: neso/GB (average, consumption, lifecycle)"
    ]


@pytest.mark.parametrize("argv", [["list", "--all"], ["history"]])
def test_where_jobs_are_settled_by_several_intensities_each_row_says_which(
    carbonq: CommandLine, argv: list[str]
) -> None:
    """Grams by average and by marginal intensity are not of one kind."""
    marginal = "watttime/CAISO_NORTH (marginal, consumption, direct)"
    carbonq.service.add(**COMPLETED)
    carbonq.service.add(**{**COMPLETED, "intensity": marginal})
    lines = carbonq(*argv).out.splitlines()
    assert lines[0].endswith("INTENSITY")
    assert (lines[1].split()[-1], lines[2].split()[-1]) == ("[1]", "[2]")
    assert lines[3:6] == [
        "Carbon intensity:", "[1] neso/GB (average, consumption, lifecycle)", f"[2] {marginal}",
    ]  # fmt: skip


def test_sums_by_several_intensities_are_rows_of_their_own(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    carbonq.service.add(**{**COMPLETED, "intensity": "watttime/CAISO_NORTH (marginal, consumption, direct)"})
    assert [line.split()[-1] for line in carbonq("history", "--by", "day").out.splitlines()[1:3]] == ["[1]", "[2]"]
    rows = list(csv.DictReader(io.StringIO(carbonq("history", "--by", "day", "--csv").out)))
    assert [row["jobs"] for row in rows] == ["1", "1"]


def test_a_sum_says_how_many_jobs_its_comparison_leaves_out_and_is_unknown_where_it_leaves_out_all(
    carbonq: CommandLine,
) -> None:
    without = {**COMPLETED, "run_now_emissions_g": None, "difference_g": None}
    carbonq.service.add(**without)
    (row,) = carbonq("history", "--by", "day", "--json").json
    assert (row["run_now_emissions_g"], row["difference_g"]) == (None, None)
    carbonq.service.add(**COMPLETED)
    assert "of which both are known; 1 job left out." in carbonq("history", "--by", "day").out


def test_the_intensity_is_a_field_of_each_row(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    carbonq.service.add()
    named = "neso/GB (average, consumption, lifecycle)"
    assert [row["intensity"] for row in carbonq("list", "--json").json] == [named, None]
    assert carbonq("history", "--csv").out.splitlines()[1].endswith(f'"{named}"')
    assert carbonq("history", "--by", "day", "--json").json[0]["intensities"] == [named]


def test_an_unknown_figure_is_not_marked_provisional(carbonq: CommandLine) -> None:
    carbonq.service.add(**{**COMPLETED, "statement": Settlement.PROVISIONAL, "difference_g": None})
    assert "~–" not in carbonq("history").out


def test_show_gives_every_figure_its_unit_and_method(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    out = carbonq("show", "1").out
    assert "0.40 kWh IT (measured), PUE 1" in out
    assert "24.0 gCO2eq (final, intensity known for 100 % of the energy)" in out
    assert "intensity   neso/GB (average, consumption, lifecycle)" in out
    assert "300 W (assumed)" in out


def test_show_says_how_long_a_job_may_run_and_how_surely_it_is_in_time(carbonq: CommandLine) -> None:
    carbonq.service.add()
    out = carbonq("show", "1").out
    assert "5 h 10 min with 90 % confidence (by 7 like jobs)" in out
    assert "with 97 % confidence; with 90 % it ends by" in out


def test_show_of_a_job_planned_for_longer_than_such_jobs_run_tells_both(carbonq: CommandLine) -> None:
    carbonq.service.add()
    carbonq.service.certainty = replace(a_certainty(carbonq.service.now), running_time_s=3.0)
    out = carbonq("show", "1").out
    assert "3.0 s with 90 % confidence (by 7 like jobs), though planned for 4 h" in out
    assert "with 97 % confidence; in all that is planned it ends by" in out


def test_history_counts_the_deadlines_that_were_met(carbonq: CommandLine) -> None:
    """Of jobs that completed and had one."""
    carbonq.service.add(**COMPLETED)
    assert "Deadlines met" not in carbonq("history").out
    ended = carbonq.service.now
    carbonq.service.add(**{**COMPLETED, "ended_at": ended, "deadline": ended})
    carbonq.service.add(**{**COMPLETED, "ended_at": ended, "deadline": ended - timedelta(hours=1)})
    assert "Deadlines met: 1 of 2, of the jobs that completed." in carbonq("history").out


def test_explain_gives_sentences_and_figures(carbonq: CommandLine) -> None:
    carbonq.service.add()
    out = carbonq("explain", "1").out
    assert "waits for cleaner power" in out and "210 gCO2eq/kWh" in out


def test_the_figures_of_explain_add_up_as_its_sentences_do(carbonq: CommandLine) -> None:
    carbonq.service.add()
    placed = a_placement(1, carbonq.service.now)
    carbonq.service.placed = replace(placed, emissions_g=142.4, run_now_emissions_g=265.7, difference_g=123.3)
    out = carbonq("explain", "1").out
    assert [line.split("  ")[-1].strip() for line in out.splitlines() if line.startswith("  emissions")] == [
        "142 gCO2eq", "266 gCO2eq",
    ]  # fmt: skip
    assert "difference            124 gCO2eq (46 %)" in out


def test_the_plan_is_drawn_with_gpus_as_rows(carbonq: CommandLine) -> None:
    carbonq.service.now = times.now()
    carbonq.service.add(name="night-run")
    out = carbonq("plan").out
    assert "GPU 0" in out and "GPU 1" in out and "▓" in out
    assert "gCO2eq/kWh" in out and "night-run" in out and "72.0 gCO2eq" in out


def test_the_plan_names_the_gpus_that_each_stretch_is_drawn_on(carbonq: CommandLine) -> None:
    carbonq.service.add()
    answer = carbonq("plan", "--json").json
    (job,) = answer["jobs"]
    assert [{"start": s["start"], "end": s["end"]} for s in job["stretches"]] == job["placement"]["stretches"]
    assert job["stretches"][0]["places"] == [answer["gpus"][0]["id"]]


def test_the_plan_lists_held_jobs_as_not_planned(carbonq: CommandLine) -> None:
    carbonq.service.add()
    carbonq.service.add(name="night-run", state=JobState.HELD, reason=Reason.HELD_BY_USER)
    out = carbonq("plan").out
    assert "Not planned:\n  night-run: Job 2 is held; `carbonq release 2` lets it be planned.\n" in out
    answer = carbonq("plan", "--json").json
    assert [job["placement"]["job"] for job in answer["jobs"]] == [1]
    assert [(job["job"], job["state"]) for job in answer["unplanned"]] == [(2, "held")]


def test_a_plan_without_jobs_says_so(carbonq: CommandLine) -> None:
    assert "No jobs are planned" in carbonq("plan").out


def test_the_forecast_is_a_chart_with_its_lowest_hour(carbonq: CommandLine) -> None:
    carbonq.service.now = times.now()
    out = carbonq("grid", "forecast").out
    assert "█" in out and "Lowest: 60 gCO2eq/kWh" in out and "issued 20 min ago" in out


def test_the_forecast_can_be_cut(carbonq: CommandLine) -> None:
    carbonq.service.now = times.now()
    assert len(carbonq("grid", "forecast", "--hours", "2", "--json").json["slots"]) in (4, 5)


def test_an_error_that_a_note_gives_as_the_reason_is_not_said_again(carbonq: CommandLine) -> None:
    carbonq.service.provider = {"last_error": "HTTP 503", "notes": ("free", "neso gives no forecast: HTTP 503")}
    answer = carbonq("grid", "providers")
    assert (answer.out + answer.err).count("HTTP 503") == 1
    carbonq.service.provider = {"last_error": "HTTP 503"}
    assert "neso: HTTP 503" in carbonq("grid", "providers").err


def test_a_forecast_that_is_over_is_said_to_be(carbonq: CommandLine) -> None:
    carbonq.service.now = NOON - timedelta(days=900)
    assert "no forecast" in carbonq("grid", "forecast").out


def test_the_grid_says_its_source_kind_and_age(carbonq: CommandLine) -> None:
    out = carbonq("grid", "now").out
    assert "210 gCO2eq/kWh" in out and "average" in out and "forecast 20 min old" in out and "NESO" in out


def test_the_plan_and_explain_say_which_kind_of_intensity_they_rest_on(carbonq: CommandLine) -> None:
    """Once each: an average and a margin mean different things."""
    carbonq.service.now = times.now()
    carbonq.service.add()
    drawn, told = carbonq("plan").out, carbonq("explain", "1").out
    assert drawn.count("average carbon intensity of GB, ") == 1
    assert "Planned with: forecast of neso; average carbon intensity of GB, location-based." in told
    assert {"kind", "accounting", "basis", "pue"} <= carbonq("plan", "--json").json.keys()


def test_the_range_of_the_strip_does_not_hang_on_the_width_of_the_terminal(
    carbonq: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In few columns each is a mean, but what is said of the hours drawn stays what they are."""
    carbonq.service.now = times.now()
    carbonq.service.add()
    said = []
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        said.append(next(line for line in carbonq("plan").out.splitlines() if "intensity of GB" in line).strip())
    assert said == ["average carbon intensity of GB, 112 to 240 gCO2eq/kWh"] * 2


def test_what_is_wrong_is_said_once_in_a_plan_without_a_forecast(carbonq: CommandLine) -> None:
    answer = {
        **carbonq("plan", "--json").json,
        "forecast_age_s": None,
        "forecast_by": "no forecast, so jobs run in their order and no saving is claimed",
        "notes": ["no forecast: jobs run in order and nothing is claimed", "the price file is gone"],
    }
    said = list(plan_lines(answer, times.now()))
    assert "the price file is gone" in said
    assert sum("claimed" in line for line in said) == 1


def test_several_jobs_are_changed_at_once(carbonq: CommandLine) -> None:
    for _ in range(3):
        carbonq.service.add()
    answer = carbonq("hold", "1", "3", "--json")
    assert [row["state"] for row in answer.json] == ["held", "held"]
    assert carbonq.service.rows[2].state is JobState.QUEUED


def test_one_job_that_cannot_be_changed_does_not_keep_others_from_it(carbonq: CommandLine) -> None:
    """What was done is said, and what was not; the status is that of the first problem."""
    for fields in ({}, COMPLETED, {}):
        carbonq.service.add(**fields)
    answer = carbonq("cancel", "1", "2", "3", "9", "3")
    assert [line.split(" (")[0] for line in answer.out.splitlines()] == ["Job 1", "Job 3"]
    ended, unknown = answer.err.splitlines()
    assert "job 2 has ended" in ended and "no job 9" in unknown
    assert answer.status == 2
    assert carbonq.service.rows[3].state is JobState.CANCELLED


def test_under_json_an_error_stands_in_the_place_of_its_row(carbonq: CommandLine) -> None:
    for fields in (COMPLETED, {}):
        carbonq.service.add(**fields)
    answer = carbonq("update", "1", "2", "9", "--by", "none", "--json")
    assert [value["id"] for value in answer.json] == [1, 2, 9]
    assert answer.json[2]["error"]["code"] == "not-found"
    assert (answer.status, answer.err) == (2, "")


def test_jobs_are_cancelled_from_the_last_one_on(carbonq: CommandLine) -> None:
    """One that comes after another would fall with it, and then there would be nothing left to cancel."""
    for _ in range(3):
        carbonq.service.add()
    carbonq.service.falls_with = {1: 2, 2: 3}
    answer = carbonq("cancel", "1", "2", "3")
    assert (answer.status, answer.err) == (0, "")
    assert [line.split(" (")[0] for line in answer.out.splitlines()] == ["Job 1", "Job 2", "Job 3"]


def test_where_no_daemon_answers_that_is_said_once(lonely: CommandLine) -> None:
    answer = lonely("cancel", "1", "2")
    assert (answer.status, answer.out) == (69, "") and answer.err.count("cannot be reached") == 1


def test_a_deadline_can_be_moved_and_taken_away(carbonq: CommandLine) -> None:
    carbonq.service.add()
    moved = carbonq("update", "1", "--by", "2099-01-01 09:00", "--json").json
    assert moved["deadline"] == "2099-01-01T09:00:00Z"
    assert carbonq("update", "1", "--by", "none", "--json").json["deadline"] is None


def test_an_ended_job_cannot_be_changed(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    answer = carbonq("cancel", "1")
    assert answer.status == 2 and "has ended" in answer.err


def test_a_doctor_names_what_is_wrong_and_the_next_step(carbonq: CommandLine) -> None:
    """Every mistake of the settings file at once."""
    file = carbonq.home / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[grid]\npoll = 5\n[sight]\npue = 0.5\n")
    carbonq.service.settings_file = file
    answer = carbonq("doctor", "--json")
    settings = next(f for f in answer.json["findings"] if f["check"] == "settings")
    assert settings["verdict"] == "problem" and "poll" in settings["text"] and "sight" in settings["text"]
    assert answer.status == 1 and answer.json["ok"] is False


def test_a_doctor_looks_into_the_settings_that_the_running_daemon_reads(carbonq: CommandLine) -> None:
    """Of one that was started with --config, not into those that it would read without."""
    usual, given = carbonq.home / "config" / "config.toml", carbonq.home / "other.toml"
    usual.parent.mkdir(parents=True)
    usual.write_text("[sight]\n")
    given.write_text("[site]\npue = 1.2\n")
    carbonq.service.settings_file = given
    settings = _finding(carbonq, "settings")
    assert settings["verdict"] == "ok"
    assert settings["text"] == f"{given}, which the running daemon reads, and not {usual}"
    given.write_text("[site]\npue = 0.5\n")
    settings = _finding(carbonq, "settings")
    assert settings["verdict"] == "problem" and settings["text"].startswith(str(given))


def test_a_doctor_says_that_settings_changed_after_the_daemon_had_read_them(carbonq: CommandLine) -> None:
    """And nothing of the kind where they are older than the daemon."""
    file = carbonq.home / "other.toml"
    file.write_text("[site]\npue = 1.2\n")
    carbonq.service.settings_file = file
    started = a_status(carbonq.service.now).started_at.timestamp()
    os.utime(file, (started + 60, started + 60))
    text = f"{file} was changed"
    [said] = [f for f in carbonq("doctor", "--json").json["findings"] if f["text"].startswith(text)]
    assert said["verdict"] == "warning" and "restart the daemon" in said["text"]
    os.utime(file, (started - 60, started - 60))
    assert not [f for f in carbonq("doctor", "--json").json["findings"] if f["text"].startswith(text)]


def _finding(carbonq: CommandLine, check: str) -> dict[str, Any]:
    return next(f for f in carbonq("doctor", "--json").json["findings"] if f["check"] == check)


def test_a_doctor_sees_a_socket_that_others_can_reach(carbonq: CommandLine) -> None:
    socket = carbonq.home / "run" / "api.sock"
    socket.chmod(0o666)
    try:
        finding = next(f for f in carbonq("doctor", "--json").json["findings"] if f["check"] == "socket")
    finally:
        socket.chmod(0o600)
    assert finding["verdict"] == "problem" and "chmod" in finding["text"]


def test_a_doctor_works_without_a_daemon(lonely: CommandLine) -> None:
    answer = lonely("doctor")
    assert answer.status == 69
    assert "problem" in answer.out and "carbonq daemon" in answer.out and "settings" in answer.out


@pytest.mark.parametrize("number", ["9" * 23, "4711"])
def test_a_number_that_no_job_has_is_not_found_however_long_it_is(carbonq: CommandLine, number: str) -> None:
    answer = carbonq("explain", number, "--json")
    assert (answer.status, answer.json["error"]["code"]) == (2, "not-found")
    assert f"no job {number}" in answer.json["error"]["message"]


def test_what_is_no_number_is_said_to_be_none(carbonq: CommandLine) -> None:
    assert "'abc' is not a whole number" in carbonq("explain", "abc").err


def test_a_deadline_given_twice_is_refused_for_that(carbonq: CommandLine) -> None:
    assert "both say the new deadline; give one" in carbonq("update", "1", "--by", "none", "--within", "3h").err


def test_where_nothing_matches_it_is_not_said_that_there_are_no_jobs(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    assert carbonq("list", "--user", "nobody").out.startswith("No job matches.")
    assert carbonq("history", "--user", "nobody").out == "No job that has ended matches.\n"


def test_a_held_job_is_told_how_it_is_let_go(carbonq: CommandLine) -> None:
    carbonq.service.add()
    assert carbonq("hold", "1").out.rstrip().endswith("is held (held-by-user); `carbonq release 1` lets it be planned.")
