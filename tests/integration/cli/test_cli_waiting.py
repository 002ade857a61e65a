"""Waiting for jobs and reading their logs: exit statuses, Ctrl-C, a daemon that restarts."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes.api_server import api_server
from fakes.daemon_service import FakeDaemonService
from fakes.views import COMPLETED

from scheduler.domain.lifecycle import JobState, Reason
from scheduler.service_views.requests import LogStream

if TYPE_CHECKING:
    from conftest import CommandLine

NONZERO, SIGNALLED = Reason.EXITED_NONZERO, Reason.SIGNALLED


def ended(state: JobState, reason: Reason, exit_code: int | None, detail: str | None = None) -> dict[str, Any]:
    return {**COMPLETED, "state": state, "reason": reason, "exit_code": exit_code, "detail": detail}


@pytest.mark.parametrize(
    ("state", "reason", "exit_code", "status"),
    [
        (JobState.COMPLETED, Reason.EXITED_ZERO, 0, 0),
        (JobState.FAILED, NONZERO, 3, 3),
        (JobState.FAILED, SIGNALLED, 137, 137),
        (JobState.FAILED, Reason.COULD_NOT_START, 127, 127),
        (JobState.CANCELLED, Reason.COULD_NOT_START, None, 127),
        (JobState.CANCELLED, Reason.CANCELLED_BY_USER, None, 143),
        (JobState.CANCELLED, Reason.CANCELLED_BY_USER, 0, 143),
        (JobState.TIMEOUT, Reason.TIME_LIMIT, None, 124),
        (JobState.TIMEOUT, Reason.TIME_LIMIT, 143, 124),
        (JobState.TIMEOUT, Reason.TIME_LIMIT, 137, 124),
        (JobState.TIMEOUT, Reason.TIME_LIMIT, 0, 124),
        (JobState.LOST, Reason.WORKER_LOST, None, 1),
    ],
)
@pytest.mark.parametrize("argv", [["wait", "1"], ["logs", "-f", "1"], ["wait", "1", "--json"]])
def test_the_status_is_the_jobs_own(
    carbonq: CommandLine, argv: list[str], state: JobState, reason: Reason, exit_code: int | None, status: int
) -> None:
    """A job that was stopped is never taken for one that succeeded, even if it left with 0."""
    carbonq.service.add(**ended(state, reason, exit_code))
    assert carbonq(*argv).status == status


@pytest.mark.parametrize(
    ("state", "reason", "exit_code", "detail", "said"),
    [
        (
            JobState.FAILED,
            Reason.COULD_NOT_START,
            127,
            "cannot execute ./n.sh: the interpreter in its first line does not exist; check that line",
            "failed (could-not-start), exit status 127: cannot execute ./n.sh: the interpreter in its first line does "
            "not exist; check that line",
        ),
        (
            JobState.TIMEOUT,
            Reason.TIME_LIMIT,
            143,
            None,
            "timeout (time-limit): it ran for 12 h, as long as its --time-limit allows",
        ),
        (JobState.FAILED, SIGNALLED, 137, "ended by SIGKILL", "failed (signalled), exit status 137: ended by SIGKILL"),
        (JobState.CANCELLED, Reason.CANCELLED_BY_USER, 143, None, "cancelled (cancelled-by-user)"),
        (JobState.LOST, Reason.WORKER_LOST, None, "its worker was lost", "lost (worker-lost): its worker was lost"),
    ],
)
def test_a_job_that_did_not_end_by_itself_is_told_with_the_reason(
    carbonq: CommandLine, state: JobState, reason: Reason, exit_code: int | None, detail: str | None, said: str
) -> None:
    """Its status alone would leave one guessing."""
    carbonq.service.add(**ended(state, reason, exit_code, detail))
    carbonq.service.time_limits_s[1] = 43_200.0
    assert carbonq("logs", "-f", "1").err == f"carbonq: job 1 is {said}\n"
    answer = carbonq("wait", "1")
    assert (answer.out, answer.err) == (f"Job 1 (train) is {said}.\n", "")


def test_a_job_that_is_waited_for_from_its_submission_is_told_the_same_way(carbonq: CommandLine) -> None:
    process = carbonq.process("submit", "--wait", "true")
    _until_asked(carbonq.service, more_than=2)
    carbonq.service.change(1, **ended(JobState.FAILED, Reason.COULD_NOT_START, 127, "command not found: true"))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 127
    assert "job 1 is failed (could-not-start), exit status 127: command not found: true" in err.decode()


def test_of_a_job_that_ended_by_itself_nothing_is_said_but_its_status(carbonq: CommandLine) -> None:
    carbonq.service.add(**ended(JobState.FAILED, NONZERO, 3, "exit code 3"))
    assert carbonq("logs", "-f", "1").err == ""
    assert carbonq("wait", "1").out == "Job 1 (train) is failed (exited-nonzero), exit status 3.\n"


def test_of_several_jobs_the_first_failure_counts(carbonq: CommandLine) -> None:
    for code in (0, 5, 6):
        carbonq.service.add(**ended(JobState.FAILED if code else JobState.COMPLETED, NONZERO, code))
    answer = carbonq("wait", "1", "2", "3", "--json")
    assert answer.status == 5
    assert [job["id"] for job in answer.json] == [1, 2, 3]


def test_a_number_that_no_job_has_does_not_keep_the_others_from_being_waited_for(carbonq: CommandLine) -> None:
    for code in (5, 0):
        carbonq.service.add(**ended(JobState.FAILED if code else JobState.COMPLETED, NONZERO, code))
    answer = carbonq("wait", "9", "2", "1")
    assert [line.split(" (")[0] for line in answer.out.splitlines()] == ["Job 2", "Job 1"]
    assert "no job 9" in answer.err and answer.status == 2
    assert carbonq("wait", "1", "9").status == 5
    answer = carbonq("wait", "2", "9", "1", "--json")
    assert [value["id"] for value in answer.json] == [2, 9, 1]
    assert answer.json[1]["error"]["code"] == "not-found"
    assert (answer.status, answer.err) == (2, "")


def test_what_cannot_be_waited_for_is_told_before_the_waiting(carbonq: CommandLine) -> None:
    """Not hours later, when the job before it has ended."""
    carbonq.service.add()
    process = carbonq.process("wait", "1", "9")
    assert process.stderr is not None
    assert b"no job 9" in process.stderr.readline()
    assert carbonq.service.rows[1].state is JobState.QUEUED
    carbonq.service.change(1, **ended(JobState.COMPLETED, Reason.EXITED_ZERO, 0))
    assert process.wait(timeout=30) == 2
    process.communicate()


def test_of_several_jobs_those_that_ended_in_time_are_told(carbonq: CommandLine) -> None:
    carbonq.service.add()
    carbonq.service.add(**COMPLETED)
    answer = carbonq("wait", "1", "2", "--timeout", "0.2s")
    assert answer.out.startswith("Job 2 ") and "job 1 has not ended" in answer.err
    assert answer.status == 75


def test_waiting_gives_up_after_its_timeout_and_the_job_goes_on(carbonq: CommandLine) -> None:
    carbonq.service.add()
    answer = carbonq("wait", "1", "--timeout", "0.2s", "--json")
    assert answer.status == 75 and answer.json["error"]["code"] == "timeout"
    assert carbonq.service.rows[1].state is JobState.QUEUED


@pytest.mark.parametrize("argv", [["wait", "1"], ["logs", "-f", "1"], ["submit", "--wait", "sleep", "1"]])
def test_ctrl_c_leaves_the_job_alone_and_says_so(carbonq: CommandLine, argv: list[str]) -> None:
    job = carbonq.service.add().id
    process = carbonq.process(*argv)
    waited_for = 2 if argv[0] == "submit" else job
    _until_asked(carbonq.service, more_than=2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"job {waited_for} goes on" in err.decode() and "Traceback" not in err.decode()
    assert all(row.state is JobState.QUEUED for row in carbonq.service.rows.values())


def test_waiting_outlasts_a_restart_of_the_daemon(lonely: CommandLine, tmp_path: Path) -> None:
    """An upgrade of the daemon must not end a script that waits for its job."""
    path = tmp_path / "home" / "run" / "api.sock"
    service = FakeDaemonService()
    service.add()
    with api_server(service, path):
        process = lonely.process("wait", "1")
        _until_asked(service, more_than=1)
    service.change(1, **ended(JobState.FAILED, NONZERO, 9))
    with api_server(service, path):
        assert process.wait(timeout=30) == 9
    process.communicate()


def _until_asked(service: FakeDaemonService, more_than: int) -> None:
    """Until the command has asked the daemon that often: then it waits."""
    enough = threading.Event()
    for _ in range(1200):
        if len(service.callers) > more_than:
            return
        enough.wait(0.025)
    raise AssertionError("the command never asked")


def test_logs_are_printed_byte_for_byte(carbonq: CommandLine) -> None:
    """Also what is no UTF-8, and what ends without a line end."""
    carbonq.service.add(**COMPLETED)
    carbonq.service.logs[1, LogStream.STDOUT] = [b"one\n\xff\x00", b"two"]
    out, _ = carbonq.process("logs", "1").communicate(timeout=30)
    assert out == b"one\n\xff\x00two"


def test_stderr_is_another_stream(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    carbonq.service.logs[1, LogStream.STDERR] = [b"oh\n"]
    assert carbonq("logs", "1").out == ""
    assert carbonq("logs", "--stderr", "1").out == "oh\n"


@pytest.mark.parametrize(("lines", "text"), [(0, ""), (1, "c"), (2, "b\nc"), (9, "a\nb\nc")])
def test_tail_keeps_the_last_lines(carbonq: CommandLine, lines: int, text: str) -> None:
    """Wherever the pieces are cut."""
    carbonq.service.add(**COMPLETED)
    carbonq.service.logs[1, LogStream.STDOUT] = [b"a\nb", b"\n", b"c"]
    assert carbonq("logs", "--tail", str(lines), "1").out == text


def test_following_prints_what_comes_until_the_job_ends(carbonq: CommandLine) -> None:
    service = carbonq.service
    service.add(state=JobState.RUNNING)
    service.logs[1, LogStream.STDOUT] = [b"first\n"]
    process = carbonq.process("logs", "-f", "1")
    assert process.stdout is not None
    assert process.stdout.readline() == b"first\n"
    service.logs[1, LogStream.STDOUT].append(b"second\n")
    assert process.stdout.readline() == b"second\n"
    service.change(1, **ended(JobState.FAILED, NONZERO, 4))
    assert process.wait(timeout=30) == 4
    process.communicate()


def test_logs_as_json_are_text_with_what_is_no_text_replaced(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    carbonq.service.logs[1, LogStream.STDOUT] = [b"a\xff\n"]
    assert carbonq("logs", "1", "--json").json == {"job": 1, "stream": "stdout", "text": "a�\n"}
