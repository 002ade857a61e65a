"""`carbonq recompute`: what changed, what did not, and what could not be asked."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

from fakes.views import COMPLETED, a_recomputed

from scheduler.domain.lifecycle import JobState

if TYPE_CHECKING:
    from conftest import CommandLine

ME = pwd.getpwuid(os.getuid()).pw_name


def test_old_and_new_figure_and_the_reason_are_said(carbonq: CommandLine) -> None:
    row = carbonq.service.add(**COMPLETED)
    carbonq.service.add(**COMPLETED)
    note = "restated: emissions 24 g -> 30 g; its intensity was revised"
    carbonq.service.recomputed[1] = a_recomputed(row, emissions_g=30.0, note=note)
    lines = carbonq("recompute", "1", "2").out.splitlines()
    assert lines[0] == f"Job 1: 24.0 gCO2eq (final) -> 30.0 gCO2eq (final); {note}."
    assert lines[1:] == ["Job 2: unchanged, 24.0 gCO2eq (final).", "2 statements drawn up anew, 1 changed."]


def test_json_has_both_statements(carbonq: CommandLine) -> None:
    row = carbonq.service.add(**COMPLETED)
    carbonq.service.recomputed[1] = a_recomputed(row, emissions_g=30.0)
    [answer] = carbonq("recompute", "1", "--json").json
    assert (answer["job"], answer["changed"], answer["asked"]) == (1, True, True)
    assert (answer["before"]["emissions_g"], answer["statement"]["emissions_g"]) == (24.0, 30.0)


def test_without_a_number_all_of_ones_own_that_ended_lately_are_taken(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED, user=ME)
    carbonq.service.add(user=ME)
    carbonq.service.add(**COMPLETED, user="somebody-else")
    assert [view["job"] for view in carbonq("recompute", "--since", "30d", "--json").json] == [1]
    query = carbonq.service.queries[-1]
    assert query.user == ME and query.since is not None


def test_where_nothing_ended_nothing_is_asked(carbonq: CommandLine) -> None:
    assert carbonq("recompute").out == "No job has ended in that time.\n"
    assert carbonq("recompute", "--json").json == []


def test_a_provider_that_did_not_answer_is_named_by_the_jobs_it_leaves(carbonq: CommandLine) -> None:
    carbonq.service.recomputed[1] = a_recomputed(carbonq.service.add(**COMPLETED), asked=False)
    answer = carbonq("recompute", "1")
    assert answer.status == 0 and "did not answer for job 1" in answer.err


def test_one_statement_is_not_told_as_several(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    assert carbonq("recompute", "1").out.splitlines()[-1] == "1 statement drawn up anew, 0 changed."


def test_a_job_that_is_not_there_is_refused(carbonq: CommandLine) -> None:
    answer = carbonq("recompute", "7")
    assert answer.status == 2 and "no job 7" in answer.err


def test_one_that_is_not_there_does_not_keep_the_others_from_being_drawn_up(carbonq: CommandLine) -> None:
    for _ in range(4):
        carbonq.service.add(**COMPLETED)
    answer = carbonq("recompute", "1", "8", "2", "3", "9", "4")
    assert [line.split(":")[0] for line in answer.out.splitlines()[:-1]] == ["Job 1", "Job 2", "Job 3", "Job 4"]
    assert answer.out.splitlines()[-1] == "4 statements drawn up anew, 0 changed."
    assert [line.split(";")[0] for line in answer.err.splitlines()] == [
        "carbonq: there is no job 8", "carbonq: there is no job 9",
    ]  # fmt: skip
    assert answer.status == 2


def test_under_json_an_error_stands_in_the_place_of_its_statement(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    answer = carbonq("recompute", "8", "1", "--json")
    assert [value["job"] for value in answer.json] == [8, 1]
    assert answer.json[0]["error"]["code"] == "not-found" and "statement" in answer.json[1]
    assert (answer.status, answer.err) == (2, "")


def test_where_none_is_there_nothing_is_said_to_have_ended(carbonq: CommandLine) -> None:
    answer = carbonq("recompute", "8", "9")
    assert (answer.status, answer.out) == (2, "") and answer.err.count("no job") == 2


def test_many_jobs_are_sent_in_pieces(carbonq: CommandLine) -> None:
    for _ in range(150):
        carbonq.service.add(**COMPLETED, user=ME)
    assert len(carbonq("recompute", "--json").json) == 150
    assert all(row.state is JobState.COMPLETED for row in carbonq.service.rows.values())


def test_where_the_daemon_fails_halfway_what_came_before_is_told(carbonq: CommandLine) -> None:
    for _ in range(250):
        carbonq.service.add(**COMPLETED)
    carbonq.service.stumbles_over = 120
    answer = carbonq("recompute", *map(str, range(1, 251)))
    assert (answer.status, answer.err) == (1, "carbonq: the disk is full; make room and ask again\n")
    assert answer.out.splitlines()[-1] == "100 statements drawn up anew, 0 changed."
