"""`carbonq clean`: how much was removed, what could not be, and that nothing is removed unasked."""

from __future__ import annotations

import os
import pwd
from datetime import timedelta
from typing import TYPE_CHECKING

from fakes.clock import NOON
from fakes.views import COMPLETED

from scheduler.service_views.requests import LogStream

if TYPE_CHECKING:
    from conftest import CommandLine

ME = pwd.getpwuid(os.getuid()).pw_name


def ended(carbonq: CommandLine, written: bytes = b"w" * 2048, **fields: object) -> int:
    """A job that has ended and left a log."""
    row = carbonq.service.add(**{**COMPLETED, **fields})
    assert row.id is not None
    carbonq.service.logs[row.id, LogStream.STDOUT] = [written]
    return row.id


def test_each_job_and_the_whole_are_said(carbonq: CommandLine) -> None:
    ended(carbonq), ended(carbonq)
    assert carbonq("clean", "1", "2").out.splitlines() == [
        "Job 1: 2.00 KiB of logs and checkpoints removed.",
        "Job 2: 2.00 KiB of logs and checkpoints removed.",
        "4.00 KiB in all.",
    ]
    assert carbonq("logs", "1").out == ""


def test_a_dry_run_removes_nothing(carbonq: CommandLine) -> None:
    ended(carbonq)
    assert carbonq("clean", "1", "--dry-run").out == "Job 1: 2.00 KiB of logs and checkpoints would be removed.\n"
    assert len(carbonq("logs", "1").out) == 2048


def test_json_has_a_row_for_each(carbonq: CommandLine) -> None:
    ended(carbonq)
    carbonq.service.not_ours[1] = ("/var/lib/carbonq-worker/runs/checkpoints/1",)
    answer = carbonq("clean", "1", "--json")
    assert answer.json == [{"job": 1, "freed_bytes": 2048, "left": ["/var/lib/carbonq-worker/runs/checkpoints/1"]}]


def test_what_only_the_user_of_the_job_can_remove_is_named(carbonq: CommandLine) -> None:
    ended(carbonq)
    carbonq.service.not_ours[1] = ("/runs/checkpoints/1",)
    assert "/runs/checkpoints/1 belongs to the user of job 1" in carbonq("clean", "1").err


def test_by_age_all_of_ones_own_that_ended_so_long_ago_are_taken(carbonq: CommandLine) -> None:
    ended(carbonq, user=ME, ended_at=NOON - timedelta(days=400))
    ended(carbonq, user="somebody-else", ended_at=NOON - timedelta(days=400))
    assert [view["job"] for view in carbonq("clean", "--older-than", "30d", "--json").json] == [1]
    asked = carbonq.service.queries[-1]
    assert asked.with_files and asked.user == ME and asked.until is not None


def test_where_nothing_is_that_old_it_says_so(carbonq: CommandLine) -> None:
    assert carbonq("clean", "--older-than", "30d").out == "No job of yours that ended so long ago has any left.\n"
    assert carbonq("clean", "--older-than", "30d", "--json").json == []


def test_it_must_be_told_which_jobs(carbonq: CommandLine) -> None:
    for words in (["clean"], ["clean", "1", "--older-than", "30d"]):
        answer = carbonq(*words)
        assert answer.status == 2
        assert "--older-than 30d" in answer.err


def test_a_job_that_has_not_ended_keeps_its_files_and_the_others_are_cleaned(carbonq: CommandLine) -> None:
    carbonq.service.add()
    ended(carbonq)
    answer = carbonq("clean", "1", "2")
    assert answer.status == 2
    assert answer.out == "Job 2: 2.00 KiB of logs and checkpoints removed.\n"
    assert "clean it once it has ended" in answer.err
